import assert from 'node:assert/strict';
import { checkReplayRequest, replayInputOf, type ReplayRequest } from '../../src/replays/replay-request.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import { compileTenant } from '../../src/tenants/config/tenant-file.js';
import { replayWorkflowId } from '../../src/tenants/workflow-ids.js';

const NOW = Date.UTC(2024, 2, 10, 12);
const NODE = '0123abcd';
const PUSH = { kind: 'push', url: 'https://crm.example/hooks' };
const TEXT = JSON.stringify({
  tenant: 'UA',
  subscriptions: [
    { name: 'crm', ...PUSH },
    { name: 'fresh', ...PUSH },
  ],
  routes: [{ match: { type: 'flight.*' }, to: ['crm'] }],
});

describe('the request of a replay', () => {
  const tenant = compileTenant(parseTenantConfig(TEXT, 'UA.yaml'), TEXT);
  const inputOf = (request: ReplayRequest) =>
    replayInputOf(
      checkReplayRequest(request),
      { tenant, chosen: { ...tenant, version: '0123456789ab' }, node: NODE },
      NOW,
    );

  it('is everything that is kept until now, delivered again to all, at 5,000 events a second', () => {
    const { replayId, ...input } = inputOf({});
    assert.match(replayId, /^20240310t120000-[0-9a-f]{8}$/);
    assert.equal(replayWorkflowId('UA', replayId), `replay/UA/${replayId}`);
    assert.deepEqual(input, {
      tenant: 'UA',
      range: { from: 0, to: NOW + 1, by: 'receipt' },
      task: { kind: 'deliver' },
      version: '0123456789ab',
      dryRun: false,
      eventsPerSecond: 5_000,
      activityQueue: 'tenant.UA',
      requestedAt: NOW,
    });
  });

  it('names a range, types, a rate and a task', () => {
    const from = '2024-03-01';
    const to = '2024-03-02T10:30:00+01:00';
    const { range, task, dryRun, eventsPerSecond } = inputOf({
      from,
      to,
      eventTime: true,
      types: ['a.b', 'c.*'],
      stream: 'events',
      into: 'crm',
      dryRun: true,
      eventsPerSecond: 7,
    });
    const times = { from: Date.parse(from), to: Date.UTC(2024, 2, 2, 9, 30), by: 'event-time' };
    assert.deepEqual(range, { ...times, stream: 'events', types: ['a.b', 'c.*'] });
    assert.deepEqual([task, dryRun, eventsPerSecond], [{ kind: 'fill', subscription: 'crm' }, true, 7]);
    assert.deepEqual(inputOf({ rules: 'current' }).task, { kind: 'decide' });
    assert.equal(inputOf({ rules: 'current' }).range.stream, 'events');
    assert.deepEqual(inputOf({ subscription: 'fresh', types: ['x'] }).task, {
      kind: 'deliver',
      subscription: 'fresh',
    });
  });

  const wrong: [body: unknown, problem: RegExp][] = [
    [[], /must be object/],
    [{ tenant: 'DL' }, /"tenant" is not known/],
    [{ from: 'yesterday' }, /from must match/],
    [{ from: '2024-13-45' }, /"from" is no moment/],
    [{ from: '2024-03-02', to: '2024-03-01' }, /"from" must be before "to"/],
    [{ from: '2025-01-01' }, /"from" must be before "to"/],
    [{ types: [] }, /types must NOT have fewer/],
    [{ types: ['a*b'] }, /types\.0 must match/],
    [{ stream: 'decisions' }, /stream must be equal to one of/],
    [{ subscription: '../x' }, /subscription must match/],
    [{ rules: '../../etc' }, /rules must match/],
    [{ eventsPerSecond: 0 }, /eventsPerSecond must be >= 1/],
    [{ rules: 'current', subscription: 'crm' }, /exclude each other/],
    [{ into: 'fresh', subscription: 'crm' }, /exclude each other/],
    [{ rules: 'current', stream: 'user-properties' }, /rules decide on the stream "events"/],
    [{ applyCurrent: 'yes' }, /applyCurrent must be boolean/],
    [{ applyCurrent: true }, /"applyCurrent" needs "rules"/],
    [{ applyCurrent: true, subscription: 'crm' }, /"applyCurrent" needs "rules"/],
    [{ subscription: 'nowhere' }, /no subscription "nowhere"/],
    [{ into: 'fresh' }, /no route names the subscription "fresh"/],
  ];
  for (const [body, problem] of wrong) {
    it(`cannot be ${JSON.stringify(body)}`, () => {
      const refused = { code: 'REPLAY_INVALID', message: problem };
      assert.throws(() => inputOf(body as ReplayRequest), refused);
    });
  }

  describe('that makes decisions current', () => {
    const ruled = (when: string) => {
      const text = JSON.stringify({ tenant: 'UA', rules: [{ name: 'late', on: ['flight.arrived'], when }] });
      return compileTenant(parseTenantConfig(text, 'UA.yaml'), text);
    };
    const request: ReplayRequest = { rules: 'current', applyCurrent: true };

    it('is done where the state is', () => {
      const now = ruled('event.data.minutes > 60');
      const { task, stateQueue } = replayInputOf(request, { tenant: now, chosen: now, node: NODE }, NOW);
      assert.deepEqual(task, { kind: 'decide', applyCurrent: true });
      assert.equal(stateQueue, 'headgate.state.0123abcd');
      const former = replayInputOf({ rules: 'current' }, { tenant: now, chosen: now, node: NODE }, NOW);
      assert.deepEqual([former.task, former.stateQueue], [{ kind: 'decide' }, undefined]);
    });

    it('is refused where none of its rules is in force, in a dry run too', () => {
      const place = { tenant: ruled('true'), chosen: ruled('false'), node: NODE };
      for (const dryRun of [true, false])
        assert.throws(() => replayInputOf({ ...request, dryRun }, place, NOW), {
          code: 'REPLAY_INVALID',
          message: /none of the rules of "rules" is in force/,
        });
    });
  });

  it('that could deliver to nobody is a mistake, but its dry run is none', () => {
    const text = 'tenant: UA';
    const without = compileTenant(parseTenantConfig(text, 'UA.yaml'), text);
    assert.throws(() => replayInputOf({}, { tenant: without, chosen: without, node: NODE }, NOW), {
      code: 'REPLAY_INVALID',
      message: /no routes/,
    });
    assert.equal(
      replayInputOf({ dryRun: true }, { tenant: without, chosen: without, node: NODE }, NOW).dryRun,
      true,
    );
  });
});
