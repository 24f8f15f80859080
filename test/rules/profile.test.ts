import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EventRow } from '../../src/events/event.js';
import { MAX_PROFILE_KEYS, ProfileLimits } from '../../src/rules/profile-limits.js';
import { mergeProperties } from '../../src/rules/profile.js';
import { newProfileState, type ProfileState } from '../../src/rules/profile-state.js';

function event(data: unknown, time = '2026-01-01T00:00:00Z'): EventRow {
  return {
    specversion: '1.0',
    id: 'e',
    source: '/s',
    type: 'user.properties',
    time,
    subject: 'u',
    data,
    received_at: '2026-01-01T00:00:01.000Z',
  };
}

const at = (second: number) => new Date(1_000_000_000_000 + second * 1000).toISOString();

function merged(events: readonly EventRow[]): ProfileState {
  const profile = newProfileState();
  for (const each of events) mergeProperties(profile, each);
  return profile;
}

describe('rules/profile', () => {
  it('keeps no more tombstones than there may be properties, the newest of them', () => {
    const profile = newProfileState();
    for (let n = 0; n < 3_000; n++) mergeProperties(profile, event({ [`k${n}`]: null, kept: n }, at(n)));
    assert.equal(Object.keys(profile.times).length, MAX_PROFILE_KEYS);
    assert.ok(Object.hasOwn(profile.times, 'k2999') && !Object.hasOwn(profile.times, 'k0'));
    assert.deepEqual(profile.values, { kept: 2_999 });
  });

  it('lets a profile that is larger than it may be get smaller, and not grow', () => {
    const values = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n]));
    const times = Object.fromEntries(Object.keys(values).map((key) => [key, 1]));
    const profile: ProfileState = { values, times };
    const refusal = (data: unknown) =>
      new ProfileLimits((subject) => ({ subject, profile })).refusalOf(event(data));
    assert.match(refusal({ more: 1 }) ?? '', /5001/);
    assert.equal(refusal({ k0: null, k1: 'x' }), undefined);
    assert.equal(refusal({ k2: 'changed' }), undefined);
  });

  it('takes no time as later than the receipt, and lets what a clock that was ahead has set give way', () => {
    const received = (data: unknown, time: string, receivedAt: string): EventRow => ({
      ...event(data, time),
      received_at: receivedAt,
    });
    const ahead = received({ plan: 'ahead' }, '2026-03-04T00:00:00Z', '2026-03-04T00:00:00Z');
    const next = received({ plan: 'next' }, '2026-03-01T00:00:00Z', '2026-03-01T00:00:01Z');
    const late = received({ plan: 'late' }, '2026-02-28T00:00:00Z', '2026-03-01T00:00:02Z');
    assert.equal(merged([ahead, next]).values.plan, 'next');
    assert.equal(merged([ahead, next, late]).values.plan, 'next');
    const future = received({ plan: 'future' }, '2030-01-01T00:00:00Z', '2026-03-01T00:00:00Z');
    assert.equal(merged([future]).times.plan, Date.parse('2026-03-01T00:00:00Z'));
  });

  it('keeps the latest value of each key, whatever order events arrive in', () => {
    const profile = merged([
      event({ plan: 'pro', seats: 5 }, at(2)),
      event({ plan: 'free', city: 'Oslo' }, at(1)),
    ]);
    assert.deepEqual(profile.values, { plan: 'pro', seats: 5, city: 'Oslo' });
  });

  it('gives the same profile for every order of events with distinct times', () => {
    const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
    const value = fc.oneof(fc.constant(null), fc.integer(), fc.string(), fc.record({ x: fc.integer() }));
    const data = fc
      .array(fc.tuple(key, value), { maxLength: 4 })
      .map((pairs) =>
        JSON.parse(`{${pairs.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join()}}`),
      );
    const orders = fc
      .array(data, { maxLength: 8 })
      .map((all) => all.map((each, second) => event(each, at(second))))
      .chain((events) =>
        fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
      );
    fc.assert(
      fc.property(orders, ([inOrder, shuffled]) => {
        const expected = merged(inOrder);
        assert.deepEqual(merged(shuffled), expected);
        assert.deepEqual(merged([...shuffled, ...shuffled]), expected);
      }),
    );
  });

  it('reports whether anything changed, and changes nothing when an event is applied again', () => {
    const profile = newProfileState();
    const first = event({ plan: 'pro', tags: ['x'] }, at(1));
    assert.equal(mergeProperties(profile, first), true);
    const before = structuredClone(profile);
    assert.equal(mergeProperties(profile, first), false);
    assert.deepEqual(profile, before);
  });

  it('lets the later arrived win at the same time', () => {
    assert.equal(merged([event({ plan: 'a' }), event({ plan: 'b' })]).values.plan, 'b');
  });

  it('unsets by null and remembers when, so that an older value does not come back', () => {
    const profile = merged([
      event({ plan: 'pro' }, at(1)),
      event({ plan: null }, at(3)),
      event({ plan: 'x' }, at(2)),
    ]);
    assert.deepEqual(profile.values, {});
    assert.deepEqual(Object.keys(profile.times), ['plan']);
  });

  it('treats __proto__ and constructor as ordinary keys', () => {
    const profile = merged([
      event(JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}')),
    ]);
    assert.deepEqual(Object.keys(profile.values), ['__proto__', 'constructor']);
    assert.equal((profile.values as { admin?: unknown }).admin, undefined);
    assert.equal(({} as { x?: unknown }).x, undefined);
    assert.equal(Object.getPrototypeOf(profile.values), Object.prototype);
    mergeProperties(profile, event(JSON.parse('{"__proto__":null}'), at(900_000_000)));
    assert.deepEqual(Object.keys(profile.values), ['constructor']);
  });

  for (const data of [undefined, null, 'text', 7, true, [1, 2]]) {
    it(`ignores data that is not an object: ${JSON.stringify(data)}`, () => {
      const profile = newProfileState();
      assert.equal(mergeProperties(profile, event(data)), false);
      assert.deepEqual(profile, newProfileState());
    });
  }

  it('places an event with a time JavaScript cannot read at its receipt', () => {
    const profile = merged([event({ plan: 'a' }, '2026-06-30T23:59:60Z')]);
    assert.equal(profile.times.plan, Date.parse('2026-01-01T00:00:01.000Z'));
  });
});
