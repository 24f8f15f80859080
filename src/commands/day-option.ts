import { InvalidArgumentError } from 'commander';

/** A day as an option's value, `YYYY-MM-DD`. */
export function dayOption(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError('A day is YYYY-MM-DD.');
}
