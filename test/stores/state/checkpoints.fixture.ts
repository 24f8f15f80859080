import { openState } from '../../support/state-stores.js';

/**
 * A process for the conformance suite to kill: writes checkpoints without end, the `n`th with the number in a hundred subjects and
 * as watermark, larger each time, so that a full disk is soon met, and prints the number once it is told that it is on disk.
 */
const store = await openState(process.argv[2] as string);
for (let n = 1; ; n++) {
  const subjects = Array.from({ length: 100 }, (_, index) => ({
    tenant: 'UA',
    subject: `s${index}`,
    json: JSON.stringify({
      state: { aggregates: {} },
      decisions: {},
      profile: { values: { n, pad: 'x'.repeat(200 * n) }, times: {} },
    }),
  }));
  await store.checkpoint({ subjects, watermarks: new Map([['UA', n]]) });
  process.stdout.write(`${n}\n`);
}
