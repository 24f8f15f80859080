import assert from 'node:assert/strict';
import { HeadgateError } from '../../../src/errors.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { assertReach, NO_REACH } from '../../../src/tenants/config/reach.js';
import { compileTenant } from '../../../src/tenants/config/tenant-file.js';

/** The file of a tenant with one source. */
function fileWith(verify: string, more = ''): string {
  return `tenant: acme
sources:
  - name: shop
    kind: webhook
    verify: ${verify}
${more}`;
}

const GITHUB = '{ kind: github, secret: "secret:github" }';

function problemsOf(run: () => unknown): string[] {
  try {
    run();
    return [];
  } catch (error) {
    assert.ok(error instanceof HeadgateError);
    return error.message.split('\n').map((line) => line.replace(/^.*acme\.yaml:/, ''));
  }
}

const parse = (text: string) => parseTenantConfig(text, 'acme.yaml');
const refusedFor = (text: string): string => problemsOf(() => parse(text)).join('\n');

describe("sources of a tenant's file", () => {
  it('have defaults, and their secrets are one list', () => {
    const [source] = parse(
      fileWith('{ kind: hmac, header: X-Sig, secret: "secret:a", secrets: ["secret:b"] }'),
    ).sources;
    assert.deepEqual(source, {
      name: 'shop',
      kind: 'webhook',
      verify: {
        kind: 'hmac',
        header: 'X-Sig',
        algorithm: 'sha256',
        encoding: 'hex',
        prefix: '',
        signed: '{body}',
        secrets: ['secret:a', 'secret:b'],
      },
      toleranceMs: 300_000,
      maxBytes: 1_048_576,
      map: {},
    });
    assert.deepEqual(parse('tenant: acme').sources, []);
  });

  it('are compiled with the file', () => {
    const text = fileWith(GITHUB, '    map: { subject: body.sender.login }');
    const { sources } = compileTenant(parse(text), text);
    assert.deepEqual([...sources!.keys()], ['shop']);
    assert.equal(sources!.get('shop')!.mapping.subject!.source, 'body.sender.login');
    assert.equal(compileTenant(parse('tenant: acme'), '').sources, undefined);
  });

  it('have secrets, which are references', () => {
    assert.match(
      refusedFor(fileWith('{ kind: github }')),
      /sources\.0\.verify: it needs "secret" or "secrets"/,
    );
    for (const literal of [
      'hunter2',
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'env:PATH',
      'secret:UPPER',
      '',
    ])
      assert.match(
        refusedFor(fileWith(`{ kind: github, secret: "${literal}" }`)),
        /sources\.0\.verify\.secret must be secret:NAME or env:HEADGATE_SECRET_<TENANT>__NAME/,
        literal,
      );
  });

  it('have names of their own', () => {
    const text = `${fileWith(GITHUB)}  - { name: shop, kind: webhook, verify: ${GITHUB} }\n`;
    assert.match(refusedFor(text), /^6:13: sources\.1\.name: there is another source named "shop"$/);
    assert.match(refusedFor(fileWith(GITHUB).replace('name: shop', 'name: ../x')), /must be a name/);
  });

  it('say what their sender needs, and nothing else', () => {
    assert.match(refusedFor(fileWith('{ kind: gitlab, secret: "secret:a" }')), /verify\.kind/);
    assert.match(refusedFor(fileWith('{ kind: github, secret: "secret:a", header: x }')), /header/);
    assert.match(refusedFor(fileWith('{ kind: hmac, secret: "secret:a" }')), /needs "header"/);
    assert.match(refusedFor(fileWith('{ kind: basic, secret: "secret:a" }')), /needs "user"/);
    assert.match(refusedFor(fileWith('{ kind: basic, secret: "secret:a", user: "a:b" }')), /without a colon/);
    assert.match(refusedFor(fileWith(GITHUB, '    maxBytes: 5MB')), /from 1KB to 4MB/);
    assert.match(refusedFor(fileWith(GITHUB, '    tolerance: 2 days')), /from 1s to 24h/);
  });

  it('sign their time, or have none', () => {
    const hmac = (more: string): string =>
      refusedFor(fileWith(`{ kind: hmac, header: x, secret: "secret:a", ${more} }`));
    assert.match(hmac('timestampHeader: t'), /timestampHeader: a time that is not signed proves nothing/);
    assert.match(hmac('signed: "{timestamp}.{body}"'), /"timestampHeader" must say where that comes from/);
    assert.match(hmac('signed: "v0"'), /signed: it must have \{body\} once/);
    assert.match(hmac('signed: "{body}{body}"'), /signed: it must have \{body\} once/);
    assert.equal(hmac('timestampHeader: t, signed: "{timestamp}.{body}"'), '');
  });

  it('have expressions that are checked where they stand', () => {
    const mapped = (map: string): string => refusedFor(fileWith(GITHUB, `    map: { ${map} }`));
    assert.match(mapped('id: "body."'), /^6:\d+: sources\.0\.map\.id: /);
    assert.match(mapped('id: event.id'), /event/);
    assert.match(mapped('type: "1 + 1"'), /the expression gives int, but must give text/);
    assert.match(mapped('time: "true"'), /the expression gives bool, but must give a time/);
    assert.equal(mapped('data: "[body.a, query.b, headers.c]", id: "1 + 1"'), '');
  });

  it("reach for no other tenant's variables", () => {
    const reached = (reference: string, others: string[] = []): string => {
      const text = fileWith(`{ kind: github, secret: "${reference}" }`);
      return problemsOf(() => assertReach({ config: parse(text), text }, 'acme.yaml', NO_REACH, others)).join(
        '\n',
      );
    };
    assert.equal(reached('env:HEADGATE_SECRET_ACME__GITHUB'), '');
    assert.equal(reached('secret:github'), '');
    assert.match(
      reached('env:HEADGATE_SECRET_GLOBEX__GITHUB'),
      /^5:\d+: sources\.0\.verify: HEADGATE_SECRET_GLOBEX/,
    );
    assert.match(reached('env:HEADGATE_SECRET_ACME__GITHUB', ['ACME']), /would share their secrets/);
  });
});
