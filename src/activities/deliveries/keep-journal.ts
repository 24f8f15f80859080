import { messageOf } from '../../errors.js';
import type { Logger } from '../../platform/logger.js';
import type { DeliveryLog } from '../../stores/delivery-log/delivery-log.js';
import type { DeliveryJournal } from '../../stores/delivery-log/journal.js';
import type { PassInput } from '../../workflows/messages/deliveries.js';

/** What {@link keepJournal} needs. */
export interface KeepJournalOptions {
  readonly deliveryLog: DeliveryLog;
  readonly log: Pick<Logger, 'warn'>;
}

/** Writes what a pass has done to the delivery log. A log that cannot be written is no reason to deliver everything again. */
export async function keepJournal(
  options: KeepJournalOptions,
  input: PassInput,
  journal: DeliveryJournal,
): Promise<void> {
  if (journal.entries.length === 0) return;
  const { tenant, subscription, batch, priority, cause, pass } = input;
  const { batchId, stream } = batch;
  const name = { tenant, subscription, batchId, stream, priority, cause };
  try {
    await options.deliveryLog.write(name, pass, journal.entries);
  } catch (error) {
    const fields = { tenant, subscription, batch: batchId, attempt: pass, reason: messageOf(error) };
    options.log.warn('DELIVERY_LOG_NOT_WRITTEN', fields);
  }
}
