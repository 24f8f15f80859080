import assert from 'node:assert/strict';
import { complete } from '../../src/tenants/complete.js';
import {
  byKind,
  choice,
  constant,
  duration,
  expression,
  integer,
  listOf,
  mapOf,
  section,
  size,
  text,
  wordOr,
  type UsedOf,
  type WrittenOf,
} from '../../src/tenants/file-schema.js';

const what = 'Something.';

const SMALL = section(
  {
    count: integer(1, 9, { what, default: 3 }),
    after: duration('1s', '1h', { what }),
    pauses: listOf(duration('1s', '1h'), { maxItems: 3 }, { what, default: ['1s', '2m'] }),
    bytes: size('1KB', '1MB', { what, default: '2KB' }),
    kept: wordOr('never', duration('1h', '9h'), { what }),
    when: expression({ what }),
  },
  [],
  { what, default: {} },
);

describe('tenants/complete', () => {
  it('fills in what is not set, and leaves out what has no default', () => {
    assert.deepEqual(complete(SMALL, {}), { count: 3, pausesMs: [1_000, 120_000], bytes: 2_048 });
  });

  it('turns durations into milliseconds, under a name that says so, and sizes into bytes', () => {
    const written: WrittenOf<typeof SMALL> = {
      after: '5s',
      pauses: [],
      bytes: 1_024,
      kept: '2h',
      when: 'true',
    };
    const used: UsedOf<typeof SMALL> = complete(SMALL, written);
    assert.deepEqual(used, {
      count: 3,
      afterMs: 5_000,
      pausesMs: [],
      bytes: 1_024,
      keptMs: 7_200_000,
      when: 'true',
    });
    assert.equal(complete(SMALL, { kept: 'never' }).keptMs, 'never');
  });

  it('goes down into sections, lists and maps of the tenant, whatever their names', () => {
    const nested = section(
      {
        small: SMALL,
        list: listOf(SMALL, { maxItems: 3 }, { what }),
        map: mapOf(SMALL, { maxProperties: 3 }, { what }),
      },
      ['list'],
    );
    const names = JSON.parse('{ "__proto__": { "count": 5 }, "a": {} }') as Record<string, object>;
    const { small, list, map } = complete(nested, { list: [{ count: 4 }], map: names });
    assert.deepEqual([small.count, list[0]?.count], [3, 4]);
    assert.deepEqual(
      Object.entries(map ?? {}).map(([name, { count }]) => [name, count]),
      [
        ['__proto__', 5],
        ['a', 3],
      ],
    );
  });

  it('takes the defaults of the kind that is written', () => {
    const kinds = byKind(
      [
        section({ kind: constant('slow'), wait: duration('1s', '9h', { what, default: '1h' }) }, ['kind']),
        section({ kind: constant('fast'), wait: duration('1s', '9h', { what, default: '1s' }) }, ['kind']),
      ],
      { what },
    );
    assert.deepEqual(complete(kinds, { kind: 'slow' }), { kind: 'slow', waitMs: 3_600_000 });
    assert.deepEqual(complete(kinds, { kind: 'fast' }), { kind: 'fast', waitMs: 1_000 });
  });

  // Five hundred rules may share one list of a hundred types by an anchor; they are sent between threads as they are.
  it('leaves what is used as it is written the object it was', () => {
    const rule = section(
      { on: listOf(text({}), { maxItems: 9 }, { what }), op: choice(['a'], { what }) },
      [],
    );
    const rules = [{ on: ['x'] }];
    assert.equal(complete(listOf(rule, { maxItems: 9 }, { what }), rules), rules);
    const withDefault = section({ rule, count: integer(1, 9, { what, default: 3 }) }, ['rule']);
    assert.equal(complete(withDefault, { rule: rules[0]! }).rule, rules[0]);
  });

  it('lets no option be described that its type does not fit', () => {
    // @ts-expect-error a default of another type
    integer(1, 9, { what, default: 'three' });
    // @ts-expect-error a word that is none of them
    choice(['a', 'b'], { what, default: 'c' });
    // @ts-expect-error something to say that nobody knows
    integer(1, 9, { what, exmaple: 3 });
    // @ts-expect-error a key that is needed, and not there
    section({ a: integer(1, 9, { what }) }, ['b']);
    // @ts-expect-error what has neither a default nor to be there may be missing
    assert.throws(() => complete(SMALL, {}).keptMs.toString());
  });
});
