import { Spool } from '../../src/ingest/spool.js';

/**
 * A process for spool.test.ts to kill: appends without end, and prints the sequence number of each append once its
 * promise has resolved, which is when a producer would be answered.
 */
const spool = new Spool(process.argv[2] as string);
let written = 0;

async function appendForever(): Promise<void> {
  for (;;) {
    const id = `event-${written++}`;
    const chunk = await spool.append({
      tenant: 'UA',
      stream: 'events',
      events: 1,
      receivedAt: Date.now(),
      types: ['t'],
      firstEvent: id,
      lastEvent: id,
      ndjson: Buffer.from(`{"id":"${id}","pad":"${'x'.repeat(500)}"}\n`),
      prints: Buffer.alloc(16, written % 256),
    });
    process.stdout.write(`${chunk.seq} ${id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, appendForever));
