import assert from 'node:assert/strict';
import { startTestApi, type TestApi } from '../support/api.js';

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
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'binary',
      'ce-source': '/n',
      'ce-type': 't',
      'content-type': 'application/json',
    };
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
