import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { CloudEvent, HTTP } from 'cloudevents';
import type { EventRow } from '../../src/event.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';

/** A request as an SDK sends it: header values as they go over the wire, one octet a character. */
type Wire = readonly [headers: Record<string, string> | readonly [string, string][], body: string | Buffer];

const octets = (text: string): string => Buffer.from(text).toString('latin1');
const attributes = (id: string, more: Record<string, string> = {}): Record<string, string> => ({
  ...{ 'ce-specversion': '1.0', 'ce-id': id, 'ce-source': '/sdk', 'ce-type': 't', ...more },
});
const structured = (type: string): Record<string, string> => ({
  'content-type': `application/cloudevents${type}`,
});

describe('the wire forms of CloudEvents SDKs', () => {
  let api: TestApi;

  before(async () => {
    api = await startTestApi();
  });
  after(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  /** Posts octets: fetch would refuse or change some of these headers. */
  async function send([headers, body]: Wire): Promise<{ status: number; text: string }> {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    const lines = (Array.isArray(headers) ? headers : Object.entries(headers)) as [string, string][];
    const head = [
      'POST /v1/events HTTP/1.1',
      ...lines.map(([name, value]) => `${name}: ${value}`),
      `authorization: Bearer ${await api.token()}`,
      `host: ${hostname}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.write(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'));
    socket.write(body);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'close');
    return { status: Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1]), text };
  }

  async function taken(wire: Wire, id: string): Promise<EventRow> {
    const { status, text } = await send(wire);
    assert.equal(status, 202, text);
    await api.drained();
    const found = api.events().filter((row) => row.id === id);
    assert.equal(found.length, 1, text);
    return found[0]!;
  }

  async function refused(wire: Wire, reason: RegExp): Promise<void> {
    const { status, text } = await send(wire);
    assert.equal(status, 422, text);
    assert.match(text, reason);
  }

  describe('JavaScript (cloudevents 10.0.0)', () => {
    const event = (id: string, data: unknown, more: object = {}) =>
      new CloudEvent({
        id,
        source: '/js',
        type: 't',
        data,
        time: '2026-03-01T10:00:00.678901234+02:00',
        ...more,
      });
    const wire = (message: { headers: unknown; body: unknown }): Wire => [
      message.headers as Record<string, string>,
      message.body as string,
    ];

    it('binary', async () => {
      const sent = event('js-1', { n: 1.5 }, { number: 42, flag: true, subject: 's' });
      const row = await taken(wire(HTTP.binary(sent)), 'js-1');
      assert.deepEqual(row.data, { n: 1.5 });
      assert.deepEqual(row.extensions, { number: '42', flag: 'true' });
      assert.equal(row.time, '2026-03-01T08:00:00.678Z');
    });

    it('binary, with a text, which goes bare under application/json', async () => {
      assert.equal((await taken(wire(HTTP.binary(event('js-2', 'hello'))), 'js-2')).data, 'hello');
    });

    it('structured, with typed extensions and octets', async () => {
      const row = await taken(
        wire(HTTP.structured(event('js-3', { n: 1 }, { number: 42, flag: true }))),
        'js-3',
      );
      assert.deepEqual([row.data, row.extensions], [{ n: 1 }, { number: 42, flag: true }]);
      const json = new Uint8Array(Buffer.from('{"n":2}'));
      const coded = await taken(
        wire(HTTP.structured(event('js-4', json, { datacontenttype: 'application/json' }))),
        'js-4',
      );
      assert.deepEqual([coded.data, coded.data_base64], [{ n: 2 }, undefined]);
    });
  });

  // As recorded of the SDKs named.
  const forms: [name: string, id: string, wire: Wire, expected: Partial<EventRow>][] = [
    [
      'Python 2.2.0, binary: no content type, percent-encoded, True',
      'py 1 é "%"',
      [
        attributes('py%201%20%C3%A9%20%22%25%22', {
          ...{ 'ce-subject': '%C3%A9%20%E2%98%83%20100%25', 'ce-number': '42', 'ce-flag': 'True' },
          'ce-time': '2026-03-01T11:00:00.123456+05:30',
        }),
        '{"n": 1.5}',
      ],
      {
        ...{ data: { n: 1.5 }, subject: 'é ☃ 100%', extensions: { number: '42', flag: 'True' } },
        ...{ time: '2026-03-01T11:00:00.123456+05:30', datacontenttype: undefined },
      },
    ],
    [
      'Python 2.2.0, binary: a bare text',
      'py-2',
      [attributes('py-2', { 'content-type': 'application/json' }), 'hello'],
      { data: 'hello' },
    ],
    [
      'Python 2.2.0, binary: octets without a type',
      'py-3',
      [attributes('py-3'), Buffer.from([0, 255])],
      { data_base64: 'AP8=' },
    ],
    [
      'Python 2.2.0, structured: JSON given as octets',
      'py 4 é',
      [
        structured('+json'),
        '{"id": "py 4 \\u00e9", "source": "/py", "type": "t", "specversion": "1.0", "number": 42, "flag": true, "datacontenttype": "application/json", "data_base64": "eyJuIjogMS41fQ=="}',
      ],
      { data: { n: 1.5 }, data_base64: undefined, extensions: { number: 42, flag: true } },
    ],
    [
      'Python 1.13.0, binary: Latin-1, +00:00',
      'py-5',
      [
        attributes('py-5', { 'ce-subject': '\u00e9t\u00e9', 'ce-time': '2026-03-01T10:00:00.123456+00:00' }),
        '{"n": 1}',
      ],
      { subject: 'été', data: { n: 1 }, time: '2026-03-01T10:00:00.123456+00:00' },
    ],
    [
      'Go 2.16.2, binary: raw UTF-8, a percent sign as it is, nanoseconds',
      'go-1',
      [
        attributes('go-1', {
          ...{ 'ce-subject': octets('é ☃ 100% 5%25'), 'ce-time': '2026-03-01T10:00:00.123456789Z' },
          'content-type': 'application/json',
        }),
        '{"n":1}',
      ],
      { subject: 'é ☃ 100% 5%', time: '2026-03-01T10:00:00.123456789Z' },
    ],
    [
      'Go 2.16.2, structured: XML as data_base64',
      'go-2',
      [
        structured('+json'),
        '{"specversion":"1.0","id":"go-2","source":"/go","type":"t","datacontenttype":"text/xml","data_base64":"PGEvPg=="}',
      ],
      { datacontenttype: 'text/xml', data_base64: 'PGEvPg==' },
    ],
    [
      'Rust 0.9.0, binary: raw UTF-8, +00:00 nanoseconds, a bare text',
      'rs-1',
      [
        attributes('rs-1', {
          ...{ 'ce-subject': octets('☃'), 'ce-time': '2026-03-01T10:00:00.123456789+00:00' },
          'content-type': 'application/json',
        }),
        'hello',
      ],
      { subject: '☃', data: 'hello', time: '2026-03-01T10:00:00.123456789+00:00' },
    ],
    [
      'Java 4.0.1 over java.net, binary: JSON labelled as a form',
      'java-1',
      [attributes('java-1', { 'content-type': 'application/x-www-form-urlencoded' }), '{"price":1.10}'],
      { data: { price: 1.1 }, datacontenttype: undefined },
    ],
    [
      'a form that is one',
      'form-1',
      [attributes('form-1', { 'content-type': 'application/x-www-form-urlencoded' }), 'a=1&b=2'],
      { datacontenttype: 'application/x-www-form-urlencoded', data_base64: 'YT0xJmI9Mg==' },
    ],
    [
      'structured mode beside ce- headers',
      'both-1',
      [
        { ...attributes('other'), ...structured('+json; charset=utf-8') },
        '{"specversion":"1.0","id":"both-1","source":"/s","type":"t","subject":null,"data":{"n":1}}',
      ],
      { source: '/s', data: { n: 1 }, subject: undefined },
    ],
    [
      'a batch beside a ce- header',
      'both-2',
      [
        { 'ce-specversion': '1.0', ...structured('-batch+json') },
        '[{"specversion":"1.0","id":"both-2","source":"/s","type":"t"}]',
      ],
      { source: '/s' },
    ],
    [
      'a byte order mark in binary mode',
      'bom-1',
      [attributes('bom-1', { 'content-type': 'application/json' }), '\uFEFF{"n":1}'],
      { data: { n: 1 } },
    ],
    [
      'an extension called as a reason is',
      'name-1',
      [attributes('name-1', { 'ce-unreadable': 'x' }), '{}'],
      { extensions: { unreadable: 'x' } },
    ],
  ];
  for (const [name, id, wire, expected] of forms) {
    it(`are taken: ${name}`, async () => {
      const row = (await taken(wire, id)) as unknown as Record<string, unknown>;
      for (const [attribute, value] of Object.entries(expected))
        assert.deepEqual([attribute, row[attribute]], [attribute, value]);
    });
  }

  it('are taken: x-gzip', async () => {
    const json = JSON.stringify(cloudEvent('gz-1'));
    const headers = { 'content-type': 'application/json', 'content-encoding': 'x-gzip' };
    assert.equal((await taken([headers, gzipSync(json)], 'gz-1')).source, '/test');
  });

  it('are refused where an attribute is there twice, or is the data', async () => {
    const twice = [...Object.entries(attributes('a')), ['CE-ID', 'b']] as [string, string][];
    await refused([twice, '{}'], /the header ce-id is there twice/);
    await refused([attributes('a', { 'ce-data': 'x' }), ''], /ce-data is no attribute/);
    await refused([attributes('a', { 'ce-data_base64': 'eA==' }), ''], /ce-data_base64 is no attribute/);
    await refused([attributes('a', { 'ce-__proto__': 'x' }), ''], /__proto__/);
  });
});

describe('numbers and keys that parsing would change', () => {
  let api: TestApi;

  before(async () => {
    api = await startTestApi();
  });
  after(() => api.close());

  const json = (id: string, data: string, more = ''): string =>
    `{"specversion":"1.0","id":"${id}","source":"/n","type":"t"${more},"data":${data}}`;

  const lossy = [
    '123456789012345678901234',
    '123456789012345678e-2',
    '123456789012.345678',
    '1e-400',
    '-0',
    '-0.0',
  ];
  for (const number of lossy) {
    it(`are refused, and nothing beside them: ${number}`, async () => {
      const events = [json('a', '1'), json('b', `{"v":[${number}]}`), json('c', '1')].map((each) =>
        each.replace('"id":"', `"id":"${number} `),
      );
      for (const [type, body] of [
        ['application/json', `[${events.join()}]`],
        ['application/x-ndjson', events.join('\n').replaceAll('"/n"', '"/lines"')],
      ] as const) {
        const { body: answer } = await api.post(body, { headers: { 'content-type': type } });
        assert.deepEqual(
          answer.results.map(({ status, code }) => [status, code]),
          [
            ['accepted', undefined],
            ['rejected', 'invalid_data'],
            ['accepted', undefined],
          ],
        );
        assert.match(answer.results[1]?.reason ?? '', /would lose (digits|its sign)/);
      }
    });
  }

  it('are refused in binary mode, and in extensions', async () => {
    const headers = { ...attributes('binary'), 'content-type': 'application/json' };
    const { body: binary } = await api.post('{"v":1e-400}', { headers });
    assert.match(binary.results[0]?.reason ?? '', /1e-400 would lose digits/);
    const { body: doubled } = await api.post('{"v":1,"v":1}', { headers });
    assert.match(doubled.results[0]?.reason ?? '', /a key twice/);
    const { body: extension } = await api.post(json('x', '1', ',"ext":0.12345678901234567890'));
    assert.match(extension.results[0]?.reason ?? '', /0.12345678901234567890 would lose digits/);
  });

  it('are keys that are there twice, at any depth, also of the event itself', async () => {
    for (const body of [
      json('k', '{"k":1,"k":2}'),
      json('k', '[{"a":{"k":null,"k":null}}]'),
      json('k', '{"__proto__":1,"__proto__":2}'),
      json('k', '1', ',"id":"other"'),
      json('k', '1', ',"subject":null,"subject":"s"'),
    ]) {
      const { status, body: answer } = await api.post(body);
      assert.equal(status, 422, body);
      assert.match(answer.results[0]?.reason ?? '', /a key twice/);
    }
  });

  it('are none of what is written in another way, or in a text', async () => {
    const data =
      '{"a":[1.0,1.10,1E-7,100e-2,0.1,3.141592653589793],"__proto__":{"k":1},"t":"-0, {\\"k\\":1,\\"k\\":2}"}';
    const { status } = await api.post(json('fine', data));
    assert.equal(status, 202);
    await api.drained();
    const row = api.events().find(({ id }) => id === 'fine');
    assert.equal(
      JSON.stringify(row?.data),
      '{"a":[1,1.1,1e-7,1,0.1,3.141592653589793],"__proto__":{"k":1},"t":"-0, {\\"k\\":1,\\"k\\":2}"}',
    );
  });
});
