import assert from 'node:assert/strict';
import { reachNote, replayReport } from '../../src/commands/replay-report.js';
import type { Reach, ReplayView } from '../../src/commands/replay-client.js';

const KEPT: Reach = { retentionMs: 1, keptSince: '2026-03-10T12:00:00.000Z' };

/** A replay of a range that has found a number of events. */
const replayed = (from: string, to: string, events: number): ReplayView =>
  ({ range: { from, to }, report: { events } }) as unknown as ReplayView;

describe('what headgate replay says of a range', () => {
  const noteOf = (from: string, to: string, events: number, reach = KEPT) => {
    const note = reachNote(replayed(from, to, events), reach);
    return note && [note.isGone, note.text];
  };

  it('is nothing where all of it is kept', () => {
    assert.equal(noteOf('2026-03-10T12:00:00Z', '2026-03-11T00:00:00Z', 0), undefined);
  });

  it('is that a part of it is gone, which is no failure', () => {
    const text = 'Of before 2026-03-10T12:00:00.000Z nothing is kept: it was not replayed.';
    assert.deepEqual(noteOf('2026-03-01T00:00:00Z', '2026-03-11T00:00:00Z', 0), [false, text]);
    assert.deepEqual(noteOf('2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', 3), [false, text], 'late events');
  });

  it('is that all of it is gone, which is one; not that no event has ever come', () => {
    assert.deepEqual(noteOf('2020-01-01T00:00:00Z', '2020-02-01T00:00:00Z', 0), [
      true,
      'Of before 2026-03-10T12:00:00.000Z nothing is kept: nothing of this range was replayed.',
    ]);
    const range = ['2020-01-01T00:00:00Z', '2020-02-01T00:00:00Z', 0] as const;
    assert.deepEqual(noteOf(...range, { retentionMs: 1, deletedThrough: '2026-03-09' }), [
      true,
      'Nothing is kept that could be replayed: batches up to 2026-03-09 are deleted.',
    ]);
    assert.deepEqual(noteOf(...range, { retentionMs: 1 }), [
      false,
      'No events are kept yet that could be replayed.',
    ]);
  });
});

describe('what headgate replay says of decisions that become current', () => {
  const said = (applied: object | undefined, dryRun = false): string => {
    const report = { dryRun, batches: 1, events: 3, matched: 3, bytes: 9, seconds: 1, rules: [], notes: [] };
    const task = { kind: 'decide', applyCurrent: true };
    const view = { id: 'r', status: 'completed', version: '0123456789ab', dryRun, task };
    const counts = { decisions: 3, deliveries: 0, skipped: 0 };
    return replayReport({ ...view, report: { ...report, ...counts, applied } } as unknown as ReplayView);
  };
  const NONE = { madeCurrent: 0, alreadyCurrent: 0, older: 0, ruleChanged: 0 };

  it('is how many, and how many were passed over and why', () => {
    assert.match(
      said(NONE),
      /decide again by 0123456789ab, and apply\): completed\n[^]*\n0 decisions became current\n/,
    );
    assert.match(
      said({ madeCurrent: 1_200, alreadyCurrent: 3, older: 2, ruleChanged: 1 }),
      /\n1,200 decisions became current; 3 were so already; 2 passed over: the current one is on a later event; 1 passed over: the rule in force is another, or gone\n/,
    );
    assert.match(said({ ...NONE, madeCurrent: 5 }, true), /\n5 decisions would become current\n/);
  });

  it('is that none did where the workers know nothing of it yet', () => {
    assert.match(
      said(undefined),
      /\nNote: nothing became current: the workers are of an earlier version\.\n/,
    );
  });
});
