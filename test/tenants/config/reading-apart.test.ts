import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeadgateError } from '../../../src/errors.js';
import { Turns } from '../../../src/platform/event-loop-turns.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { ReadingApart } from '../../../src/tenants/config/reading-apart.js';
import { openTenantRegistry, type TenantChange } from '../../../src/tenants/config/registry.js';
import { compileTenant } from '../../../src/tenants/config/tenant-file.js';
import { keepVersion, readVersion } from '../../../src/tenants/config/versions.js';
import { useTempDir } from '../../support/temp-dir.js';
import { turnsOf } from '../../support/turns-of.js';

const RULES = 60;

/** Of rules, routes and schemas, some twenty kilobytes. */
function largeText(more: object = {}): string {
  const each = <T>(of: (n: number) => T): T[] => Array.from({ length: RULES }, (_, n) => of(n));
  return JSON.stringify({
    tenant: 'UA',
    rules: each((n) => ({ name: `rule_${n}`, on: ['t'], when: `event.data.n > ${n} && event.data.n < 90` })),
    subscriptions: [{ name: 'one', kind: 'pull' }],
    routes: each((n) => ({ match: { type: 't', when: `event.data.n == ${n}` }, to: ['one'] })),
    schemas: each((n) => ({
      type: `t${n}`,
      schema: { type: 'object', properties: { a: { type: 'string' } } },
    })),
    ...more,
  });
}

describe("a tenant's large file, read while others are served", () => {
  const dir = useTempDir();
  let reading: ReadingApart;

  /** No share at all: a turn is over after one step. */
  beforeEach(() => {
    reading = new ReadingApart({ turns: new Turns({ shareMs: 0 }) });
  });
  afterEach(() => reading.close());

  it('is compiled rule by rule, route by route and schema by schema, each in a turn of its own', async () => {
    const text = largeText();
    const config = parseTenantConfig(text, 'UA.yaml');
    const { turns, result } = await turnsOf(Promise.resolve(reading.compile(config, text)));
    assert.ok(turns >= 3 * RULES, `${turns} turns`);
    const { rules, version, router, schemas } = compileTenant(config, text);
    assert.equal(result.version, version);
    assert.deepEqual(
      result.rules.rules.map((rule) => [rule.name, rule.version]),
      rules.rules.map((rule) => [rule.name, rule.version]),
    );
    assert.equal(result.router !== undefined, router !== undefined);
    assert.equal(result.schemas !== undefined, schemas !== undefined);
  });

  it('is parsed beside the event loop, to the same', async () => {
    const text = largeText();
    const { turns, result } = await turnsOf(reading.parse(text, 'UA.yaml'));
    assert.deepEqual(result, parseTenantConfig(text, 'UA.yaml'));
    assert.ok(turns > 1, 'nobody else had a turn');
  });

  it('is refused with the places of its problems', async () => {
    const text = largeText({ retention: 'soon' });
    const expected = refusal(() => parseTenantConfig(text, 'UA.yaml'));
    await assert.rejects(reading.parse(text, 'UA.yaml'), (error: HeadgateError) => {
      assert.deepEqual([error.code, error.message, error.details], expected);
      return true;
    });
  });

  it('comes into force, and is kept without its secrets and read back', async () => {
    const [tenants, versions] = [join(dir(), 'tenants'), join(dir(), 'versions')];
    await mkdir(tenants);
    const registry = await openTenantRegistry({ dir: tenants, versions, reading });
    try {
      const changed = new Promise<TenantChange>((resolve) => registry.onChange(resolve));
      const secret = 'whsec_bWFueSBieXRlcyBvZiBhIHNlY3JldCBrZXkhIQ==';
      const push = { name: 'crm', kind: 'push', url: 'https://crm.example/x', secret };
      const promote = [{ field: 'data.late', type: 'integer', column: 'late' }];
      const more = { subscriptions: [{ name: 'one', kind: 'pull' }, push], warehouse: { promote } };
      await writeFile(join(tenants, 'UA.yaml'), largeText(more));
      const { loaded } = await changed;
      assert.equal(loaded?.rules.rules.length, RULES);
      const kept = await readVersion(versions, 'UA', loaded.version, reading);
      assert.equal(kept.rules.rules.length, RULES);
      assert.doesNotMatch(JSON.stringify(kept.config), /bWFueSBieXRl/);
    } finally {
      await registry.close();
    }
  });

  it('is read again after its thread was given back', async () => {
    const text = largeText();
    await reading.parse(text, 'UA.yaml');
    await reading.close();
    const version = await keepVersion(dir(), 'UA', text, Date.now(), (all) => reading.withoutSecrets(all));
    assert.equal((await readVersion(dir(), 'UA', version, reading)).version, version);
  });
});

function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    const { code, message, details } = error as HeadgateError;
    return [code, message, details];
  }
}
