import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadgateError } from '../../../src/errors.js';
import {
  applyTenantFiles,
  openTenantRegistry,
  type TenantChange,
  type TenantRegistry,
} from '../../../src/tenants/config/registry.js';

describe('tenants/config/registry', () => {
  let root: string;
  let dir: string;
  let logged: string[];
  let logs: EventEmitter;
  let registry: TenantRegistry | undefined;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'headgate-tenants-'));
    dir = join(root, 'tenants');
    logged = [];
    logs = new EventEmitter();
    registry = undefined;
  });

  afterEach(async () => {
    await registry?.close();
    await rm(root, { recursive: true });
  });

  const log = (level: string) => (id: string, fields?: object) => {
    logged.push(`${level}: ${id} ${JSON.stringify(fields)}`);
    logs.emit(`log.${level}`);
  };

  const open = async () => {
    registry = await openTenantRegistry({
      dir,
      logger: { info: log('info'), warn: log('warn'), error: log('error') },
    });
    return registry;
  };

  const write = (name: string, text: string, where = dir) => writeFile(join(where, name), text);
  const nextChange = (from: TenantRegistry) =>
    new Promise<TenantChange>((resolve) => {
      const stop = from.onChange((change) => {
        stop();
        resolve(change);
      });
    });
  const versions = () => join(root, 'tenant-versions');
  const promoting = (type: string, field = 'delay', more = '') =>
    `tenant: UA\n${more}warehouse:\n  promote:\n    - { field: ${field}, type: ${type}, column: late }\n`;
  const applyPromoting = async (text: string) => {
    await write('UA.yaml', text, root);
    return applyTenantFiles({ source: join(root, 'UA.yaml'), dir, versions: versions() });
  };
  const apply = async (name: string, text: string) => {
    await write(name, text, root);
    return applyTenantFiles({ source: join(root, name), dir });
  };

  it('loads what is there, in the order of tenant ids, and starts on an empty directory', async () => {
    await apply('b.yaml', 'tenant: b');
    await apply('a.yaml', 'tenant: a\nisolation: dedicated\nrules: [{ name: r, on: [x], when: "true" }]');
    await open();
    assert.deepEqual(
      registry!.list().map(({ config }) => config.tenant),
      ['a', 'b'],
    );
    assert.equal(registry!.get('a')?.config.isolation, 'dedicated');
    assert.equal(registry!.get('a')?.rules.rules[0]?.name, 'r');
    assert.equal(registry!.get('c'), undefined);
  });

  it('follows tenants that are added, changed and removed', async () => {
    const tenants = await open();
    let change = nextChange(tenants);
    await apply('a.yaml', 'tenant: a');
    const added = await change;
    assert.deepEqual([added.kind, added.tenant, added.loaded?.config.suspended], ['added', 'a', false]);
    change = nextChange(tenants);
    await apply('a.yaml', 'tenant: a\nsuspended: true');
    const changed = await change;
    assert.deepEqual([changed.kind, changed.loaded?.config.suspended], ['changed', true]);
    assert.equal(tenants.get('a')?.config.suspended, true);
    change = nextChange(tenants);
    await unlink(join(dir, 'a.yaml'));
    assert.deepEqual(await change, { kind: 'removed', tenant: 'a' });
    assert.equal(tenants.get('a'), undefined);
  });

  it('keeps the last good configuration when a file becomes invalid, says why, and takes the fixed one', async () => {
    await apply('a.yaml', 'tenant: a\nretention: 2h');
    const tenants = await open();
    const warned = once(logs, 'log.warn');
    await write('a.yaml', 'tenant: a\nretention: never');
    await warned;
    assert.match(logged.at(-1)!, /TENANT_FILE_INVALID.*a\.yaml:2:12: retention must be a duration/);
    assert.equal(tenants.get('a')?.config.retentionMs, 7_200_000);
    const change = nextChange(tenants);
    await write('a.yaml', 'tenant: a\nretention: 3h');
    assert.equal((await change).loaded?.config.retentionMs, 10_800_000);
  });

  it('leaves out files that are invalid or called by another name, and everything that is no tenant file', async () => {
    await apply('a.yaml', 'tenant: a');
    await write('b.yaml', 'tenant: c');
    await write('d.yaml', 'tenant: [');
    await write('.e.yaml', 'tenant: e');
    await write('f.txt', 'tenant: f');
    const tenants = await open();
    assert.deepEqual(
      tenants.list().map(({ config }) => config.tenant),
      ['a'],
    );
    const warnings = logged.filter((line) => line.startsWith('warn'));
    assert.equal(warnings.length, 2);
    assert.match(warnings[0]!, /the file of tenant c must be called c\.yaml/);
  });

  it('tells a listener no more after it has stopped, and goes on when one throws', async () => {
    const tenants = await open();
    let heard = 0;
    tenants.onChange(() => heard++)();
    tenants.onChange(() => {
      throw new Error('a listener that fails');
    });
    const change = nextChange(tenants);
    await apply('a.yaml', 'tenant: a');
    await change;
    assert.equal(heard, 0);
    assert.ok(logged.some((line) => line.startsWith('error: TENANT_LISTENER_FAILED')));
  });

  describe('applyTenantFiles', () => {
    it('says what it did, and writes nothing for a file that is the same', async () => {
      assert.deepEqual(await apply('a.yaml', 'tenant: a'), [{ tenant: 'a', change: 'added' }]);
      assert.deepEqual(await apply('a.yaml', 'tenant: a'), [{ tenant: 'a', change: 'unchanged' }]);
      assert.deepEqual(await apply('a.yaml', 'tenant: a # new'), [{ tenant: 'a', change: 'changed' }]);
      assert.deepEqual(await readdir(dir), ['a.yaml']);
      assert.equal(await readFile(join(dir, 'a.yaml'), 'utf8'), 'tenant: a # new');
    });

    it('applies no file of a directory if any is invalid, and reports the problems of all', async () => {
      await write('a.yaml', 'tenant: a', root);
      await write('b.yaml', 'tenant: b\nlimit: 1', root);
      await write('c.yaml', 'tenant: c\nrules: [{ name: r, on: [x], when: foo }]', root);
      await assert.rejects(applyTenantFiles({ source: root, dir }), (error) => {
        assert.ok(error instanceof HeadgateError);
        assert.equal(error.code, 'TENANT_CONFIG_INVALID');
        assert.match(
          error.message,
          /b\.yaml:2:1: .*did you mean "limits"\?\n.*c\.yaml:2:35: .*Unknown variable: foo/,
        );
        return true;
      });
      await assert.rejects(readdir(dir), { code: 'ENOENT' });
    });

    it('refuses a file called by another tenant, so that a copy cannot replace its original', async () => {
      await assert.rejects(apply('a.yaml', 'tenant: b'), { code: 'TENANT_CONFIG_INVALID' });
    });

    for (const [what, source] of [
      ['is not there', 'none'],
      ['has no tenant files', '.'],
    ] as const) {
      it(`refuses a source that ${what}`, async () => {
        await assert.rejects(applyTenantFiles({ source: join(root, source), dir }), {
          code: 'FILE_UNREADABLE',
        });
      });
    }

    it('refuses a file that is not UTF-8', async () => {
      await writeFile(join(root, 'a.yaml'), Buffer.from([0x74, 0xff, 0xfe]));
      await assert.rejects(applyTenantFiles({ source: join(root, 'a.yaml'), dir }), {
        code: 'FILE_UNREADABLE',
      });
    });
  });

  it('refuses to apply a file that makes a promoted column mean something else than before', async () => {
    await applyPromoting(promoting('integer'));
    await applyPromoting(promoting('integer', 'delay', 'retention: 2h\n'));
    await applyPromoting('tenant: UA\n');
    for (const text of [promoting('text'), promoting('integer', 'delay.minutes')]) {
      await assert.rejects(applyPromoting(text), (error: HeadgateError) => {
        assert.equal(error.code, 'TENANT_CONFIG_INVALID');
        const wanted =
          /UA\.yaml:4:7: warehouse\.promote\.0: the column late has the integer of delay by an earlier configuration, version [0-9a-f]{12}; give this field another column, such as late_(text|integer)/;
        assert.match(error.message, wanted);
        return true;
      });
      assert.equal(await readFile(join(dir, 'UA.yaml'), 'utf8'), 'tenant: UA\n');
    }
    await applyPromoting(promoting('integer'));
    await applyPromoting(promoting('text').replace('late', 'late_text'));
  });

  it('keeps the last good configuration when a file put there by hand changes what a column means', async () => {
    await applyPromoting(promoting('integer'));
    const logger = { info: log('info'), warn: log('warn'), error: log('error') };
    registry = await openTenantRegistry({ dir, versions: versions(), logger });
    const warned = once(logs, 'log.warn');
    await write('UA.yaml', promoting('text'));
    await warned;
    assert.match(logged.at(-1) ?? '', /TENANT_FILE_INVALID.*the column late has the integer of delay/);
    assert.equal(registry.get('UA')?.config.warehouse.promote?.[0]?.type, 'integer');
    const changed = nextChange(registry);
    await write('UA.yaml', promoting('integer', 'delay', 'retention: 2h\n'));
    await changed;
    assert.equal(registry.get('UA')?.config.retentionMs, 7_200_000);
  });
});
