import bytes from 'bytes';
import ms from 'ms';
import type { Undelivered } from './report.js';

/** A duration in words: `2 hours`, `a moment`. */
export function inWords(seconds: number): string {
  if (seconds < 1) return 'a moment';
  return ms(Math.round(seconds) * 1000, { long: true });
}

/** Bytes in words: `1.5 GB`. */
export function sizeInWords(size: number): string {
  return bytes.format(Math.max(0, size), { unitSeparator: ' ', decimalPlaces: 1 }) ?? `${size} B`;
}

/** What waits, in words: `1,204 events wait, the oldest for 2 hours`; empty where nothing does. */
export function undeliveredInWords({ batches, events, windows, oldestSeconds }: Undelivered): string {
  const waits = [
    ...(batches > 0 ? [amount(Math.max(events, batches), 'event')] : []),
    ...(windows > 0 ? [amount(windows, 'load window')] : []),
  ];
  return waits.length === 0
    ? ''
    : `${waits.join(' and ')} undelivered, the oldest for ${inWords(oldestSeconds)}`;
}

/** A number of things: `1 event`, `1,204 events`. */
export function amount(count: number, thing: string): string {
  return `${count.toLocaleString('en-US')} ${thing}${count === 1 ? '' : 's'}`;
}
