import assert from 'node:assert/strict';
import { createReviewWaiting } from '../../src/dead-letters/review-waiting.js';
import { LineSet } from '../../src/events/line-set.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import type { ReviewInput } from '../../src/workflows/messages/deliveries.js';

const CONFIG = parseTenantConfig(
  '{"tenant":"UA","subscriptions":[{"name":"pulled","kind":"pull"}]}',
  'UA.yaml',
);

function waiting(subscription: string, expiresAt: number): ReviewInput {
  const batch = { tenant: 'UA', stream: 'events', events: 8, bytes: 1, sha256: '' } as const;
  return {
    delivery: {
      tenant: 'UA',
      subscription,
      kind: 'pull',
      priority: 'normal',
      queue: 'q',
      activityQueue: 'a',
      expiresAt,
      batch: { ...batch, batchId: '20240310-0123abcd-000000001' },
    },
    pending: [
      { attempts: 0, lines: LineSet.of([0, 1]).encode(), count: 2 },
      { attempts: 3, lines: LineSet.of([5]).encode(), count: 1, dueAt: 7 },
    ],
  };
}

describe('the review of what waits', () => {
  const review = createReviewWaiting(
    () => CONFIG,
    () => 1_000,
  );

  it('lets it wait while it may, and says of what kind its subscription is', async () => {
    const input = waiting('pulled', 1_001);
    assert.deepEqual(await review(input), { pending: input.pending, dead: [], kind: 'pull' });
  });

  for (const [reason, input] of [
    ['subscription-removed', waiting('gone', 1_001)],
    ['expired', waiting('pulled', 1_000)],
    ['expired', { ...waiting('pulled', 1_001), expired: true }],
  ] as const) {
    it(`gives all of it up in one dead letter: ${reason}${input.expired ? ', by Temporal' : ''}`, async () => {
      const { pending, dead } = await review(input);
      assert.deepEqual([pending, dead.length], [[], 1]);
      const [{ detail, lines, ...rest }] = dead as [(typeof dead)[0]];
      assert.ok(detail.length > 0);
      assert.deepEqual([...LineSet.decode(lines, 8)], [0, 1, 5]);
      assert.deepEqual(rest, { reason, attempts: 3, count: 3 });
    });
  }
});
