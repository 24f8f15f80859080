import assert from 'node:assert/strict';
import type { DecisionRow, EventRow } from '../../src/events/event.js';
import { LineSet } from '../../src/events/line-set.js';
import { compileRoutes } from '../../src/routing/compile.js';
import { joinRouted } from '../../src/routing/join-routed.js';
import { ChunkRouting } from '../../src/routing/chunk-routing.js';
import { Router } from '../../src/routing/router.js';
import type { RouteConfig } from '../../src/routing/route-config.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';

const SUBSCRIPTIONS = ['crm', 'ops', 'audit'].map((name) => ({ name, kind: 'pull' }));

function routerOf(routes: readonly object[]): Router {
  const text = JSON.stringify({ tenant: 'T', subscriptions: SUBSCRIPTIONS, routes });
  const { compiled, issues } = compileRoutes(parseTenantConfig(text, 'T.yaml'));
  assert.deepEqual(issues, []);
  return new Router(compiled);
}

const event = (type: string, more: Partial<EventRow> = {}): EventRow => ({
  specversion: '1.0',
  id: '1',
  source: 's',
  type,
  time: '2026-01-01T00:00:00Z',
  received_at: '2026-01-01T00:00:00Z',
  ...more,
});

const route = (match: RouteConfig['match'], to: string[], more: object = {}) => ({ match, to, ...more });
const targets = (router: Router, row: EventRow) =>
  router.targets(row, 'events').map(({ subscription, priority }) => `${subscription}:${priority}`);

function routedBy(routing: ChunkRouting, rows: readonly EventRow[]): ReturnType<ChunkRouting['routed']> {
  rows.forEach((row, line) => routing.take(row, line));
  return routing.routed();
}

describe('the router', () => {
  it('matches exact types and prefixes, and gives a subscription an event once', () => {
    const router = routerOf([
      route({ type: 'booking.made' }, ['crm']),
      route({ type: 'booking.*' }, ['crm', 'ops']),
      route({ type: 'bookings' }, ['audit']),
    ]);
    assert.deepEqual(targets(router, event('booking.made')), ['crm:normal', 'ops:normal']);
    assert.deepEqual(targets(router, event('booking.')), ['crm:normal', 'ops:normal']);
    assert.deepEqual(targets(router, event('booking')), []);
    assert.deepEqual(targets(router, event('bookings')), ['audit:normal']);
  });

  it('matches stream, priority, stage and filter together', () => {
    const router = routerOf([
      route({ stream: 'events', priority: 'gold', stage: 'enriched', when: 'event.data.n > 3' }, ['crm']),
    ]);
    const fits = { priority: 'gold', stage: 'enriched', data: { n: 4 } };
    assert.deepEqual(targets(router, event('a', fits)), ['crm:normal']);
    assert.deepEqual(router.targets(event('a', fits), 'user-properties'), []);
    for (const other of [
      { priority: 'low' },
      { stage: 'raw' },
      { data: { n: 3 } },
      { data: {} },
      { data: 'text' },
    ])
      assert.deepEqual(targets(router, event('a', { ...fits, ...other })), [], JSON.stringify(other));
  });

  it("compares times as Python's isoformat writes them", () => {
    const router = routerOf([
      route({ when: 'timestamp(event.time) > timestamp("2020-01-01T00:00:00Z")' }, ['crm']),
    ]);
    const time = '2026-11-28T10:00:00.123456+00:00';
    assert.deepEqual(targets(router, event('a', { time })), ['crm:normal']);
  });

  it('sees extension attributes beside the others in a filter', () => {
    const router = routerOf([route({ when: 'event.region == "eu"' }, ['crm'])]);
    assert.deepEqual(targets(router, event('a', { extensions: { region: 'eu' } })), ['crm:normal']);
  });

  it("takes the priority of the first of its routes that sets one, else the event's own", () => {
    const router = routerOf([
      route({ type: 'a' }, ['crm']),
      route({ type: 'a' }, ['crm'], { priority: 'low' }),
      route({ type: '*' }, ['crm', 'ops'], { priority: 'high' }),
      route({ type: 'a' }, ['audit']),
    ]);
    assert.deepEqual(targets(router, event('a', { priority: 'high' })), [
      'crm:low',
      'ops:high',
      'audit:high',
    ]);
  });

  it('gives derived events to routes that name them, and no others', () => {
    const row: DecisionRow = {
      id: 'e:r:v',
      event_id: 'e',
      subject: 's',
      rule: 'r',
      rule_version: 'v',
      outcome: 'eligible',
      reason: 'why',
      time: '2026-01-01T00:00:00Z',
    };
    const all = new ChunkRouting(routerOf([route({ type: '*' }, ['crm'])]), 'events', () => false);
    assert.equal(all.onChanged, undefined);
    const derived = routerOf([
      route({ type: 'headgate.*', stage: 'decision', when: 'event.data.outcome == "eligible"' }, ['ops']),
      route({ type: '*' }, ['crm']),
    ]);
    const routing = new ChunkRouting(derived, 'events', () => false);
    routing.onChanged?.(2, row);
    routing.onChanged?.(3, { ...row, outcome: 'ineligible' });
    const expected = { subscription: 'ops', of: 'decisions', priority: 'normal', count: 1 };
    assert.deepEqual(routing.routed(), [{ ...expected, lines: LineSet.of([2]).encode() }]);
  });

  it('takes a bounded number of steps for all that one event has changed, and says which filters are too costly', () => {
    const list = JSON.stringify(Array.from({ length: 80 }, (_, n) => n));
    const costly = `${list}.exists(x, ${list}.exists(y, x + y < 0)) || true`;
    const router = routerOf([route({ type: 'headgate.*', when: costly }, ['ops'])]);
    let failed = 0;
    const routing = new ChunkRouting(
      router,
      'events',
      () => false,
      (failures) => {
        for (const { count } of failures) failed += count;
      },
    );
    const change = (rule: string): void =>
      routing.onChanged?.(0, { id: rule, event_id: 'e', rule, outcome: 'eligible' } as DecisionRow);
    for (let n = 0; n < 100; n++) change(`r${n}`);
    assert.ok(routing.routed()?.length === 1);
    assert.ok(failed >= 50 && failed < 100, `${failed} of 100 are too costly`);
    const before = failed;
    routing.take(event('a'), 0);
    change('of the next event');
    routing.routed();
    assert.equal(failed, 2 * before, 'the next event has steps of its own');
  });

  it('sets apart what has passed too many stages', () => {
    const routing = new ChunkRouting(routerOf([route({}, ['crm'])]), 'events', () => false);
    const routed = routedBy(
      routing,
      [7, 8].map((hops) => event('a', { extensions: { hops } })),
    );
    assert.deepEqual(
      routed?.map(({ count, looped = false }) => [count, looped]),
      [
        [1, false],
        [1, true],
      ],
    );
  });

  it('leaves out subscriptions that take nothing new', () => {
    const routing = new ChunkRouting(
      routerOf([route({}, ['crm', 'ops'])]),
      'events',
      (name) => name === 'crm',
    );
    assert.deepEqual(
      routedBy(routing, [event('a')])?.map(({ subscription }) => subscription),
      ['ops'],
    );
  });

  it('counts lines on through the chunks of a batch', () => {
    const router = routerOf([route({ type: 'a' }, ['crm']), route({ type: '*' }, ['ops'])]);
    const chunks = [['a', 'b'], ['b'], ['b', 'a', 'a']].map((types) => {
      const rows = types.map((type) => event(type));
      return {
        events: rows.length,
        evaluated: 0,
        routed: routedBy(new ChunkRouting(router, 'events', () => false), rows),
      };
    });
    const [crm, ops] = joinRouted(chunks);
    assert.deepEqual([...LineSet.decode(crm?.lines, 6)], [0, 4, 5]);
    assert.deepEqual([ops?.count, ops?.lines], [6, undefined]);
  });

  it('says which expression, name or subscription is wrong, and where', () => {
    const text = [
      'tenant: T',
      'subscriptions:',
      '  - { name: crm, kind: pull }',
      '  - { name: crm, kind: pull, orderingKey: "1 + 1" }',
      'routes:',
      '  - { match: { when: "event.data.n >" }, to: [crm] }',
      '  - { match: { when: "profile.x == 1" }, to: [crn] }',
      '  - { match: { type: "a*b" }, to: [crm] }',
    ].join('\n');
    assert.throws(
      () => parseTenantConfig(text, 'T.yaml'),
      (error: Error) => /T.yaml:8:22/.test(error.message),
    );
    assert.throws(
      () => parseTenantConfig(text.split('\n').slice(0, -1).join('\n'), 'T.yaml'),
      (error: Error) => {
        for (const part of [
          'T.yaml:4:13: subscriptions.1.name: there is another subscription named "crm"',
          'subscriptions.1.orderingKey: the expression gives int, but must give text',
          'T.yaml:6:',
          'routes.1.match.when: Unknown variable: profile',
          'routes.1.to.0: there is no subscription named "crn" (there are crm)',
        ])
          assert.ok(error.message.includes(part), `${part} is not in\n${error.message}`);
        return true;
      },
    );
  });
});
