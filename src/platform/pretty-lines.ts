import { prettyFactory } from 'pino-pretty';
import { printable } from './printable.js';

/**
 * Makes a line of the log readable at a terminal: time, level, id and phrase, then its fields; an error with its stack below.
 * What came from outside cannot command the terminal.
 */
export function prettyLines(color: boolean): (json: string) => string {
  const pretty = prettyFactory({
    colorize: color,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{id}: {msg}',
    ignore: 'id',
    singleLine: true,
  });
  const safe = (_name: string, value: unknown): unknown =>
    typeof value === 'string' ? printable(value) : value;
  return (json) => pretty(JSON.parse(json, safe));
}
