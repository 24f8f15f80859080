import { readFileSync } from 'node:fs';

/** Headgate's version, as its package says. */
export function headgateVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
