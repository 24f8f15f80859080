import assert from 'node:assert/strict';
import { compileRules } from '../../../src/rules/compile.js';
import { cloudEvent, startTestApi, useTestApi } from '../../support/api.js';
import { rulesOf } from '../../support/events.js';

interface Eligibility {
  readonly subject: string;
  readonly profile: Record<string, unknown>;
  readonly decisions: readonly {
    readonly rule: string;
    readonly outcome: string;
    readonly reason: string;
    readonly ruleVersion: string;
    readonly eventId: string;
    readonly time: string;
  }[];
}

describe('GET /v1/eligibility/:subject', () => {
  const api = useTestApi();

  async function ask(subject: string): Promise<Eligibility> {
    const { status, body } = await api().get(`/v1/eligibility/${encodeURIComponent(subject)}`);
    assert.equal(status, 200);
    return body as unknown as Eligibility;
  }

  const landed = (id: string, minute: number, subject: string) =>
    cloudEvent(id, { type: 'landed', subject, time: `2024-03-10T12:0${minute}:00Z` });

  async function post(events: unknown, path = '/v1/events'): Promise<void> {
    assert.equal((await api().post(JSON.stringify(events), { path })).status, 202);
  }

  it('tells of a subject what was decided before the 202, and its properties', async () => {
    await post([cloudEvent('p1', { subject: 'told', data: { seats: 200 } })], '/v1/user-properties');
    assert.deepEqual(await ask('told'), { subject: 'told', profile: { seats: 200 }, decisions: [] });
    await post([1, 2, 3].map((n) => landed(`told-${n}`, n, 'told')));
    const { decisions } = await ask('told');
    assert.deepEqual(
      decisions.map(({ rule, outcome, reason, eventId, time }) => [rule, outcome, reason, eventId, time]),
      [
        ['third', 'eligible', 'aggregates.landings = 3', 'told-3', '2024-03-10T12:03:00Z'],
        ['big', 'eligible', 'profile.seats = 200', 'told-3', '2024-03-10T12:03:00Z'],
      ],
    );
  });

  it('keeps the decision on the later event where an earlier one comes late, and says what it has not seen', async () => {
    const at = (id: string, time: string) => cloudEvent(id, { type: 'landed', subject: 'late', time });
    await post([at('now-1', '2024-03-10T12:01:00Z'), at('now-2', '2024-03-10T12:02:00Z')]);
    await post([at('old', '2024-03-01T12:00:00Z')]);
    const third = (await ask('late')).decisions.find(({ rule }) => rule === 'third');
    assert.deepEqual([third?.eventId, third?.reason], ['now-2', 'aggregates.landings = 2']);
    await api().drained();
    const row = api()
      .decisions()
      .find(({ event_id: id, rule }) => id === 'old' && rule === 'third');
    assert.equal(row?.reason, 'late: aggregates.landings = 1');
  });

  it('tells the same as the decisions that go on to the warehouse', async () => {
    const subjects = ['a', 'b', 'c/d', 'é ☃'];
    for (let n = 0; n < 8; n++)
      await post(subjects.map((subject) => landed(`same-${subject}-${n}`, n, subject)));
    await api().drained();
    const rows = api().decisions();
    for (const subject of subjects) {
      const { decisions } = await ask(subject);
      assert.equal(decisions.length, 2);
      for (const { rule, outcome, reason, ruleVersion, eventId, time } of decisions) {
        const row = rows.findLast((each) => each.subject === subject && each.rule === rule);
        assert.deepEqual(
          [row?.outcome, row?.reason, row?.rule_version, row?.event_id, row?.time],
          [outcome, reason, ruleVersion, eventId, time],
        );
      }
    }
  });

  it('decides on an event once, however often it is sent', async () => {
    await post([landed('twice', 1, 'twice')]);
    await post([landed('twice', 1, 'twice'), landed('twice', 1, 'twice')]);
    const { decisions } = await ask('twice');
    assert.equal(decisions.find(({ rule }) => rule === 'third')?.reason, 'aggregates.landings = 1');
    await api().drained();
    assert.equal(
      api()
        .decisions()
        .filter((row) => row.event_id === 'twice').length,
      2,
    );
  });

  it('tells no decision of a rule that was renamed or removed, and that again once it is back', async () => {
    let rules = rulesOf();
    const other = await startTestApi({ rulesOf: () => rules });
    const told = async () => {
      const { body } = await other.get('/v1/eligibility/gone');
      return (body as unknown as Eligibility).decisions.map(({ rule }) => rule);
    };
    try {
      await other.post(JSON.stringify([landed('gone', 1, 'gone')]));
      assert.deepEqual(await told(), ['third', 'big']);
      const renamed = { name: 'large', on: ['landed'], when: 'profile.seats > 150' };
      rules = compileRules({ aggregates: {}, rules: [renamed] });
      assert.deepEqual(await told(), []);
      await other.post(JSON.stringify([landed('gone-2', 2, 'gone')]));
      assert.deepEqual(await told(), ['large']);
      rules = rulesOf();
      assert.deepEqual(await told(), ['third', 'big']);
    } finally {
      await other.close();
    }
  });

  it('tells how many events of the subject an aggregate could not fold', async () => {
    const paid = { on: ['paid'], op: 'sum', windowMs: 86_400_000, value: 'event.data.amount' } as const;
    const spender = { name: 'spender', on: ['paid'], when: 'aggregates.paid > 100' };
    const rules = compileRules({ aggregates: { paid }, rules: [spender] });
    const other = await startTestApi({ rulesOf: () => rules });
    const pay = (id: string, data: object) =>
      cloudEvent(id, { type: 'paid', subject: 'payer', time: '2024-03-10T12:00:00Z', data });
    try {
      await other.post(JSON.stringify([pay('p-1', { amount: 120 }), pay('p-2', { sum: 5 })]));
      const { body } = await other.get('/v1/eligibility/payer');
      const failed = { aggregate: 'paid', count: 1, code: 'MISSING', time: '2024-03-10T12:00:00.000Z' };
      assert.deepEqual((body as { failures?: unknown }).failures, [failed]);
    } finally {
      await other.close();
    }
  });

  it('tells of a subject that is merged into another what is known of the other, and of whom that is', async () => {
    await post([landed('anon-1', 1, 'anon'), landed('anon-2', 2, 'anon')]);
    await post([cloudEvent('p-anon', { subject: 'anon', data: { seats: 190 } })], '/v1/user-properties');
    const identified = cloudEvent('m-1', { subject: 'known', data: { name: 'Ann' }, mergesubject: 'anon' });
    await post([identified], '/v1/user-properties');
    assert.deepEqual(await ask('known'), {
      subject: 'known',
      profile: { name: 'Ann', seats: 190 },
      decisions: [],
    });
    await post([landed('known-1', 3, 'known')]);
    const { decisions, ...rest } = await ask('anon');
    assert.deepEqual(rest, { subject: 'anon', mergedInto: 'known', profile: { name: 'Ann', seats: 190 } });
    assert.deepEqual(
      decisions.map(({ rule, outcome, reason }) => [rule, outcome, reason]),
      [
        ['third', 'eligible', 'aggregates.landings = 3'],
        ['big', 'eligible', 'profile.seats = 190'],
      ],
    );
    assert.deepEqual(decisions, (await ask('known')).decisions);
    const other = await api().post(JSON.stringify([cloudEvent('m-2', { mergesubject: 'anon' })]));
    assert.equal(other.status, 422);
  });

  it('knows nothing of a subject that had only events no rule asks for', async () => {
    await post([cloudEvent('idle', { type: 'taxied', subject: 'idle' })]);
    assert.equal((await api().get('/v1/eligibility/idle')).status, 404);
  });
});
