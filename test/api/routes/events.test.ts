import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_EVENT_BYTES } from '../../../src/api/validate-event.js';
import type { EventRow } from '../../../src/events/event.js';
import { cloudEvent, useTestApi, type TestAnswer } from '../../support/api.js';

const NDJSON = { headers: { 'content-type': 'application/x-ndjson' } };

describe('POST /v1/events and /v1/user-properties', () => {
  const api = useTestApi();

  function counts({ body }: TestAnswer): number[] {
    return [body.accepted, body.duplicate, body.rejected];
  }

  /** How often an event has come out. */
  async function times(id: string, stream: 'events' | 'user-properties' = 'events'): Promise<number> {
    await api().drained();
    return api()
      .events('UA', stream)
      .filter((row) => row.id === id).length;
  }

  it('takes 499 good events from around a bad one, and says which was bad and why', async () => {
    const events = Array.from({ length: 500 }, (_, n) => cloudEvent(`good-${n}`));
    events[250] = cloudEvent('bad', { time: '1600-01-01T00:00:00Z' });
    const answer = await api().post(JSON.stringify(events));
    assert.deepEqual([answer.status, ...counts(answer)], [202, 499, 0, 1]);
    assert.deepEqual(answer.body.results[250], {
      index: 250,
      id: 'bad',
      status: 'rejected',
      code: 'time_out_of_range',
      reason: 'time is before 1970-01-01',
    });
    assert.deepEqual(
      answer.body.results.map(({ index, id }) => [index, id]),
      events.map(({ id }, index) => [index, id]),
    );
    await api().drained();
    const taken = api()
      .events()
      .filter(({ id }) => id.startsWith('good-'));
    assert.deepEqual(
      taken.map(({ id }) => id),
      events.filter(({ id }) => id !== 'bad').map(({ id }) => id),
    );
    assert.equal(await times('bad'), 0);
  });

  it('refuses properties that a profile has no room for, and those alone', async () => {
    const path = '/v1/user-properties';
    const props = (id: string, data: unknown, subject = 'full') => cloudEvent(id, { subject, data });
    const keys = (from: number, count: number, value: unknown = 1) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${from + n}`, value]));
    const answer = await api().post(
      JSON.stringify([
        props('full-1', keys(0, 1_500)),
        props('full-2', keys(1_500, 600)),
        props('full-3', keys(1_500, 500)),
        props('full-4', { one: 'more' }),
        props('full-5', keys(0, 10, 'changed')),
        props('full-6', { key0: null, one: 'more' }),
        props('beside', keys(0, 3), 'beside'),
      ]),
      { path },
    );
    assert.deepEqual(
      answer.body.results.map(({ status, code }) => code ?? status),
      ['accepted', 'profile_full', 'accepted', 'profile_full', 'accepted', 'accepted', 'accepted'],
    );
    assert.match(answer.body.results[1]?.reason ?? '', /may have 2000 properties, this one would have 2100/);
    const { body } = await api().get('/v1/eligibility/full');
    assert.equal(Object.keys((body as unknown as { profile: object }).profile).length, 2_000);
    assert.equal(await times('full-4', 'user-properties'), 0);
    // What was refused may be sent again once there is room.
    const again = [props('full-7', { one: null }), props('full-4', { other: 'one' })];
    const { body: later } = await api().post(JSON.stringify(again), { path });
    assert.deepEqual(
      later.results.map(({ status }) => status),
      ['accepted', 'accepted'],
    );
  });

  it('bounds what a profile takes as JSON, over requests', async () => {
    const path = '/v1/user-properties';
    const text = 'x'.repeat(100_000);
    const statuses: unknown[] = [];
    for (const key of ['a', 'b', 'c', 'b']) {
      const data = { [key]: text };
      const { body } = await api().post(
        JSON.stringify([
          cloudEvent(`large-${statuses.length}`, { subject: 'large', data }),
          cloudEvent(`small-${statuses.length}`, { subject: 'large', data: { n: 1 } }),
        ]),
        { path },
      );
      statuses.push(body.results.map(({ status, code }) => code ?? status).join());
    }
    assert.deepEqual(statuses, [
      'accepted,accepted',
      'accepted,accepted',
      'profile_full,accepted',
      'accepted,accepted',
    ]);
  });

  const badLines: [name: string, line: Uint8Array | string, reason: RegExp][] = [
    ['of invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /not valid UTF-8/],
    ['that is no JSON', '{"id":', /not valid JSON/],
    [
      'with two events',
      `${JSON.stringify(cloudEvent('p'))}${JSON.stringify(cloudEvent('q'))}`,
      /not valid JSON/,
    ],
    ['that is an array', `[${JSON.stringify(cloudEvent('p'))}]`, /must be a JSON object/],
    [
      'of 100,000 levels',
      `{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      /nested more than 64 levels/,
    ],
    ['with a NUL in its id', JSON.stringify(cloudEvent('a\0b')), /control characters/],
  ];
  badLines.forEach(([name, line, reason], at) => {
    it(`rejects a line ${name}, and that line alone`, async () => {
      const good = ['one', 'two'].map((id) => JSON.stringify(cloudEvent(`line-${at}-${id}`)));
      const body = Buffer.concat([
        Buffer.from(`${good[0]}\n`),
        Buffer.from(line as string),
        Buffer.from(`\n${good[1]}`),
      ]);
      const answer = await api().post(body, NDJSON);
      assert.deepEqual([answer.status, ...counts(answer)], [202, 2, 0, 1]);
      assert.match(answer.body.results[1]?.reason ?? '', reason);
      assert.deepEqual([await times(`line-${at}-one`), await times(`line-${at}-two`)], [1, 1]);
    });
  });

  it('answers 422 with a result for each when none is acceptable', async () => {
    const answer = await api().post(JSON.stringify([{}, 7, cloudEvent('x', { subject: '' })]));
    assert.deepEqual(
      [answer.status, answer.body.code, ...counts(answer)],
      [422, 'NOTHING_ACCEPTED', 0, 0, 3],
    );
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.deepEqual(
      answer.body.results.map(({ index, status }) => [index, status]),
      [0, 1, 2].map((index) => [index, 'rejected']),
    );
    const single = await api().post('{}');
    assert.equal(single.body.detail, 'specversion is missing');
  });

  it('answers a deep JSON, whatever is around it', async () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ]) {
      const deep = `${open?.repeat(100_000)}1${close?.repeat(100_000)}`;
      assert.equal((await api().post(deep)).status, 422);
      const event = JSON.stringify(cloudEvent('deep', { data: 'HERE' })).replace('"HERE"', deep);
      const answer = await api().post(`[${event},${JSON.stringify(cloudEvent(`beside ${open}`))}]`);
      assert.deepEqual([answer.status, ...counts(answer)], [202, 1, 0, 1]);
    }
  });

  it('answers an event of more than 256 KiB, and counts bytes, not characters', async () => {
    const sized = (id: string, text: string): string => JSON.stringify(cloudEvent(id, { data: text }));
    const small = await api().post(sized('fits', 'x'.repeat(MAX_EVENT_BYTES - 1_000)));
    assert.deepEqual(counts(small), [1, 0, 0]);
    for (const [id, text] of [
      ['large', 'x'.repeat(MAX_EVENT_BYTES)],
      ['large-é', 'é'.repeat(MAX_EVENT_BYTES / 2)],
    ] as const) {
      const answer = await api().post(sized(id, text));
      assert.deepEqual([answer.status, answer.body.results[0]?.code], [422, 'too_large']);
    }
  });

  for (const id of ['../../../../etc/passwd', '..', '/etc/passwd', '%2e%2e%2f', 'C:\\x', '{{x}}']) {
    it(`takes the id ${id}, which is a name and never a path`, async () => {
      assert.deepEqual(counts(await api().post(JSON.stringify(cloudEvent(id)))), [1, 0, 0]);
      assert.equal(await times(id), 1);
    });
  }

  it('keeps the two streams apart, the same id in both', async () => {
    const body = JSON.stringify(cloudEvent('both', { data: { seats: 180 } }));
    const events = await api().post(body);
    const properties = await api().post(body, { path: '/v1/user-properties' });
    assert.deepEqual(
      [counts(events), counts(properties)],
      [
        [1, 0, 0],
        [1, 0, 0],
      ],
    );
    assert.deepEqual([await times('both'), await times('both', 'user-properties')], [1, 1]);
  });

  it('calls the second of two copies a duplicate: in a request, in the next, beside a bad one', async () => {
    const once = JSON.stringify(cloudEvent('copy'));
    assert.deepEqual(counts(await api().post(`[${once},${once},{}]`)), [1, 1, 1]);
    assert.deepEqual(counts(await api().post(once)), [0, 1, 0]);
    assert.equal((await api().post(once)).status, 202, 'a duplicate is no error');
    assert.equal((await api().post(`[${once},{}]`)).status, 202);
    assert.equal(await times('copy'), 1);
  });

  it('answers any JSON that is posted with one result per event, and counts that add up', async () => {
    const attribute = fc.oneof(fc.string(), fc.jsonValue(), fc.constant('2024-01-01T00:00:00Z'));
    const nearly = fc.record(
      {
        specversion: fc.constantFrom('1.0', '1.0', '0.3'),
        id: fc.oneof(fc.string({ minLength: 1, unit: 'binary' }), fc.constantFrom('same', 'other')),
        source: fc.constant('/fuzz'),
        type: fc.constant('fuzz'),
        time: fc.oneof(fc.constant('2024-01-01T00:00:00Z'), fc.string()),
        subject: attribute,
        data: fc.jsonValue(),
        extension: attribute,
      },
      { requiredKeys: ['specversion', 'id', 'source', 'type'] },
    );
    const posted = fc.oneof(
      fc.jsonValue(),
      nearly,
      fc.array(fc.oneof({ weight: 3, arbitrary: nearly }, fc.jsonValue())),
    );
    const stream = fc.constantFrom('/v1/events', '/v1/user-properties');
    await fc.assert(
      fc.asyncProperty(posted, stream, async (value, path) => {
        const answer = await api().post(JSON.stringify(value), { path });
        assert.ok([202, 400, 413, 422].includes(answer.status), JSON.stringify(answer.body));
        if (answer.status !== 202 && answer.status !== 422) return;
        const events = Array.isArray(value) ? value.length : 1;
        assert.deepEqual(
          answer.body.results.map(({ index }) => index),
          Array.from({ length: events }, (_, n) => n),
        );
        assert.equal(
          counts(answer).reduce((sum, count) => sum + count),
          events,
        );
        for (const status of ['accepted', 'duplicate', 'rejected'] as const)
          assert.equal(
            answer.body.results.filter((each) => each.status === status).length,
            answer.body[status],
          );
      }),
      { numRuns: 200 },
    );
    await api().drained();
    const ids = api()
      .events()
      .map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'nothing came out twice');
  });

  it('answers any bytes that are posted', async () => {
    const types = ['application/json', 'application/x-ndjson', 'application/cloudevents-batch+json'];
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(...types),
        fc.boolean(),
        async (bytes, type, gzip) => {
          const headers = { 'content-type': type, ...(gzip && { 'content-encoding': 'gzip' }) };
          const answer = await api().post(bytes, { headers });
          assert.ok([202, 400, 422].includes(answer.status), JSON.stringify(answer.body));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('hands on the data of what it takes as it was', async () => {
    const sent: EventRow[] = [];
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), async (data) => {
        const event = JSON.parse(JSON.stringify(cloudEvent(`data-${sent.length}`, { data }))) as EventRow;
        const answer = await api().post(JSON.stringify(event));
        if (answer.status === 202) sent.push(event);
        else assert.equal(answer.body.results[0]?.code, 'invalid_data');
      }),
      { numRuns: 100 },
    );
    await api().drained();
    const taken = new Map(
      api()
        .events()
        .map((row) => [row.id, row.data]),
    );
    for (const { id, data } of sent) assert.deepEqual(taken.get(id), data);
  });
});
