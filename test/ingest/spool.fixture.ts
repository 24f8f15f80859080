import { Spool } from '../../src/ingest/spool.js';
import { event } from '../support/events.js';
import { appendTo, recordOf } from '../support/records.js';

/**
 * A process for spool.test.ts to kill: appends without end, and prints the sequence number of each append once its
 * promise has resolved, which is when a producer would be answered.
 */
const spool = new Spool(process.argv[2] as string);
let written = 0;

async function appendForever(): Promise<void> {
  for (;;) {
    const id = `event-${written++}`;
    const decided = { evaluated: 1, eligible: {}, ndjson: `{"event_id":"${id}"}\n` };
    const rows = [event(id, 0, { data: { pad: 'x'.repeat(500) } })];
    const chunk = await appendTo(spool, ...recordOf('UA', 'events', rows, decided));
    process.stdout.write(`${chunk.seq} ${id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, appendForever));
