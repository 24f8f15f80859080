import type { DeliveryEntry } from './delivery-log.js';

/** Answers of one pass are kept up to this number of bytes; further attempts are kept without. */
export const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/** What one pass has done so far, bounded: as many entries as it makes attempts, and no more than 8 MB of answers. */
export class DeliveryJournal {
  private readonly kept: DeliveryEntry[] = [];
  private responseBytes = 0;

  /** Everything added, in that order. */
  get entries(): readonly DeliveryEntry[] {
    return this.kept;
  }

  /** Adds an attempt; its answer only while there is room, which the entry says. */
  add({ response, ...entry }: DeliveryEntry): void {
    if (response === undefined || response === '') return void this.kept.push(entry);
    this.responseBytes += Buffer.byteLength(response);
    const fits = this.responseBytes <= MAX_RESPONSE_BYTES;
    this.kept.push(fits ? { ...entry, response } : { ...entry, responseOmitted: true });
  }
}
