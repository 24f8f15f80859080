import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadgateError } from '../../src/errors.js';
import { Spool } from '../../src/ingest/spool.js';
import { event } from '../support/events.js';
import { appendTo, recordOf } from '../support/records.js';

/**
 * A process for spool-sync.test.ts: appends, several at a time and without waiting for those before, while the disk
 * works, while its flushes fail and while it works again, some times over. Prints what became of them.
 */
const [directory, flag] = process.argv.slice(2) as [directory: string, flag: string];
const SETTLED_WITHIN_MS = 5_000;
const spool = new Spool(directory);
const kept: number[] = [];
const refusals = new Set<string>();
let open = 0;
let failing = false;
let keptUnflushed = 0;

async function append(id: string): Promise<void> {
  open++;
  const begunFailing = failing;
  try {
    kept.push((await appendTo(spool, ...recordOf('UA', 'events', [event(id, 0)]))).seq);
    if (begunFailing && failing) keptUnflushed++;
  } catch (error) {
    refusals.add(error instanceof HeadgateError ? error.code : String(error));
  }
  open--;
}

async function appendFor(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < 5; n++) void append(`${round}-${n}`);
    await sleep(3);
  }
}

for (let time = 0; time < 4; time++) {
  await appendFor(50);
  writeFileSync(flag, '');
  failing = true;
  await appendFor(150);
  failing = false;
  rmSync(flag);
}
const keptBefore = kept.length;
await appendFor(100);
for (let waited = 0; open > 0 && waited < SETTLED_WITHIN_MS; waited += 100) await sleep(100);
process.stdout.write(JSON.stringify({ kept, keptBefore, keptUnflushed, refusals: [...refusals], open }));
process.exit(0);
