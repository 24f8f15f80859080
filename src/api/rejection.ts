/** Why an event was not taken. */
export type RejectionCode =
  | 'unreadable'
  | 'invalid_attribute'
  | 'invalid_data'
  | 'too_large'
  | 'time_out_of_range'
  | 'schema_violation'
  | 'profile_full';

/** An event that was not taken, and why, for its sender. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly reason: string;
  /** With `schema_violation`: JSON pointer into the event's data. */
  readonly pointer?: string;
}
