import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import { Document, parse } from 'yaml';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KEYS = new URL('../../scripts/docs/tenant-keys.mjs', import.meta.url).href;

/** A key's forms: what each is the form of, such as `kind: push`, and its schema. */
interface Form {
  readonly of?: string;
  readonly schema: { readonly default?: unknown; readonly examples?: readonly unknown[] };
}

interface Reference {
  tenantKeys(): ReadonlyMap<string, readonly Form[]>;
  /** A value as the page has it. */
  written(value: unknown): string;
}

const SUBSCRIPTIONS: Readonly<Record<string, object>> = {
  'kind: push': { name: 'crm', kind: 'push', url: 'https://crm.example/hooks' },
  'kind: pull': { name: 'crm', kind: 'pull' },
  'kind: workflow': {
    name: 'crm',
    kind: 'workflow',
    workflow: '"w"',
    taskQueue: '"own.acme"',
    id: '"i"',
    signal: '"s"',
  },
};

const SOURCES: Readonly<Record<string, object>> = {
  'kind: hmac': { kind: 'hmac', secret: 'secret:a', header: 'x-sig' },
  'kind: basic': { kind: 'basic', secret: 'secret:a', user: 'shop' },
};

/** A source whose sender is of this kind; the keys of an HMAC's time need each other. */
function sourceOf(path: string, kind: string): object {
  const verify = SOURCES[kind] ?? { kind: kind.replace(/^kind: /, '') || 'github', secret: 'secret:a' };
  const timed = path.endsWith('.timestampHeader') && { signed: '{timestamp}.{body}' };
  return { name: 'shop', kind: 'webhook', verify: { ...verify, ...timed } };
}

const WAREHOUSES: Readonly<Record<string, object>> = {
  'kind: parquet': { kind: 'parquet' },
  'kind: bigquery': { kind: 'bigquery', project: 'acme-analytics', location: 'europe-west3' },
};

/** A file to put the key into, with what it needs beside it. */
function fileFor(path: string, of = ''): Document {
  const [kind = '', writer] = of.split(', ');
  const warehouse = { ...WAREHOUSES[kind], ...(writer !== undefined && (parse(writer) as object)) };
  const spent = { on: ['order.paid'], op: 'sum', value: 'event.data.amount', window: '30 days' };
  const promote = [{ field: 'a.b', type: 'integer' }];
  return new Document({
    tenant: 'acme',
    ...(path !== 'subscriptions' && {
      subscriptions: [SUBSCRIPTIONS[kind] ?? SUBSCRIPTIONS['kind: push']],
    }),
    ...(path.startsWith('sources[]') && { sources: [sourceOf(path, kind)] }),
    ...(path.startsWith('warehouse.') && { warehouse }),
    ...(path.startsWith('warehouse.promote[].') && { warehouse: { ...warehouse, promote } }),
    ...(path.startsWith('aggregates.') && { aggregates: { spent } }),
    ...(path.startsWith('rules[].') && { rules: [{ name: 'r', on: ['a'], when: 'true' }] }),
    ...(path.startsWith('routes[') && { routes: [{ match: {}, to: ['crm'] }] }),
    ...(path.startsWith('schemas[].') && { schemas: [{ type: 'a', schema: {} }] }),
  });
}

function withKey(path: string, value: string, of?: string): Document {
  const file = fileFor(path, of);
  const steps = path.replaceAll('[]', '.0').replaceAll('<name>', 'spent').split('.');
  file.setIn(
    steps.map((step) => (step === '0' ? 0 : step)),
    parse(value),
  );
  return file;
}

const configOf = (file: Document) => parseTenantConfig(String(file), 'acme.yaml');

describe("the reference of a tenant's file", () => {
  let forms: [path: string, form: Form][];
  let written: Reference['written'];
  let fits: ValidateFunction;

  before(async () => {
    const reference = (await import(KEYS)) as Reference;
    ({ written } = reference);
    forms = [...reference.tenantKeys()].flatMap(([path, all]) =>
      all.map((form): [string, Form] => [path, form]),
    );
    assert.ok(forms.length > 80);
    const schema = JSON.parse(readFileSync(join(ROOT, 'tenant.schema.json'), 'utf8')) as object;
    fits = new Ajv({ strict: false, allErrors: true }).compile(schema);
  });

  const assertFits = (file: unknown, what: string) =>
    assert.ok(fits(file), `${what}: ${JSON.stringify(fits.errors)}`);

  it('names defaults that are what a key stands for while it is not there', () => {
    for (const [path, { of, schema }] of forms) {
      if (schema.default === undefined) continue;
      const file = withKey(path, written(schema.default), of);
      assert.deepEqual(configOf(file), configOf(fileFor(path, of)), path);
    }
  });

  it('has examples that are taken, also by the schema for editors', () => {
    for (const [path, { of, schema }] of forms) {
      const [example] = schema.examples ?? [];
      if (example === undefined) continue;
      assert.deepEqual(parse(written(example)), example, path);
      const file = withKey(path, written(example), of);
      assert.doesNotThrow(() => configOf(file), path);
      assertFits(file.toJS(), path);
    }
  });

  it('comes with a schema for editors that takes the examples, which name it, and refuses mistakes', () => {
    const examples = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' });
    const files = examples.filter((name) => name.endsWith('.yaml'));
    assert.ok(files.length > 10);
    for (const name of files) {
      const text = readFileSync(join(ROOT, 'examples', name), 'utf8');
      assertFits(parse(text), name);
      const [, hint] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
      assert.equal(join('examples', name, '..', hint ?? ''), 'tenant.schema.json', name);
    }
    for (const mistake of [
      'batch: { linger: soon }',
      'limits: { bytesPerSecond: 5 MBit }',
      'warehouse: { kind: bigquery, project: acme-analytics }',
      'warehouse: { dataset: acme }',
      'subscriptions: [{ name: crm, kind: push }]',
      'subscriptions: [{ name: crm, kind: pull, url: "https://crm.example" }]',
      'colour: red',
    ])
      assert.ok(!fits(parse(`tenant: acme\n${mistake}`)), mistake);
  });
});
