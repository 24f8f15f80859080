import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import ipaddr from 'ipaddr.js';
import {
  createGuardedConnector,
  refusalOf,
  type Resolve,
} from '../../../src/activities/push/address-guard.js';
import { createPoster, type PushOutcome } from '../../../src/activities/push/post.js';
import { startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.js';

const LOOPBACK = ipaddr.parseCIDR('127.0.0.0/8');

describe('the guard of addresses', () => {
  const NOT_PUBLIC = {
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    unspecified: ['0.0.0.0', '0.1.2.3', '::'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    'link-local, where metadata is': ['169.254.169.254', '169.254.170.2', 'fe80::1', 'fe80::1%eth0'],
    'shared by carriers, or metadata of Alibaba': ['100.64.0.1', '100.100.100.200'],
    'the agent of Azure': ['168.63.129.16'],
    'metadata of Oracle, and protocol assignments': ['192.0.0.192', '192.0.0.1'],
    'for documentation and benchmarks': [
      '192.0.2.1',
      '198.51.100.1',
      '203.0.113.9',
      '198.18.0.1',
      '2001:db8::1',
    ],
    'multicast, reserved, broadcast': [
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      'ff02::1',
    ],
    'unique local, metadata of AWS too': ['fc00::1', 'fd00:ec2::254'],
    'deprecated site-local': ['fec0::1'],
    'IPv4 in IPv6': [
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:10.0.0.1',
      '::ffff:169.254.169.254',
      '::127.0.0.1',
    ],
    'ways from IPv6 to IPv4': [
      '64:ff9b::7f00:1',
      '64:ff9b:1::1',
      '2002:7f00:1::',
      '2001::1',
      '::ffff:0:127.0.0.1',
    ],
    'not given out': ['4000::1', '5f00::1', '100::1'],
    'no address at all': ['', 'localhost', '999.1.1.1'],
  };
  for (const [what, addresses] of Object.entries(NOT_PUBLIC)) {
    it(`refuses what is ${what}`, () => {
      for (const address of addresses) assert.notEqual(refusalOf(address, 'https:', []), undefined, address);
    });
  }

  it('lets public addresses through by https, and only by that', () => {
    for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8']) {
      assert.equal(refusalOf(address, 'https:', []), undefined, address);
      assert.notEqual(refusalOf(address, 'http:', []), undefined, address);
    }
  });

  it('lets allowed ranges through by both, and nothing beside them', () => {
    const allow = [ipaddr.parseCIDR('10.1.0.0/16'), ipaddr.parseCIDR('fd00::/8')];
    for (const protocol of ['http:', 'https:']) {
      for (const address of ['10.1.0.1', '10.1.255.255', '::ffff:10.1.2.3', 'fd12::1'])
        assert.equal(refusalOf(address, protocol, allow), undefined, address);
      for (const address of ['10.2.0.1', '10.0.255.255', '127.0.0.1', 'fc00::1', 'fe80::1'])
        assert.notEqual(refusalOf(address, protocol, allow), undefined, address);
    }
  });
});

describe('posting through the guard', () => {
  let receiver: WebhookReceiver;

  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.stop());
  beforeEach(() => {
    receiver.requests.length = 0;
  });

  const answers = (...addresses: string[]): Resolve => {
    const found: LookupAddress[] = addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    return () => Promise.resolve(found);
  };

  async function post(url: string, resolve?: Resolve, allow = [LOOPBACK]): Promise<PushOutcome> {
    const connect = createGuardedConnector({ allow, resolve, connectTimeoutMs: 2_000 });
    const poster = createPoster({ url, connections: 1, connect });
    try {
      return await poster.post({}, '{}', 5_000);
    } finally {
      await poster.close();
    }
  }

  const at = (host: string, protocol = 'http'): string => `${protocol}://${host}:${receiver.port}/`;

  function refused({ ok, error = '' }: PushOutcome): void {
    assert.ok(!ok);
    assert.match(error, /^address refused: /);
    assert.equal(receiver.requests.length, 0);
  }

  it('goes to an allowed address, given by its name or itself', async () => {
    assert.ok((await post(at('hooks.example.com'), answers('127.0.0.1'))).ok);
    assert.ok((await post(at('127.0.0.1'))).ok);
    assert.equal(receiver.requests.length, 2);
  });

  it('refuses a name that resolves to a private address alone', async () => {
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', '10.0.0.1']) {
      refused(await post(at('hooks.example.com', 'https'), answers(address), []));
      refused(await post(at('hooks.example.com'), answers(address), []));
    }
  });

  it('connects to none but the allowed of a name whose addresses are mixed', async () => {
    const mixed = answers('10.255.255.1', '127.0.0.1', '169.254.169.254');
    assert.ok((await post(at('hooks.example.com'), mixed)).ok);
    refusedAfter(await post(at('hooks.example.com'), answers('10.255.255.1', '169.254.169.254')));
  });

  function refusedAfter({ error = '' }: PushOutcome): void {
    assert.match(error, /^address refused: /);
    assert.equal(receiver.requests.length, 1);
  }

  it('refuses addresses in the URL, however they are written', async () => {
    const hosts = [
      '127.0.0.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
    ];
    for (const host of [...hosts, '[::ffff:7f00:1]', '0', 'localhost', '127.0.0.1.']) {
      refused(await post(at(host), undefined, []));
      refused(await post(at(host, 'https'), undefined, []));
    }
  });

  it('refuses plain http to a public address', async () => {
    refused(await post('http://8.8.8.8/', undefined));
    refused(await post('http://hooks.example.com/', answers('8.8.8.8')));
  });

  it('looks a name up for each connection, so that an answer which changes is seen', async () => {
    const turns = [['127.0.0.1'], ['169.254.169.254']];
    const resolve: Resolve = () => answers(...turns.shift()!)('');
    const connect = createGuardedConnector({ allow: [LOOPBACK], resolve, connectTimeoutMs: 2_000 });
    const poster = createPoster({ url: at('hooks.example.com'), connections: 1, connect });
    receiver.answer = (_request, response) => void response.writeHead(200, { connection: 'close' }).end();
    assert.ok((await poster.post({}, '{}', 5_000)).ok);
    assert.match((await poster.post({}, '{}', 5_000)).error ?? '', /^address refused: hooks.example.com/);
    await poster.close();
    receiver.answer = () => 200;
  });

  it('does not follow a redirect, wherever it leads', async () => {
    receiver.answer = (_request, response) =>
      void response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
    const outcome = await post(at('127.0.0.1'));
    assert.deepEqual([outcome.ok, outcome.status], [false, 302]);
    assert.equal(outcome.error, 'HTTP 302 Found: redirects are not followed');
    receiver.answer = () => 200;
  });

  it('tells a name without address from a refused one', async () => {
    const failed: Resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    assert.equal((await post(at('hooks.example.com'), failed)).error, 'host not found');
  });
});
