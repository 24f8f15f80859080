import { lockSpool } from '../../src/ingest/spool-lock.js';

/** A process for spool-lock.test.ts: holds the lock until it is killed. */
lockSpool(process.argv[2] as string);
process.stdout.write('locked');
setInterval(() => undefined, 1_000);
