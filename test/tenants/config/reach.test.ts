import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyTenantFiles } from '../../../src/tenants/config/registry.js';
import type { AllowedQueue } from '../../../src/tenants/config/workflow-queue.js';
import { useTempDir } from '../../support/temp-dir.js';

const base64 = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');
const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const [seed, publicKey] = [jwk.d, jwk.x].map((part) => Buffer.from(part ?? '', 'base64url'));

describe('what a file that is applied may reach', () => {
  const dir = useTempDir();

  /** Applies files of tenants; JSON is YAML. */
  async function apply(
    tenants: Readonly<Record<string, object>>,
    workflowQueues: readonly AllowedQueue[] = [],
  ): Promise<string[]> {
    const source = join(dir(), `source-${Math.random()}`);
    await mkdir(source);
    for (const [tenant, config] of Object.entries(tenants))
      await writeFile(join(source, `${tenant}.yaml`), JSON.stringify({ tenant, ...config }));
    await mkdir(join(dir(), 'tenants'), { recursive: true });
    await applyTenantFiles({ source, dir: join(dir(), 'tenants'), reach: { workflowQueues } });
    return readdir(join(dir(), 'tenants'));
  }

  const push = (more: object): object => ({
    subscriptions: [{ name: 'hook', kind: 'push', url: 'https://example.com/hook', ...more }],
  });
  const workflow = (taskQueue: string): object => ({
    subscriptions: [
      { name: 'sync', kind: 'workflow', workflow: '"sync"', taskQueue, id: '"1"', signal: '"s"' },
    ],
  });
  const refused = (config: object, message: RegExp, tenant = 'attacker'): Promise<void> =>
    assert.rejects(apply({ [tenant]: config }), { code: 'TENANT_CONFIG_INVALID', message });

  it("is its tenant's own secrets", async () => {
    const env = (name: string): string => `env:HEADGATE_SECRET_${name}`;
    await apply({
      attacker: push({ secret: env('ATTACKER__KEY'), headers: { Auth: env('ATTACKER__AUTH') } }),
    });
    await refused(
      push({ headers: { 'X-Any': env('VICTIM__KEY') } }),
      /attacker\.yaml:1:\d+: subscriptions\.0\.headers\.X-Any: HEADGATE_SECRET_VICTIM__KEY is not a secret of tenant attacker/,
    );
    await refused(
      push({ secret: env('VICTIM__KEY') }),
      /subscriptions\.0\.secret: HEADGATE_SECRET_VICTIM__KEY is/,
    );
    await refused(
      push({ secrets: [env('ATTACKER__KEY'), env('VICTIM__KEY')] }),
      /subscriptions\.0\.secrets\.1: HEADGATE_SECRET_VICTIM__KEY is/,
    );
    // As they were called before 0.2.
    await refused(push({ secret: env('CRM') }), /call it HEADGATE_SECRET_ATTACKER__CRM$/);
  });

  it('is no secret at all where another tenant would have the same variables', async () => {
    const secret = 'env:HEADGATE_SECRET_AC_ME__KEY';
    await apply({ 'ac-me': push({ secret }) });
    for (const other of ['ac_me', 'AC_ME'])
      await refused(
        push({ secret }),
        /tenants A?a?[Cc].[Mm][Ee] and ac-me would share their secrets/i,
        other,
      );
    assert.deepEqual(await apply({ ac_me: push({}) }), ['ac-me.yaml', 'ac_me.yaml']);
  });

  it('is no id of another tenant in other case, unless it is in force', async () => {
    await apply({ acme: {} });
    await refused({}, /ACME\.yaml:1:1: tenant: ACME differs from tenant acme by case alone/, 'ACME');
    await assert.rejects(apply({ Beta: {}, beta: {} }), /by case alone/);
    await writeFile(join(dir(), 'tenants', 'ACME.yaml'), JSON.stringify({ tenant: 'ACME' }));
    assert.deepEqual(await apply({ ACME: {} }), ['ACME.yaml', 'acme.yaml']);
  });

  it('is no key that signs, in a header', async () => {
    for (const value of [`whsec_${base64(32)}`, `Bearer whsk_${base64(32)}`])
      await refused(push({ headers: { Auth: value } }), /headers\.Auth: a key that signs webhooks/);
    await apply({ attacker: push({ headers: { Auth: 'Bearer abc' } }) });
  });

  it('is a secret that can sign', async () => {
    const unpadded = base64(32).replaceAll('=', '');
    for (const [secret, message] of [
      ['whsec_AAAAAAAAAAAAAAAA', /has 12 bytes, not 24 to 64/],
      [`whsec_${base64(16)}`, /has 16 bytes, not 24 to 64/],
      [`whsec_${base64(65)}`, /has 65 bytes, not 24 to 64/],
      [`whsec_${unpadded}`, /is not base64 with its padding/],
      [`whsk_${base64(24)}`, /has 24 bytes, not the 32 or 64 of an ed25519 secret key/],
      [`whsk_${base64(64)}`, /its second half is not the public key of its first/],
    ] as const)
      await refused(push({ secret }), message);
    const keys = [seed, Buffer.concat([seed!, publicKey!])].map((key) => `whsk_${key!.toString('base64')}`);
    for (const secret of [`whsec_${base64(24)}`, `whsec_${base64(64)}`, ...keys])
      await apply({ attacker: push({ secret }) });
  });

  it('is an address without a user or a password; its scheme may be in capitals', async () => {
    await refused(
      push({ url: 'http://me:pa%20ss@example.com/hook' }),
      /subscriptions\.0\.url: a url may not hold a user or a password.*headers: \{ Authorization/,
    );
    await apply({ attacker: push({ url: 'HTTP://EXAMPLE.com/hook' }) });
  });

  it("is its tenant's own queues, and those that the operator names", async () => {
    const other = /the queue ".*" is not one of tenant attacker: use own\.attacker or own\.attacker\.<name>/;
    for (const queue of [
      '"bookings"',
      "'own.victim'",
      '"own.attacker2"',
      '"pool.0"',
      '"tenant.victim.sub.x"',
    ])
      await refused(workflow(queue), other);
    for (const queue of ['"own.victim." + event.data.x', '"bookings-" + event.type'])
      await refused(workflow(queue), other);
    for (const queue of [
      '"own.attacker"',
      '"own.attacker.x"',
      '"own.attacker." + event.type',
      '"own." + event.type',
    ])
      await apply({ attacker: workflow(queue) });
    const allowed = [
      { tenant: 'attacker', queue: 'bookings' },
      { tenant: '*', queue: 'shared-*' },
      { tenant: 'victim', queue: 'secret' },
    ];
    for (const queue of ['"bookings"', '"shared-1"', '"shared-" + event.type'])
      await apply({ attacker: workflow(queue) }, allowed);
    for (const queue of ['"bookings2"', '"secret"', '"bookings-" + event.type'])
      await assert.rejects(apply({ attacker: workflow(queue) }, allowed), { message: other });
  });
});
