/** The workflow type of a reload. */
export const RELOAD = 'reload';

/** Days on which batches were made, `YYYY-MM-DD`, UTC, both included; a missing end is open. */
export interface ReloadDays {
  readonly from?: string;
  readonly to?: string;
}

/** Which kept batches of a tenant are announced for loading once more. */
export interface ReloadInput extends ReloadDays {
  readonly tenant: string;
  /** The tenant's queue, where its activities run. */
  readonly activityQueue: string;
}

/** What has been announced so far, over all streams. */
export interface ReloadResult {
  readonly batches: number;
  /** Events and decisions in them. */
  readonly rows: number;
  /** Batches whose file is damaged or was gone: they are not announced. */
  readonly unreadable: number;
}
