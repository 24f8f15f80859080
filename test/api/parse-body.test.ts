import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { cloudEvent, useTestApi, type RequestBody, type TestAnswer } from '../support/api.js';

const BINARY = { 'ce-specversion': '1.0', 'ce-source': '/test', 'ce-type': 'thing.happened' };
const BOM = '\uFEFF';

describe('the formats of a request', () => {
  const api = useTestApi();

  /** The one event that has come out with this id, without what differs from run to run. */
  async function taken(id: string): Promise<Record<string, unknown>> {
    await api().drained();
    const found = api()
      .events()
      .filter((row) => row.id === id);
    assert.equal(found.length, 1, `${id} comes out once`);
    const { received_at: receivedAt, time, ...rest } = found[0] as (typeof found)[number];
    assert.equal(time, receivedAt, 'an event without a time has the time of receipt');
    return rest;
  }

  const one = (id: string): string => JSON.stringify(cloudEvent(id, { data: { text: 'é ☃ 𝄞', n: 1.5 } }));
  const two = (id: string): string => `[${one(`${id}-1`)},\n ${one(`${id}-2`)}]`;
  const lines = (id: string): string => `${one(`${id}-1`)}\n${one(`${id}-2`)}\n`;
  const formats: [name: string, contentType: string, body: (id: string) => string, events: number][] = [
    ['one event as JSON', 'application/json', one, 1],
    ['one event as JSON, with charset', 'application/json; charset=utf-8', one, 1],
    ['one event, content type in capitals', 'Application/JSON;Charset="UTF-8"', one, 1],
    ['one event in structured mode', 'application/cloudevents+json', one, 1],
    ['structured mode with charset', 'application/cloudevents+json; charset=UTF-8', one, 1],
    ['an array as JSON', 'application/json', two, 2],
    ['a CloudEvents batch', 'application/cloudevents-batch+json', two, 2],
    ['a CloudEvents batch with charset', 'application/cloudevents-batch+json;charset=utf-8', two, 2],
    ['NDJSON', 'application/x-ndjson', lines, 2],
    ['NDJSON under another name', 'application/jsonl', lines, 2],
    [
      'NDJSON with CRLF, empty lines and no end',
      'application/ndjson',
      (id) => `\r\n${one(`${id}-1`)}\r\n\n\r\n${one(`${id}-2`)}`,
      2,
    ],
    ['JSON after a byte order mark', 'application/json', (id) => BOM + one(id), 1],
    ['NDJSON after a byte order mark', 'application/x-ndjson', (id) => BOM + lines(id), 2],
    ['JSON with space around it', 'application/json', (id) => `\r\n\t ${one(id)} \n`, 1],
  ];

  for (const [name, contentType, body, events] of formats) {
    for (const encoding of ['identity', 'gzip']) {
      it(`takes ${name}, ${encoding}`, async () => {
        const id = `${name}-${encoding}`;
        const bytes = Buffer.from(body(id));
        const answer = await api().post(encoding === 'gzip' ? gzipSync(bytes) : bytes, {
          headers: { 'content-type': contentType, 'content-encoding': encoding },
        });
        assert.equal(answer.status, 202, JSON.stringify(answer.body));
        const ids = events === 1 ? [id] : [`${id}-1`, `${id}-2`];
        const results = ids.map((each, index) => ({ index, id: each, status: 'accepted' }));
        assert.deepEqual(answer.body, { accepted: events, duplicate: 0, rejected: 0, results });
        for (const each of ids) {
          assert.deepEqual(await taken(each), cloudEvent(each, { data: { text: 'é ☃ 𝄞', n: 1.5 } }));
        }
      });
    }
  }

  const binary: [
    name: string,
    contentType: string | undefined,
    body: RequestBody | undefined,
    payload: object,
  ][] = [
    ['JSON data', 'application/json', '{"n":1}', { datacontenttype: 'application/json', data: { n: 1 } }],
    [
      'JSON data of another type',
      'application/geo+json',
      '[1]',
      { datacontenttype: 'application/geo+json', data: [1] },
    ],
    ['text', 'text/plain', 'é ☃', { datacontenttype: 'text/plain', data: 'é ☃' }],
    [
      'text with its charset',
      'text/csv; charset=UTF-8',
      'a,b',
      { datacontenttype: 'text/csv; charset=UTF-8', data: 'a,b' },
    ],
    [
      'text in a charset that is not ours',
      'text/plain; charset=iso-8859-1',
      Buffer.from([0xc3, 0xa9]),
      { datacontenttype: 'text/plain; charset=iso-8859-1', data_base64: 'w6k=' },
    ],
    [
      'octets',
      'application/octet-stream',
      Buffer.from([0, 255, 128]),
      { datacontenttype: 'application/octet-stream', data_base64: 'AP+A' },
    ],
    [
      'text that is no UTF-8',
      'text/plain',
      Buffer.from([0xff]),
      { datacontenttype: 'text/plain', data_base64: '/w==' },
    ],
    ['no data', undefined, undefined, {}],
    ['an empty body of a type', 'application/xml', undefined, { datacontenttype: 'application/xml' }],
  ];
  for (const [name, contentType, body, payload] of binary) {
    it(`takes binary mode with ${name}`, async () => {
      const id = `binary ${name}`;
      const token = await api().token();
      const response = await fetch(`${api().url}/v1/events`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...BINARY,
          'ce-id': encodeURIComponent(id),
          // Without one fetch adds a type of its own to text.
          ...(contentType !== undefined && { 'content-type': contentType }),
        },
        body,
      });
      assert.equal(response.status, 202, await response.text());
      const { specversion, source, type } = cloudEvent(id);
      assert.deepEqual(await taken(id), { specversion, id, source, type, ...payload });
    });
  }

  it('reads binary mode headers as CloudEvents writes them: percent-encoded, or quoted', async () => {
    const headers = {
      ...BINARY,
      'ce-id': 'binary-headers',
      'ce-subject': '%C3%A9%20%E2%98%83%20100%25',
      'ce-quoted': '"a \\"b\\" c%20d"',
      'ce-priority': 'high',
      'ce-time': '2024-02-29T12:00:00+02:00',
    };
    assert.equal((await api().post('{}', { headers })).status, 202);
    await api().drained();
    const row = api()
      .events()
      .find(({ id }) => id === 'binary-headers');
    assert.equal(row?.subject, 'é ☃ 100%');
    assert.deepEqual(row?.extensions, { quoted: 'a "b" c d' });
    assert.equal(row?.priority, 'high');
    assert.equal(row?.time, '2024-02-29T12:00:00+02:00');
  });

  const refusedBinary: [name: string, headers: Record<string, string>, body: RequestBody, reason: RegExp][] =
    [
      ['octets that are no text', { 'ce-subject': '%FF' }, '{}', /ce-subject is not percent-encoded/],
      ['data in a header', { 'ce-data': 'x' }, '{}', /ce-data is no attribute/],
      ['half a surrogate pair', { 'ce-subject': '%ED%A0%80' }, '{}', /ce-subject is not percent-encoded/],
      ['NUL', { 'ce-subject': 'a%00b' }, '{}', /subject has control characters/],
      ['malformed JSON data', {}, '{', /the data is not valid JSON/],
      ['JSON data that is no UTF-8', {}, Buffer.from([0x22, 0xff, 0x22]), /the data is not valid UTF-8/],
      ['an unknown version', { 'ce-specversion': '0.3' }, '{}', /specversion must be "1.0"/],
    ];
  for (const [name, headers, body, reason] of refusedBinary) {
    it(`refuses binary mode with ${name}`, async () => {
      const answer = await api().post(body, { headers: { ...BINARY, 'ce-id': 'x', ...headers } });
      assert.equal(answer.status, 422);
      assert.match(answer.body.results[0]?.reason ?? '', reason);
    });
  }

  for (const [name, contentType, body] of [
    ['an empty array', 'application/json', '[]'],
    ['an empty batch', 'application/cloudevents-batch+json', ' [ ] '],
    ['NDJSON with no line', 'application/x-ndjson', ''],
    ['NDJSON with empty lines', 'application/x-ndjson', '\n\r\n \n'],
  ] as const) {
    it(`answers ${name} with 202 and no result`, async () => {
      const answer = await api().post(body, { headers: { 'content-type': contentType } });
      assert.equal(answer.status, 202);
      assert.deepEqual(answer.body, { accepted: 0, duplicate: 0, rejected: 0, results: [] });
    });
  }

  function assertProblem(answer: TestAnswer, status: number, code: string): void {
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.deepEqual([answer.status, answer.body.status, answer.body.code], [status, status, code]);
    assert.equal(answer.body.type, `urn:headgate:problem:${code.toLowerCase().replaceAll('_', '-')}`);
    assert.ok((answer.body.detail ?? '').length > 10);
  }

  const malformed: [name: string, body: RequestBody][] = [
    ['nothing', ''],
    ['a cut-off object', '{"specversion":"1.0"'],
    ['two objects', '{}{}'],
    ['a trailing comma', '[{},]'],
    ['single quotes', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['a control character in a text', '{"a":"\u0001"}'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
    ['a bare NUL', Buffer.from([0])],
  ];
  for (const [name, body] of malformed) {
    it(`answers malformed JSON (${name}) with 400`, async () => {
      assertProblem(await api().post(body), 400, 'BODY_MALFORMED');
    });
  }

  for (const contentType of [
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'json',
  ]) {
    it(`answers the content type "${contentType}" with 415`, async () => {
      const answer = await api().post(Buffer.from(one('x')), { headers: { 'content-type': contentType } });
      assertProblem(answer, 415, 'CONTENT_TYPE_UNSUPPORTED');
    });
  }

  it('takes 2,500 events in a request, and no more, in every format', async () => {
    const bodies: [string, (events: string[]) => string][] = [
      ['application/json', (events) => `[${events.join(',')}]`],
      ['application/x-ndjson', (events) => events.join('\n')],
    ];
    for (const [contentType, join] of bodies) {
      const events = Array.from({ length: 2_501 }, (_, n) =>
        JSON.stringify(cloudEvent(`${contentType}-${n}`)),
      );
      const headers = { 'content-type': contentType };
      assertProblem(await api().post(join(events), { headers }), 413, 'BODY_TOO_LARGE');
      const answer = await api().post(join(events.slice(1)), { headers });
      assert.deepEqual(
        [answer.status, answer.body.accepted],
        [202, 2_500],
        'and nothing of the refused was taken',
      );
    }
  });
});
