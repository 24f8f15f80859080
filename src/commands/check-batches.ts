import type { Config } from '../config.js';
import { HeadgateError, messageOf } from '../errors.js';
import { openBatches } from '../roles/stores.js';
import { fail, ok, type Finding } from './finding.js';

/** Writes an object, reads it, lists it and deletes it. */
export async function checkBatches(config: Config): Promise<Finding> {
  const start = performance.now();
  try {
    await (await openBatches(config)).remote?.check();
    const took = Math.round(performance.now() - start);
    return ok('batches', `gs://${config.batches?.bucket} can be written and read; the check took ${took} ms`);
  } catch (error) {
    const fix =
      error instanceof HeadgateError && error.code === 'BATCH_STORE_REFUSED'
        ? 'do so, or set HEADGATE_BATCHES otherwise: Headgate does not start like this'
        : 'see that the network reaches it: until then events wait in the spool';
    return fail('batches', messageOf(error), fix);
  }
}

/** Opens a key of the store with the master keys that are set; makes none. */
export async function checkBatchKey(config: Config): Promise<Finding> {
  const check = 'batch key';
  const { keys } = await openBatches(config);
  try {
    await keys.check({ create: false });
  } catch (error) {
    const isOfKey = error instanceof HeadgateError && error.code.startsWith('BATCH_KEY_');
    const fix = isOfKey ? 'Headgate does not start like this' : 'see what is said of the batches';
    return fail(check, messageOf(error), fix);
  }
  if (keys.seals) return ok(check, 'batch files are encrypted, and HEADGATE_BATCH_KEY fits them');
  return ok(
    check,
    keys.opens
      ? 'encrypted batch files are read, but no more are encrypted'
      : 'batch files are not encrypted',
  );
}
