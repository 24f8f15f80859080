import { HeadgateError } from '../errors.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import type { MasterKeyring } from '../stores/batch-keys/master-keyring.js';
import {
  decodeSecretFile,
  encodeSecretFile,
  secretPath,
  withoutMasterKey,
  withValue,
  type KeptSecret,
  type SealedValue,
  type SecretFile,
  type SecretKind,
} from '../stores/secrets/secret-file.js';
import {
  makeChange,
  whileNobodyChanges,
  type Author,
  type Change,
} from '../tenants/config/change-history.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { storedSecretsOfSource } from '../tenants/config/source-config.js';
import { storedSecretsOf } from '../tenants/config/subscription-config.js';
import { isValid, replaced } from '../tenants/overlap.js';
import { makeSigningSecret, verifyingKeyOf } from '../tenants/signing-secret.js';
import { assertGivenValue } from './given-value.js';
import { assertTenantThere } from './tenant-there.js';

/** What {@link SecretChanges} needs. */
export interface SecretChangesOptions {
  readonly paths: { readonly tenants: string; readonly tenantVersions: string; readonly secrets: string };
  readonly masters: MasterKeyring;
  readonly registry: Pick<TenantRegistry, 'get'>;
  readonly now?: () => number;
}

/** A secret as it is shown: all but its values. */
export interface ShownSecret {
  readonly name: string;
  readonly kind: SecretKind;
  /** The newest first, those of an overlap after it. */
  readonly values: readonly Omit<SealedValue, 'key' | 'sealed'>[];
  /** Subscriptions that refer to it. */
  readonly usedBy: readonly string[];
}

/** A secret that was changed. */
export interface ChangedSecret extends ShownSecret {
  readonly change: Change['change'];
  readonly number: number;
  /** What was made, where Headgate has made it: this once, and never again. */
  readonly value?: string;
}

/** Which secret, and who changes it. */
export interface SecretRequest {
  readonly tenant: string;
  readonly name: string;
  readonly author: Author;
}

const MOST_SECRETS = 100;
/** All of them sign each request. */
const MOST_VALUES = 5;

/**
 * The secrets of tenants: made, rotated and revoked while Headgate runs. Values are encrypted before they are written, and
 * shown at most once, in the answer of what made them.
 */
export class SecretChanges {
  constructor(private readonly options: SecretChangesOptions) {}

  /** By name. @throws HeadgateError `NOT_FOUND`: there is no such tenant */
  async list(tenant: string): Promise<ShownSecret[]> {
    const file = await this.read(tenant);
    return Object.keys(file.secrets)
      .sort()
      .map((name) => this.shown(tenant, name, file.secrets[name]!));
  }

  /**
   * Makes a secret: a new random one, unless there is a value.
   * @throws HeadgateError `NOT_FOUND`; `STATE_CONFLICT`: there is one by this name; `SECRET_INVALID`; `BATCH_KEY_MISSING`
   */
  make(
    asked: SecretRequest & { readonly kind: SecretKind; readonly value?: string },
  ): Promise<ChangedSecret> {
    const { tenant, name, kind } = asked;
    return this.change(asked, 'secret-made', (file) => {
      if (Object.hasOwn(file.secrets, name))
        throw conflict(`There is a secret ${name} already: rotate it, or revoke it first.`);
      if (Object.keys(file.secrets).length >= MOST_SECRETS)
        throw conflict(`Tenant ${tenant} has ${MOST_SECRETS} secrets, and no more are kept.`);
      return this.valued(file, asked, kind);
    });
  }

  /**
   * Gives a secret a new value. The one before stays valid for an overlap: webhooks are signed with both.
   * @throws HeadgateError `NOT_FOUND`; `SECRET_INVALID`; `STATE_CONFLICT`: too many are valid; `BATCH_KEY_MISSING`
   */
  rotate(
    asked: SecretRequest & { readonly overlapMs: number; readonly value?: string },
  ): Promise<ChangedSecret> {
    return this.change(asked, 'secret-rotated', (file) => {
      const { kind, values } = secretIn(file, asked);
      const kept = replaced(values, this.now(), asked.overlapMs);
      if (kept.length >= MOST_VALUES)
        throw conflict(`${MOST_VALUES} values of ${asked.name} are valid: revoke one of them first.`);
      return this.valued(withSecret(file, asked.name, { kind, values: kept }), asked, kind);
    });
  }

  /**
   * Ends a secret at once, or one value of it. What is to be delivered with a secret that is gone waits.
   * @throws HeadgateError `NOT_FOUND`
   */
  revoke(asked: SecretRequest & { readonly id?: number }): Promise<ChangedSecret> {
    return this.change(asked, 'secret-revoked', (file) => {
      const { kind, values } = secretIn(file, asked);
      if (asked.id !== undefined && !values.some(({ id }) => id === asked.id))
        throw new HeadgateError('NOT_FOUND', `The secret ${asked.name} has no value ${asked.id}.`);
      const left = asked.id === undefined ? [] : values.filter(({ id }) => id !== asked.id);
      // What takes the place of the newest is valid until somebody rotates it.
      const [newest, ...others] = left.filter((value) => isValid(value, this.now()));
      const kept = newest === undefined ? [] : [{ ...newest, validUntil: undefined }, ...others];
      return { file: withSecret(file, asked.name, { kind, values: kept }) };
    });
  }

  private valued(file: SecretFile, asked: SecretRequest & { readonly value?: string }, kind: SecretKind) {
    const { masters } = this.options;
    if (!masters.wraps) throw withoutMasterKey();
    const { tenant, name, author, value: given } = asked;
    const value = given ?? (kind === 'text' ? undefined : makeSigningSecret(kind));
    assertGivenValue(kind, value);
    const publicKey = kind === 'ed25519' ? { publicKey: verifyingKeyOf(value) } : {};
    const made = withValue(file, masters, { tenant, name, kind }, { value, by: author.by, ...publicKey });
    return { file: made, ...(given === undefined && { value }) };
  }

  private async change(
    { tenant, name, author }: SecretRequest,
    change: Change['change'],
    make: (file: SecretFile) => { readonly file: SecretFile; readonly value?: string },
  ): Promise<ChangedSecret> {
    const { secrets, tenantVersions } = this.options.paths;
    return whileNobodyChanges(tenantVersions, async () => {
      const before = await this.read(tenant);
      const { file, ...made } = make(before);
      const changed = { path: secretPath(secrets, tenant), content: encodeSecretFile(file), mode: 0o600 };
      const { number } = await makeChange(tenantVersions, tenant, changed, { change, name, ...author });
      const { kind } = (file.secrets[name] ?? before.secrets[name])!;
      const kept = file.secrets[name] ?? { kind, values: [] };
      return { ...this.shown(tenant, name, kept), change, number, ...made };
    });
  }

  private shown(tenant: string, name: string, { kind, values }: KeptSecret): ShownSecret {
    const { subscriptions = [], sources = [] } = this.options.registry.get(tenant)?.config ?? {};
    const using = [
      ...subscriptions.filter((each) => storedSecretsOf(each).includes(name)),
      ...sources.filter((each) => storedSecretsOfSource(each).includes(name)),
    ];
    const valid = values.filter((value) => isValid(value, this.now()));
    return {
      name,
      kind,
      values: valid.map(withoutSealed),
      usedBy: using.map((each) => each.name),
    };
  }

  private async read(tenant: string): Promise<SecretFile> {
    const { tenants, secrets } = this.options.paths;
    assertTenantThere(tenants, tenant);
    return decodeSecretFile(tenant, await readTextIfThere(secretPath(secrets, tenant)));
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}

/** What may be known of a value; what is `undefined` stands in no answer. */
function withoutSealed({
  id,
  madeAt,
  by,
  validUntil,
  publicKey,
}: SealedValue): ShownSecret['values'][number] {
  return { id, madeAt, by, validUntil, publicKey };
}

function secretIn(file: SecretFile, { tenant, name }: SecretRequest): KeptSecret {
  if (Object.hasOwn(file.secrets, name)) return file.secrets[name]!;
  throw new HeadgateError('NOT_FOUND', `Tenant ${tenant} has no secret ${name}.`);
}

/** One without values is gone. */
function withSecret(file: SecretFile, name: string, secret: KeptSecret): SecretFile {
  const others = Object.entries(file.secrets).filter(([each]) => each !== name);
  const kept = secret.values.length > 0 ? [[name, secret] as const] : [];
  return { ...file, secrets: Object.fromEntries([...others, ...kept]) };
}

function conflict(message: string): HeadgateError {
  return new HeadgateError('STATE_CONFLICT', message);
}
