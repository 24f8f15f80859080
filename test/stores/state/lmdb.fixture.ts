import { openLmdbStateStore } from '../../../src/stores/state/lmdb.js';

/**
 * A process for lmdb.test.ts, of which several run at once: adds 1 to a number in a profile, again and again, each
 * time as a batch of its own, and does over what conflicts. Prints how often it met a conflict.
 */
const [directory, name, commits] = process.argv.slice(2) as [string, string, string];
const store = openLmdbStateStore(directory);
let conflicts = 0;
for (let done = 0; done < Number(commits);) {
  const revision = store.revision('UA', 'user-properties');
  const profile = store.profile('UA', 's1') ?? { values: { n: 0 }, times: {} };
  const values = { n: (profile.values.n as number) + 1 };
  // Room for the other process to come between the reading and the writing.
  await new Promise(setImmediate);
  try {
    await store.commit({
      tenant: 'UA',
      stream: 'user-properties',
      revision,
      profiles: new Map([['s1', { values, times: {} }]]),
      applied: {
        batchId: `20990101-${name.repeat(8)}-${String(done).padStart(9, '0')}`,
        events: 1,
        evaluated: 0,
        eligible: {},
      },
    });
    done++;
  } catch (error) {
    if ((error as { code?: string }).code !== 'STATE_CONFLICT') throw error;
    conflicts++;
  }
}
await store.close();
process.stdout.write(String(conflicts));
