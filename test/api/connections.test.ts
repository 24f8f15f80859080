import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

/** Nothing else closes a connection while a test runs. */
const PATIENT = {
  headersTimeout: 600_000,
  requestTimeout: 600_000,
  keepAliveTimeout: 600_000,
  timeout: 600_000,
  maxConnections: 40,
};
const WITHIN_MS = 10_000;

interface Client {
  readonly socket: Socket;
  /** What it was answered. */
  said: string;
  closed: boolean;
}

describe('when all connections are taken', () => {
  let api: TestApi;
  let clients: Client[];

  beforeEach(async () => {
    clients = [];
    api = await startTestApi({ connections: PATIENT });
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  /** @param localAddress another of this machine: somebody else */
  async function open(sent: string, localAddress = '127.0.0.1'): Promise<Client> {
    const port = Number(new URL(api.url).port);
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    const client: Client = { socket, said: '', closed: false };
    socket
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => (client.said += chunk.toString()))
      .on('close', () => (client.closed = true));
    clients.push(client);
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    socket.write(sent);
    return client;
  }

  const HALF = 'POST /v1/events HTTP/1.1\r\nX-Slow: ';

  /** A request on a connection of its own, from an address of its own. */
  async function post(id: string): Promise<number> {
    const agent = new Agent({ keepAlive: false });
    const headers = { authorization: `Bearer ${await api.token()}`, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, agent, localAddress: '127.0.0.9' };
    return new Promise((resolve, reject) => {
      request(`${api.url}/v1/events`, options, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      })
        .once('error', reject)
        .end(JSON.stringify(cloudEvent(id)));
    });
  }

  it('by half headers of nobody, each new client is served, and the oldest of those go', async () => {
    for (let n = 0; n < 60; n++) await open(HALF);
    for (let n = 0; n < 20; n++) {
      assert.equal(await post(`served ${n}`), 202);
      await open(HALF);
    }
    const held = clients.findIndex(({ closed }) => !closed);
    assert.ok(held > 30, 'the oldest have made room');
    await until(() => assert.ok(clients.slice(0, held).every(({ closed }) => closed)), WITHIN_MS);
    assert.ok(
      clients.slice(held + 5).every(({ closed }) => !closed),
      'and no more of them than that',
    );
  });

  it('by requests whose token is not good, that are kept waiting, each new client is served', async () => {
    await api.close();
    api = await startTestApi({ connections: PATIENT, refusedTokensPerMinute: 0 });
    const bad = 'GET /v1/retention HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n\r\n';
    await Promise.all(Array.from({ length: 60 }, () => open(bad)));
    for (let n = 0; n < 5; n++) assert.equal(await post(`served ${n}`), 202);
    for (const { closed, said } of clients)
      if (closed)
        assert.match(said, /^HTTP\/1.1 429 [^]*\r\nConnection: close\r\n/, 'they are answered, not cut');
  });

  it('by one address, it is not the idle connections of another that go', async () => {
    const ask = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const others = await Promise.all(Array.from({ length: 5 }, () => open(ask, '127.0.0.3')));
    for (let n = 0; n < 80; n++) {
      const { socket } = await open(ask, '127.0.0.2');
      await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
    }
    assert.deepEqual(
      others.map(({ closed }) => closed),
      [false, false, false, false, false],
    );
    assert.equal(await post('served'), 202);
  });

  it('by one tenant, it is not the idle connections of another that go, though both have one address', async () => {
    const ask = (token: string): string =>
      `GET /v1/eligibility/s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const [own, others] = [ask(await api.token()), ask(await api.token({ tenant: 'DL' }))];
    const answered = async (client: Client): Promise<Client> => {
      await new Promise((resolve) => client.socket.once('data', resolve).once('close', resolve));
      return client;
    };
    const quiet: Client[] = [];
    for (let n = 0; n < 5; n++) quiet.push(await answered(await open(others)));
    for (let n = 0; n < 80; n++) await answered(await open(own));
    assert.ok(quiet.every(({ closed }) => !closed));
    // One that is kept alive can be used.
    quiet[0]!.socket.write(others);
    assert.equal((await answered(quiet[0]!)).closed, false);
    // Who has most is told that its connection closes; a request on it would be cut off later.
    assert.match((await answered(await open(own))).said, /\r\nConnection: close\r\n/);
    assert.match((await answered(await open(others))).said, /\r\nConnection: keep-alive\r\n/);
  });

  it('by idle connections, one that has just been opened has time to say what it wants', async () => {
    const ask = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    for (let n = 0; n < 36; n++) {
      const { socket } = await open(ask);
      await new Promise((resolve) => socket.once('data', resolve));
    }
    const fresh = await open('');
    for (let n = 0; n < 7; n++) await open('');
    fresh.socket.write(ask);
    await new Promise((resolve) => fresh.socket.once('data', resolve).once('close', resolve));
    assert.equal(fresh.closed, false);
  });

  it('a request that is being answered stays', async () => {
    const lines = [
      'POST /v1/events HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${await api.token()}`,
      'Content-Type: application/json',
      'Content-Length: 1000',
    ];
    const uploading = await open(`${lines.join('\r\n')}\r\n\r\n`);
    await until(() => assert.equal(api.ingress.admission.inFlightBytes, 1_000), WITHIN_MS);
    for (let n = 0; n < 100; n++) await open(HALF);
    assert.equal(uploading.closed, false);
  });
});

describe('beside more connections of one client than there may be', () => {
  const MOST = 200;
  let api: TestApi;
  let answerReadiness: () => void;
  let hostile: Socket[];
  let goesOn: boolean;
  let posted = 0;

  beforeEach(async () => {
    hostile = [];
    goesOn = true;
    const held = new Promise<void>((resolve) => (answerReadiness = resolve));
    api = await startTestApi({
      connections: { ...PATIENT, maxConnections: MOST },
      admission: { maxOpenRequests: MOST * 0.8 },
      refusedTokensPerMinute: 0,
      readiness: [{ name: 'held', check: () => held }],
    });
  });
  afterEach(async () => {
    goesOn = false;
    answerReadiness();
    for (const socket of hostile) socket.destroy();
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  /** Opens connections at once that send this, and each again when it is closed. */
  function crowd(sent: string): void {
    const port = Number(new URL(api.url).port);
    const hold = (): void => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      hostile.push(socket);
      socket.on('error', () => undefined).resume();
      socket.once('close', () => void (goesOn && setTimeout(hold, 500)));
      socket.write(sent);
    };
    for (let n = 0; n < 1.5 * MOST; n++) hold();
  }

  /** Sends events of another tenant from another address side by side; returns what each came to. */
  function post(agent: Agent, count: number, token: string): Promise<string[]> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, agent, localAddress: '127.0.0.3' };
    const one = (): Promise<string> =>
      new Promise((resolve) => {
        request(`${api.url}/v1/events`, options, (response) => {
          response.resume().once('end', () => resolve(String(response.statusCode)));
        })
          .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
          .end(JSON.stringify(cloudEvent(`other ${++posted}`)));
      });
    return Promise.all(Array.from({ length: count }, one));
  }

  const head = (path: string, token: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
  for (const [does, sent] of [
    ['whose token is not good', () => `${head('/v1/events', 'no')}\r\n`],
    ['that begin a body', async () => `${head('/v1/events', await api.token())}Content-Length: 9\r\n\r\n`],
    ['that wait for an answer without a token', () => 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'],
  ] as const)
    it(`${does}, no connection of another client is cut`, async () => {
      const token = await api.token({ tenant: 'DL' });
      const kept = new Agent({ keepAlive: true });
      const own = new Agent({ keepAlive: false });
      const taken = Array.from({ length: 10 }, () => '202');
      assert.deepEqual(await post(kept, 10, token), taken);
      crowd(await sent());
      for (let round = 0; round < 10; round++) {
        assert.deepEqual(await post(kept, 10, token), taken);
        assert.deepEqual(await post(own, 10, token), taken);
      }
      kept.destroy();
    });
});

describe('the requests that a tenant has open', () => {
  it('are as many as are free, and the next is answered 429', async () => {
    const api = await startTestApi({ admission: { maxOpenRequests: 10 } });
    const port = Number(new URL(api.url).port);
    const uploads: Socket[] = [];
    const head = (token: string): string =>
      `POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`;
    for (let n = 0; n < 5; n++)
      uploads.push(
        connect(port, '127.0.0.1')
          .setNoDelay()
          .on('error', () => undefined),
      );
    const token = await api.token();
    for (const socket of uploads) socket.write(head(token));
    await until(() => assert.equal(api.ingress.admission.inFlightBytes, 500), WITHIN_MS);
    const refused = await api.post(JSON.stringify(cloudEvent('a')));
    assert.deepEqual([refused.status, refused.body.code], [429, 'TENANT_IN_FLIGHT_FULL']);
    assert.equal(refused.headers.get('retry-after'), '1');
    const other = await api.post(JSON.stringify(cloudEvent('a')), {
      token: await api.token({ tenant: 'DL' }),
    });
    assert.equal(other.status, 202);
    for (const socket of uploads) socket.destroy();
    await until(
      async () => assert.equal((await api.post(JSON.stringify(cloudEvent('b')))).status, 202),
      WITHIN_MS,
    );
    await api.close();
  });
});
