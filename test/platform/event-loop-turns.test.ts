import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Turns, type Turn } from '../../src/platform/event-loop-turns.js';

const SHARE_MS = 10;

describe('turns of the event loop', () => {
  let now: number;
  let turns: Turns;
  let log: string[];

  beforeEach(() => {
    now = 0;
    log = [];
    turns = new Turns({ shareMs: SHARE_MS, clock: () => now });
  });

  /** Work that takes a number of milliseconds of a clock that stands still otherwise. */
  const work = (name: string, ms: number) => (): string => {
    log.push(name);
    now += ms;
    return name;
  };

  it("are a tenant's at once while it has some of its share", () => {
    assert.equal(turns.run('a', work('a1', 9)), 'a1');
    assert.equal(turns.run('a', work('a2', 9)), 'a2');
    assert.ok(turns.run('a', work('a3', 9)) instanceof Promise);
    assert.equal(turns.run('b', work('b1', 9)), 'b1');
    assert.deepEqual(log, ['a1', 'a2', 'b1']);
  });

  it('begin in order what waits, two shares and a half in a turn, each tenant in its turn', async () => {
    void turns.run('a', work('a1', SHARE_MS));
    void turns.run('b', work('b1', SHARE_MS));
    const all = ['a2', 'a3', 'a4', 'b2', 'b3'].map((name) => turns.run(name.charAt(0), work(name, 10)));
    assert.deepEqual(log, ['a1', 'b1']);
    await nextTurn();
    assert.deepEqual(log, ['a1', 'b1', 'a2', 'b2', 'a3']);
    assert.deepEqual(await Promise.all(all), ['a2', 'a3', 'a4', 'b2', 'b3']);
    assert.deepEqual(log, ['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4']);
  });

  it('go on with what has begun, a part of a share in a turn, and begin others beside it', async () => {
    for (const name of ['a1', 'a2', 'a3', 'b1']) void turns.later(name.charAt(0), work(name, 2));
    assert.ok(turns.run('a', work('a4', 2)) instanceof Promise, 'what it has begun comes first');
    assert.equal(turns.run('c', work('c1', SHARE_MS)), 'c1');
    void turns.run('c', work('c2', SHARE_MS));
    await nextTurn();
    assert.deepEqual(log, ['c1', 'c2', 'a1', 'b1']);
    await nextTurn();
    await nextTurn();
    assert.deepEqual(log, ['c1', 'c2', 'a1', 'b1', 'a2', 'a3', 'a4']);
  });

  it('let a piece do all its parts, whose time counts together', () => {
    void turns.run('a', work('a1', 9));
    const parts = turns.run('a', () => {
      work('parse', 6)();
      const examined = turns.run('a', work('examine', 6));
      return [examined, turns.now('a', (turn) => turn.isOver), turns.run('b', work('b1', 1))];
    });
    assert.deepEqual(parts, ['examine', true, 'b1']);
    assert.ok(turns.run('a', work('a2', 1)) instanceof Promise, 'the next is not a part of it');
  });

  it('give less of a turn to what goes on', async () => {
    const until = (turn: Turn): number => {
      let steps = 0;
      for (; !turn.isOver; now += 1) steps++;
      return steps;
    };
    assert.equal(turns.now('a', until), 10);
    assert.equal(await turns.later('a', () => turns.now('a', until)), 4);
  });

  it('are new for a tenant that has waited for the next', async () => {
    void turns.run('a', work('a1', SHARE_MS));
    await nextTurn();
    assert.equal(turns.run('a', work('a2', 1)), 'a2');
  });

  it('go on at once for who needs little while many have much, who wait', async () => {
    void turns.run('little', work('little', 1));
    const many = ['a', 'b', 'c', 'e', 'f', 'g'];
    for (const tenant of many) void turns.run(tenant, work(tenant, 9));
    assert.deepEqual(log, ['little', ...many]);
    assert.ok(turns.run('c', work('c2', 1)) instanceof Promise, 'much was had of this turn');
    assert.ok(turns.run('d', work('d', 8)) !== undefined, 'nothing was had yet');
    assert.equal(turns.run('little', work('little2', 0.5)), 'little2');
    await nextTurn();
    assert.deepEqual(log, ['little', ...many, 'd', 'little2', 'c2']);
  });

  it('count what was had of the turn before, while many have much', async () => {
    void turns.run('a', work('a', 9));
    await nextTurn();
    const many = ['b', 'c', 'd', 'e', 'f', 'g'];
    for (const tenant of many) void turns.run(tenant, work(tenant, 9));
    assert.ok(turns.run('a', work('a2', 1)) instanceof Promise);
    await nextTurn();
    assert.deepEqual(log, ['a', ...many, 'a2']);
  });

  it('end for work that looks when its share is over', () => {
    const until = (turn: Turn): number => {
      let steps = 0;
      for (; !turn.isOver; now += 3) steps++;
      return steps;
    };
    assert.equal(turns.now('a', until), 4);
    assert.equal(turns.now('a', until), 4, 'a request is not cut in two for what came before it');
  });

  it('are left to connections while they come, but for one in eight', async () => {
    for (const name of ['a1', 'a2', 'a3']) void turns.later('a', work(name, 4));
    const seen: string[] = [];
    for (let turn = 1; turn <= 17; turn++) {
      turns.hurry();
      await nextTurn();
      seen.push(log.splice(0).join());
    }
    const work8 = [...Array<string>(7).fill(''), 'a1'];
    assert.deepEqual(seen, [...work8, ...work8.with(-1, 'a2'), '']);
    assert.equal(turns.run('b', work('b1', 2)), 'b1');
    turns.hurry();
    assert.ok(turns.run('b', work('b2', 1)) instanceof Promise, 'it has not had little');
    await nextTurn();
    await nextTurn();
    assert.deepEqual(log, ['b1', 'b2', 'a3']);
  });

  it('give errors to who asked, now or later, and go on', async () => {
    const fail = (): never => {
      throw new Error('no');
    };
    assert.throws(() => turns.run('a', fail), /no/);
    const later = [turns.later('a', fail), turns.later('a', work('a1', 1))];
    await assert.rejects(later[0] as Promise<unknown>, /no/);
    assert.equal(await later[1], 'a1');
  });
});
