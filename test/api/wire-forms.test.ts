import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from 'cloudevents';
import type { EventRow } from '../../src/events/event.js';
import { cloudEvent, useTestApi } from '../support/api.js';

/** A request as an SDK sends it: header values as they go over the wire, one octet a character. */
type Wire = readonly [headers: Record<string, string> | readonly [string, string][], body: string | Buffer];

const octets = (text: string): string => Buffer.from(text).toString('latin1');
const attributes = (id: string, more: Record<string, string> = {}): Record<string, string> => ({
  'ce-specversion': '1.0',
  'ce-id': id,
  'ce-source': '/sdk',
  'ce-type': 't',
  ...more,
});
const structured = (type: string): Record<string, string> => ({
  'content-type': `application/cloudevents${type}`,
});

describe('the wire forms of CloudEvents SDKs', () => {
  const api = useTestApi();

  /** Posts octets: fetch would refuse or change some of these headers. */
  async function send([headers, body]: Wire): Promise<{ status: number; text: string }> {
    const { hostname, port } = new URL(api().url);
    const socket = connect(Number(port), hostname);
    const lines = (Array.isArray(headers) ? headers : Object.entries(headers)) as [string, string][];
    const head = [
      'POST /v1/events HTTP/1.1',
      ...lines.map(([name, value]) => `${name}: ${value}`),
      `authorization: Bearer ${await api().token()}`,
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
    await api().drained();
    const found = api()
      .events()
      .filter((row) => row.id === id);
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

    it('by its own transport, which says no length', async () => {
      const post = httpTransport(`${api().url}/v1/events`);
      const headers = { authorization: `Bearer ${await api().token()}` };
      for (const [id, mode] of [
        ['js-5', Mode.BINARY],
        ['js-6', Mode.STRUCTURED],
      ] as const)
        await emitterFor(post, { mode })(event(id, { city: 'Zürich ☃' }), { headers });
      await api().drained();
      const rows = api()
        .events()
        .filter(({ id }) => ['js-5', 'js-6'].includes(id));
      const stored = { city: 'Zürich ☃' };
      assert.deepEqual(
        rows.map(({ id, data }) => [id, data]),
        [
          ['js-5', stored],
          ['js-6', stored],
        ],
      );
    });
  });

  const JSON_TYPE = { 'content-type': 'application/json' };
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
  const binary = (id: string, body: string | Buffer, more: Record<string, string> = {}): Wire => [
    attributes(id, more),
    body,
  ];
  const json = (id: string, more: object, headers: Record<string, string> = {}): Wire => [
    { ...headers, ...structured('+json; charset=utf-8') },
    JSON.stringify({ specversion: '1.0', id, source: '/s', type: 't', ...more }),
  ];

  // As recorded of the SDKs named.
  const forms: [name: string, id: string, wire: Wire, expected: Partial<EventRow>][] = [
    [
      'Python 2.2.0, binary: no content type, percent-encoded, True',
      'py 1 é "%"',
      binary('py%201%20%C3%A9%20%22%25%22', '{"n": 1.5}', {
        'ce-subject': '%C3%A9%20%E2%98%83%20100%25',
        'ce-number': '42',
        'ce-flag': 'True',
        'ce-time': '2026-03-01T11:00:00.123456+05:30',
      }),
      {
        data: { n: 1.5 },
        subject: 'é ☃ 100%',
        extensions: { number: '42', flag: 'True' },
        time: '2026-03-01T11:00:00.123456+05:30',
        datacontenttype: undefined,
      },
    ],
    ['Python 2.2.0, binary: a bare text', 'py-2', binary('py-2', 'hello', JSON_TYPE), { data: 'hello' }],
    [
      'Python 2.2.0, binary: a text without a type, which begins like JSON',
      'py-2b',
      binary('py-2b', '[draft] héllo'),
      { data: '[draft] héllo', datacontenttype: undefined },
    ],
    [
      'Python 2.2.0, binary: octets without a type',
      'py-3',
      binary('py-3', Buffer.from([0, 255])),
      { data_base64: 'AP8=' },
    ],
    [
      'Python 2.2.0, structured: JSON given as octets',
      'py 4 é',
      json('py 4 é', {
        datacontenttype: 'application/json',
        data_base64: 'eyJuIjogMS41fQ==',
        number: 42,
        flag: true,
      }),
      { data: { n: 1.5 }, data_base64: undefined, extensions: { number: 42, flag: true } },
    ],
    [
      'Python 1.13.0, binary: Latin-1, +00:00',
      'py-5',
      binary('py-5', '{"n": 1}', {
        'ce-subject': '\u00e9t\u00e9',
        'ce-time': '2026-03-01T10:00:00.123456+00:00',
      }),
      { subject: 'été', data: { n: 1 }, time: '2026-03-01T10:00:00.123456+00:00' },
    ],
    [
      'Go 2.16.2, binary: raw UTF-8, a percent sign as it is, nanoseconds',
      'go-1',
      binary('go-1', '{"n":1}', {
        'ce-subject': octets('é ☃ 100% 5%25'),
        'ce-time': '2026-03-01T10:00:00.123456789Z',
        ...JSON_TYPE,
      }),
      { subject: 'é ☃ 100% 5%', time: '2026-03-01T10:00:00.123456789Z' },
    ],
    [
      'Go 2.16.2, structured: XML as data_base64',
      'go-2',
      json('go-2', { datacontenttype: 'text/xml', data_base64: 'PGEvPg==' }),
      { datacontenttype: 'text/xml', data_base64: 'PGEvPg==' },
    ],
    [
      'Rust 0.9.0, binary: raw UTF-8, +00:00 nanoseconds, a bare text',
      'rs-1',
      binary('rs-1', 'hello', {
        'ce-subject': octets('☃'),
        'ce-time': '2026-03-01T10:00:00.123456789+00:00',
        ...JSON_TYPE,
      }),
      { subject: '☃', data: 'hello', time: '2026-03-01T10:00:00.123456789+00:00' },
    ],
    [
      'Java 4.0.1 over java.net, binary: JSON labelled as a form',
      'java-1',
      binary('java-1', '{"price":1.10}', FORM),
      { data: { price: 1.1 }, datacontenttype: undefined },
    ],
    [
      'a form that is one',
      'form-1',
      binary('form-1', 'a=1&b=2', FORM),
      { datacontenttype: FORM['content-type'], data_base64: 'YT0xJmI9Mg==' },
    ],
    [
      'structured mode beside ce- headers',
      'both-1',
      json('both-1', { subject: null, data: { n: 1 } }, attributes('other')),
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
    ['a byte order mark', 'bom-1', binary('bom-1', '\uFEFF{"n":1}', JSON_TYPE), { data: { n: 1 } }],
    [
      'an extension called as a reason is',
      'name-1',
      binary('name-1', '{}', { 'ce-unreadable': 'x' }),
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
