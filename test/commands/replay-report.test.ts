import assert from 'node:assert/strict';
import { reachNote } from '../../src/commands/replay-report.js';
import type { Reach, ReplayView } from '../../src/commands/replay-client.js';

const KEPT: Reach = { retentionMs: 1, keptSince: '2026-03-10T12:00:00.000Z' };

/** A replay of a range that has found so many events. */
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
