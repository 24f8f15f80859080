import type { IncomingMessage } from 'node:http';
import type { Written } from './scan-json.js';

/**
 * One event as it came: parsed but not validated, with what its JSON was like, or the reason why it could not be parsed, or
 * was not, as it holds more than any event may.
 */
export type Candidate =
  | { readonly value: unknown; readonly written: Written }
  | { readonly unreadable: string }
  | { readonly excess: string };

/** What of a request says how its body is to be read. */
export type RequestHead = Pick<IncomingMessage, 'headers' | 'rawHeaders'>;
