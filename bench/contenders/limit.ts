/**
 * `limit`: no engine, no dedupe and no plan, one process: an LMDB append flushed before the acknowledgement, the rule in
 * memory, Parquet from memory every five seconds. What it keeps is not even read back after a crash. Nothing that does
 * the same work can be faster on this stack, so the share of it that Headgate reaches is what durability beyond the
 * append, retries, history and tenants' isolation cost.
 */
import { join } from 'node:path';
import { asBinary, open } from 'lmdb';
import { runContender } from './contender.js';

await runContender(async ({ config, deciding, sink }) => {
  const root = open({ path: join(config.dataDir, 'spool'), encoding: 'binary' });
  let lastKey = 0;
  return {
    accept: async (tenant, events) => {
      const ndjson = Buffer.from(events.map(({ json }) => `${json}\n`).join(''));
      const key = ++lastKey;
      await root.put(key, asBinary(ndjson));
      await root.flushed;
      const rows = events.map(({ row }) => row);
      const decided = deciding.decide(tenant, rows);
      const decisions = { ndjson: Buffer.from(decided.ndjson), rows: decided.evaluated };
      sink.add(tenant, { ndjson, rows: rows.length }, decisions);
    },
    mark: () => lastKey,
    loaded: async (mark) => {
      for (const key of root.getKeys({ end: mark + 1 })) void root.remove(key);
      await root.committed;
    },
    close: () => root.close(),
  };
});
