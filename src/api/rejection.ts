import type { REJECTIONS } from '../reference/errors/events.js';

/** Why an event was not taken. */
export type RejectionCode = keyof typeof REJECTIONS;

/** An event that was not taken, and why, for its sender. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly reason: string;
  /** With `schema_violation`: JSON pointer into the event's data. */
  readonly pointer?: string;
}
