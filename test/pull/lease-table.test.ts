import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LineSet } from '../../src/events/line-set.js';
import { LeaseTable, type Lease, type LeaseTableOptions } from '../../src/pull/lease-table.js';
import type { PassResult } from '../../src/workflows/messages/deliveries.js';

const table = (lines: number, more: Partial<LeaseTableOptions> = {}): LeaseTable =>
  new LeaseTable({ lines, pending: [{ attempts: 0, count: lines }], maxAttempts: 3, ...more });

const all = (of: LeaseTable, deadline = 100): Lease[] => {
  const leases: Lease[] = [];
  for (let lease = of.lease(deadline); lease !== undefined; lease = of.lease(deadline)) leases.push(lease);
  return leases;
};

const linesIn = (groups: PassResult['pending'], lines: number): number[] =>
  groups.flatMap((group) => [...LineSet.decode(group.lines, lines)]).sort((a, b) => a - b);

describe('LeaseTable', () => {
  it('hands out the lines in order, each once', () => {
    const of = table(3);
    assert.deepEqual(all(of), [
      { line: 0, number: 1, attempt: 1 },
      { line: 1, number: 2, attempt: 1 },
      { line: 2, number: 3, attempt: 1 },
    ]);
    assert.deepEqual([of.available, of.leased, of.done], [0, 3, false]);
  });

  it('is done when every line is acknowledged', () => {
    const of = table(2);
    for (const { line, number } of all(of)) assert.equal(of.ack(line, number, 0), true);
    assert.equal(of.done, true);
    assert.deepEqual(of.result(), { delivered: 2, failed: 0, pending: [], dead: [] });
  });

  it('takes the same acknowledgement twice, since its answer may have been lost', () => {
    const of = table(1);
    const [{ line, number }] = all(of) as [Lease];
    assert.equal(of.ack(line, number, 0), true);
    assert.equal(of.ack(line, number, 500), true);
    assert.equal(of.nack(line, number, 500), false);
    assert.equal(of.result().delivered, 1);
  });

  it('hands a line out again when its deadline has come, and refuses the old lease for ever', () => {
    const of = table(1);
    const [first] = all(of, 100) as [Lease];
    of.expire(99);
    assert.equal(of.available, 0);
    of.expire(100);
    assert.equal(of.ack(first.line, first.number, 100), false);
    const [second] = all(of, 200) as [Lease];
    assert.deepEqual(second, { line: 0, number: 2, attempt: 2 });
    assert.equal(of.ack(first.line, first.number, 150), false);
    assert.equal(of.extend(first.line, first.number, 900, 150), false);
    assert.equal(of.ack(second.line, second.number, 150), true);
    assert.equal(of.ack(first.line, first.number, 150), false);
  });

  it('refuses an acknowledgement past the deadline that nobody has looked at yet', () => {
    const of = table(1);
    const [{ line, number }] = all(of, 100) as [Lease];
    assert.equal(of.ack(line, number, 100), false);
    assert.deepEqual([of.available, of.leased, of.failed], [1, 0, 1]);
  });

  it('gives a line up when it was handed out as often as allowed', () => {
    const of = table(1, { maxAttempts: 2, detail: 'never' });
    for (const attempt of [1, 2]) {
      const [lease] = all(of) as [Lease];
      assert.equal(lease.attempt, attempt);
      assert.equal(of.nack(lease.line, lease.number, 0), true);
    }
    assert.equal(of.done, true);
    assert.deepEqual(of.result(), {
      delivered: 0,
      failed: 2,
      pending: [],
      dead: [
        {
          reason: 'never-acknowledged',
          detail: 'never',
          attempts: 2,
          lines: LineSet.of([0]).encode(),
          count: 1,
        },
      ],
    });
  });

  it('does not count what never reached its consumer', () => {
    const of = table(3);
    const leases = all(of);
    for (const lease of leases.toReversed()) of.withdraw(lease);
    assert.deepEqual([of.failed, of.leased], [0, 0]);
    assert.deepEqual(
      all(of).map(({ line, number, attempt }) => [line, number, attempt]),
      [
        [0, 4, 1],
        [1, 5, 1],
        [2, 6, 1],
      ],
    );
    assert.equal(of.ack(0, leases[0]!.number, 0), false);
  });

  it('moves a deadline', () => {
    const of = table(2);
    const [first, second] = all(of, 100) as [Lease, Lease];
    assert.equal(of.extend(first.line, first.number, 300, 50), true);
    assert.equal(of.extend(second.line, second.number, 60, 50), true);
    assert.equal(of.nextDeadline <= 60, true);
    of.expire(200);
    assert.equal(of.ack(first.line, first.number, 200), true);
    assert.equal(of.ack(second.line, second.number, 200), false);
  });

  it('goes on from a record: nothing acknowledged comes again, no attempt is forgotten', () => {
    const before = table(4);
    const [a, b] = all(before) as [Lease, Lease];
    before.ack(a.line, a.number, 0);
    before.nack(b.line, b.number, 0);
    before.lease(100);
    const after = table(4, { record: JSON.parse(JSON.stringify(before.record())) as never });
    assert.deepEqual(
      all(after).map(({ line, attempt }) => [line, attempt]),
      [
        [1, 3],
        [2, 2],
        [3, 2],
      ],
    );
    assert.deepEqual([after.result().delivered, after.failed], [1, 1]);
  });

  it('gives up what was handed out as often as allowed by holders before', () => {
    const record = { acked: '', attempts: [[3, LineSet.of([1]).encode()]] as const, failed: 0 };
    const of = table(2, { record });
    assert.deepEqual(
      all(of).map(({ line }) => line),
      [0],
    );
    assert.deepEqual(linesIn(of.result().dead, 2), [1]);
  });

  describe('with an ordering key', () => {
    const keys = ['a', 'b', 'a', undefined, 'a', 'b'];
    const ordered = (): LeaseTable => table(6, { keyOf: (line) => keys[line] });
    const linesOf = (leases: readonly Lease[]): number[] => leases.map(({ line }) => line);

    it('withholds a line while an earlier one of its key is not done', () => {
      const of = ordered();
      const leases = all(of);
      assert.deepEqual(linesOf(leases), [0, 1, 3]);
      of.ack(3, 3, 0);
      assert.deepEqual(linesOf(all(of)), []);
      of.ack(0, 1, 0);
      assert.deepEqual(linesOf(all(of)), [2]);
    });

    it('keeps the order when a line is given back, or its deadline comes', () => {
      const of = ordered();
      all(of, 100);
      of.nack(0, 1, 0);
      assert.deepEqual(linesOf(all(of, 200)), [0]);
      of.expire(150);
      assert.deepEqual(linesOf(all(of)), [1, 3]);
    });

    it('lets the next one go when one is given up', () => {
      const of = table(2, { keyOf: () => 'a', maxAttempts: 1 });
      const [lease] = all(of) as [Lease];
      of.nack(lease.line, lease.number, 0);
      assert.deepEqual(linesOf(all(of)), [1]);
    });
  });

  it('whatever consumers do: each line ends acknowledged or dead once, is never leased to two, and no lease comes twice', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(7), fc.nat(1000)), { maxLength: 200 }),
        (lines, maxAttempts, ordered, moves) => new Consumers(lines, maxAttempts, ordered).run(moves),
      ),
      { numRuns: 300 },
    );
  });
});

/** Consumers who do what they like, and holders who die; checks what was promised to them. */
class Consumers {
  private now = 0;
  private of: LeaseTable;
  private readonly live: {
    line: number;
    number: number;
    attempt: number;
    deadline: number;
    holder: number;
  }[] = [];
  private readonly seen = new Set<string>();
  private readonly done = new Map<number, 'acked' | 'dead'>();
  private holder = 0;

  constructor(
    private readonly lines: number,
    private readonly maxAttempts: number,
    private readonly ordered: boolean,
  ) {
    this.of = this.table();
  }

  run(moves: readonly [number, number][]): void {
    for (const move of moves) this.move(...move);
    while (!this.of.done) {
      this.lease(1_000);
      for (const each of this.live.splice(0)) {
        if (each.holder === this.holder && this.of.ack(each.line, each.number, this.now))
          this.end(each.line, 'acked');
      }
    }
    const { delivered, pending, dead } = this.of.result();
    for (const line of linesIn(dead, this.lines)) this.end(line, 'dead');
    assert.deepEqual(pending, []);
    assert.equal(this.done.size, this.lines);
    assert.equal([...this.done.values()].filter((how) => how === 'acked').length, delivered);
  }

  private table(record?: LeaseTableOptions['record']): LeaseTable {
    const keyOf = this.ordered ? (line: number) => `key-${line % 3}` : undefined;
    return table(this.lines, { maxAttempts: this.maxAttempts, keyOf, record });
  }

  private move(kind: number, at: number): void {
    const one = this.live[at % Math.max(1, this.live.length)];
    if (kind <= 2) this.lease(at);
    else if (kind === 3) this.pass(at % 120);
    else if (kind === 4) this.of = this.table(this.record());
    else if (one === undefined) return;
    else if (kind === 5) this.expected(one, this.of.ack(one.line, one.number, this.now), 'acked');
    else if (kind === 6) this.expected(one, this.of.nack(one.line, one.number, this.now), undefined);
    else if (this.of.extend(one.line, one.number, this.now + at, this.now)) one.deadline = this.now + at;
  }

  /** The process dies; its leases with it. */
  private record(): LeaseTableOptions['record'] {
    this.holder++;
    this.live.length = 0;
    return this.of.record();
  }

  private lease(within: number): void {
    const lease = this.of.lease(this.now + within);
    if (lease === undefined) return;
    const id = `${this.holder}/${lease.number}`;
    assert.equal(this.seen.has(id), false, 'a lease came twice');
    this.seen.add(id);
    assert.equal(this.done.has(lease.line), false, 'what is done came again');
    assert.ok(lease.attempt <= this.maxAttempts);
    assert.equal(
      this.live.some(({ line, deadline }) => line === lease.line && deadline > this.now),
      false,
      'two have it at once',
    );
    if (this.ordered) this.firstOfItsKey(lease.line);
    this.forget(lease.line);
    this.live.push({ ...lease, deadline: this.now + within, holder: this.holder });
  }

  private firstOfItsKey(line: number): void {
    const dead = new Set(linesIn(this.of.result().dead, this.lines));
    for (let before = line - 3; before >= 0; before -= 3)
      assert.ok(this.done.has(before) || dead.has(before), 'it has overtaken another of its key');
  }

  private pass(ms: number): void {
    this.now += ms;
    this.of.expire(this.now);
  }

  private expected(lease: { line: number; deadline: number }, took: boolean, how?: 'acked'): void {
    assert.equal(took, lease.deadline > this.now);
    this.forget(lease.line);
    if (took && how !== undefined) this.end(lease.line, how);
  }

  private forget(line: number): void {
    for (let at = this.live.length - 1; at >= 0; at--)
      if (this.live[at]!.line === line) this.live.splice(at, 1);
  }

  private end(line: number, how: 'acked' | 'dead'): void {
    assert.equal(this.done.has(line), false, 'a line has ended twice');
    this.done.set(line, how);
  }
}
