import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSigner } from '../../../src/activities/push/sign.js';
import { useTempDir } from '../../support/temp-dir.js';

const VERIFIERS = fileURLToPath(new URL('./verifiers/', import.meta.url));
/** The first time, Go fetches a module and compiles its standard library. */
const BUILD_WITHIN_MS = 240_000;

const BODY = '{"specversion":"1.0","id":"a-1","type":"flight.arrived","data":{"city":"Zürich","minutes":61}}';
const hmacSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** An ed25519 key as a secret of ours, and its public half as the verifiers take it. */
function ed25519(): { readonly secret: string; readonly publicKey: string } {
  const pair = generateKeyPairSync('ed25519');
  const half = (key: KeyObject, name: 'd' | 'x'): string => {
    const text = key.export({ format: 'jwk' })[name];
    return Buffer.from(text ?? '', 'base64url').toString('base64');
  };
  return { secret: `whsk_${half(pair.privateKey, 'd')}`, publicKey: half(pair.publicKey, 'x') };
}

interface SignedRequest {
  readonly secret?: string;
  readonly publicKey?: string;
  readonly headers: object;
  readonly body: string;
}

interface Cases {
  readonly accepted: Readonly<Record<string, SignedRequest>>;
  readonly refused: Readonly<Record<string, SignedRequest>>;
}

/** By HMAC, by ed25519, and by several secrets at once, as while one is rotated. */
function cases(): Cases {
  const [secret, old, wrong] = [hmacSecret(), hmacSecret(), hmacSecret()];
  const [pair, other] = [ed25519(), ed25519()];
  // Verifiers compare it with their clock; this file may have been loaded minutes ago.
  const now = Date.now();
  const signed = (secrets: readonly string[], at = now, body = BODY) => ({
    headers: createSigner(secrets)('a-1', at, body),
    body,
  });
  const tampered = BODY.replace('61', '6');
  const { publicKey } = pair;
  return {
    accepted: {
      hmac: { secret, ...signed([secret]) },
      'the old secret, while it is rotated': { secret: old, ...signed([secret, old]) },
      'the new secret, while it is rotated': { secret, ...signed([secret, old]) },
      'hmac beside ed25519': { secret, ...signed([pair.secret, secret]) },
      ed25519: { publicKey, ...signed([pair.secret]) },
      'ed25519 beside hmac': { publicKey, ...signed([secret, pair.secret]) },
      'a batch': { secret, ...signed([secret], now, `[${BODY},${BODY}]`) },
    },
    refused: {
      'tampered with': { secret, ...signed([secret]), body: tampered },
      'of a wrong secret': { secret: wrong, ...signed([secret]) },
      'of six minutes ago': { secret, ...signed([secret], now - 6 * 60_000) },
      'of six minutes from now': { secret, ...signed([secret], now + 6 * 60_000) },
      'tampered with, by ed25519': { publicKey, ...signed([pair.secret]), body: tampered },
      'of another key, by ed25519': { publicKey: other.publicKey, ...signed([pair.secret]) },
    },
  };
}

function assertVerdicts(command: string, args: readonly string[]): void {
  const { accepted, refused } = cases();
  const requests = Object.entries({ ...accepted, ...refused });
  const input = requests.map(([, request]) => JSON.stringify(request)).join('\n');
  const { stdout, stderr, status } = spawnSync(command, args, { input: `${input}\n`, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const said = stdout.trim().split('\n');
  assert.equal(said.length, requests.length);
  for (const [index, [name]] of requests.entries()) {
    if (name in accepted) assert.equal(said[index], 'ok', name);
    else assert.notEqual(said[index], 'ok', name);
  }
}

describe('signatures of webhooks, as other languages verify them', () => {
  const dir = useTempDir();

  it("are accepted, or refused, by Go's library of Standard Webhooks", function () {
    this.timeout(BUILD_WITHIN_MS);
    const binary = join(dir(), 'verify');
    const built = spawnSync('go', ['build', '-o', binary, '.'], { cwd: VERIFIERS, encoding: 'utf8' });
    if (built.error !== undefined) return skip(this, 'Go is not installed here');
    if (/dial tcp|no such host|404 Not Found/.test(built.stderr))
      return skip(this, "the library's module cannot be fetched here");
    assert.equal(built.status, 0, built.stderr);
    assertVerdicts(binary, []);
  });

  it("are accepted, or refused, by Python's packages standardwebhooks, svix and cryptography", function () {
    const python = process.env.HEADGATE_TEST_PYTHON ?? 'python3';
    const imports = ['-c', 'import standardwebhooks, svix.webhooks, cryptography'];
    if (spawnSync(python, imports).status !== 0)
      return skip(this, 'python3, or HEADGATE_TEST_PYTHON, has no standardwebhooks, svix and cryptography');
    assertVerdicts(python, [join(VERIFIERS, 'verify.py')]);
  });
});

function skip(context: Mocha.Context, reason: string): void {
  console.log(`      skipped: ${reason}`);
  context.skip();
}
