import type { SentRequest } from './verification.js';

/** From here on a time since 1970 is in milliseconds: as seconds it would be in the year 5138. */
const FIRST_MS = 1e11;

/** The value of a header, by its name in any letters; undefined where it is empty or not there. */
export function headerOf(headers: SentRequest['headers'], name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A text that is a number of seconds since 1970. */
export function secondsIn(text: string): number | undefined {
  return /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

/** A number of seconds or milliseconds since 1970, as milliseconds. */
export function sinceEpochMs(time: number): number {
  return time < FIRST_MS ? time * 1000 : time;
}

/** A text that is a time in seconds or milliseconds since 1970, as milliseconds. */
export function timeIn(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? sinceEpochMs(Number(text)) : undefined;
}
