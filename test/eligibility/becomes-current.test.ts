import assert from 'node:assert/strict';
import { replayedStatusOf, type ReplayedDecision } from '../../src/eligibility/becomes-current.js';
import type { CurrentDecision } from '../../src/stores/state/state-store.js';

const at = (minute: number): string => new Date(Date.UTC(2024, 2, 10, 12, minute)).toISOString();

const decision = (eventId: string, minute: number, ruleVersion = 'v2'): CurrentDecision => ({
  outcome: 'eligible',
  reason: 'r',
  ruleVersion,
  eventId,
  eventSource: '/a',
  time: at(minute),
});
const replayed = (eventId: string, minute: number, received = minute): ReplayedDecision => ({
  ...decision(eventId, minute),
  receivedAt: at(received),
});

describe('a replayed decision', () => {
  const cases: [
    what: string,
    ...Parameters<typeof replayedStatusOf>,
    is: ReturnType<typeof replayedStatusOf>,
  ][] = [
    ['where there is none yet', replayed('e', 1), undefined, 'v2', 'madeCurrent'],
    ['on the same event, by another version', replayed('e', 1), decision('e', 1, 'v1'), 'v2', 'madeCurrent'],
    ['on the same event, by the same version', replayed('e', 1), decision('e', 1), 'v2', 'alreadyCurrent'],
    ['on a later event', replayed('e', 2), decision('x', 1, 'v1'), 'v2', 'madeCurrent'],
    ['on an earlier event', replayed('e', 1), decision('x', 2), 'v2', 'older'],
    ['on an earlier event, whatever the version', replayed('e', 1), decision('x', 2, 'v1'), 'v2', 'older'],
    ['on another event of that time, by another version', replayed('e', 1), decision('x', 1, 'v1'), 'v2', 'madeCurrent'], // prettier-ignore
    ['on another event of that time, by the same version', replayed('e', 1), decision('x', 1), 'v2', 'older'],
    ['by a version that is not in force', replayed('e', 2), decision('x', 1), 'v3', 'ruleChanged'],
    ['of a rule that is gone', replayed('e', 2), undefined, undefined, 'ruleChanged'],
    ['whose event had a clock that was ahead of its receipt', replayed('e', 50, 1), decision('x', 2), 'v2', 'older'], // prettier-ignore
  ];
  for (const [what, now, current, inForce, is] of cases)
    it(`${what}: ${is}`, () => assert.equal(replayedStatusOf(now, current, inForce), is));

  it('is on another event where the source is another; version 0.1.0 knew events by their id', () => {
    const other = { ...decision('e', 2), eventSource: '/b' };
    assert.equal(replayedStatusOf(replayed('e', 1), other, 'v2'), 'older');
    const former = { ...decision('e', 2), eventSource: undefined };
    assert.equal(replayedStatusOf(replayed('e', 1), former, 'v2'), 'alreadyCurrent');
  });
});
