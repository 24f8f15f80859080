import { HeadgateError } from '../errors.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { hashOf, makeWriteKey } from '../sources/key-form.js';
import {
  decodeSourceFile,
  encodeSourceFile,
  MOST_KEYS,
  MOST_SOURCES,
  sourcePath,
  type KeptKey,
  type KeptSource,
  type SourceFile,
} from '../sources/source-file.js';
import {
  makeChange,
  whileNobodyChanges,
  type Author,
  type Change,
} from '../tenants/config/change-history.js';
import { isValid, replaced } from '../tenants/overlap.js';
import { assertTenantThere } from './tenant-there.js';

/** What {@link SourceChanges} needs. */
export interface SourceChangesOptions {
  readonly paths: { readonly tenants: string; readonly tenantVersions: string; readonly sources: string };
  /** Has this process take a change over, before it is answered. Default: what follows the files does so in a moment. */
  readonly takeOver?: () => Promise<void>;
  readonly now?: () => number;
}

/** A source as it is shown: all but its keys themselves. */
export interface ShownSource extends SourceSettings, Pick<KeptSource, 'madeAt' | 'by'> {
  readonly name: string;
  /** What is valid now, the newest first. */
  readonly keys: readonly Omit<KeptKey, 'hash'>[];
}

/** Of what may be done to a tenant, what is done to its sources. */
type SourceChange = Extract<Change['change'], `source-${string}`>;

/** A source that was changed. */
export interface ChangedSource extends ShownSource {
  readonly change: SourceChange;
  readonly number: number;
  /** The key that was made: this once, and never again. */
  readonly key?: string;
}

/** Which source, and who changes it. */
export interface SourceRequest {
  readonly tenant: string;
  readonly name: string;
  readonly author: Author;
}

/** What a source may send. */
export type SourceSettings = Pick<KeptSource, 'allowedOrigins' | 'eventTypes'>;

/** A source as a change leaves it: absent where it is deleted; and a key that was made with it. */
interface Draft {
  readonly source?: KeptSource;
  readonly key?: string;
}

/**
 * The sources of tenants and their write keys: made, rotated and revoked while Headgate runs. Of a key its hash is kept, and
 * it is shown once, in the answer of what made it.
 */
export class SourceChanges {
  constructor(private readonly options: SourceChangesOptions) {}

  /** By name. @throws HeadgateError `NOT_FOUND`: there is no such tenant; `SOURCES_DAMAGED` */
  async list(tenant: string): Promise<ShownSource[]> {
    const { sources } = await this.read(tenant);
    return Object.keys(sources)
      .sort()
      .map((name) => this.shown(name, sources[name]!));
  }

  /**
   * Makes a source, with a key.
   * @throws HeadgateError `NOT_FOUND`; `STATE_CONFLICT`: there is one by this name, or there are too many; `SOURCES_DAMAGED`
   */
  create(asked: SourceRequest & { readonly settings: SourceSettings }): Promise<ChangedSource> {
    const { tenant, name, author, settings } = asked;
    return this.change(asked, 'source-created', (file) => {
      if (Object.hasOwn(file.sources, name)) throw conflict(`There is a source ${name} already.`);
      if (Object.keys(file.sources).length >= MOST_SOURCES)
        throw conflict(`Tenant ${tenant} has ${MOST_SOURCES} sources, and no more are kept.`);
      const made = { madeAt: this.nowIso(), by: author.by, ...settings, keys: [] };
      return this.withKey(file, made, author);
    });
  }

  /** Replaces what a source may send. Its keys stay. @throws HeadgateError `NOT_FOUND`; `SOURCES_DAMAGED` */
  replace(asked: SourceRequest & { readonly settings: SourceSettings }): Promise<ChangedSource> {
    return this.change(asked, 'source-replaced', (file) => {
      const { madeAt, by, keys } = sourceIn(file, asked);
      return { source: { madeAt, by, ...asked.settings, keys } };
    });
  }

  /** Deletes a source. All its keys end at once. @throws HeadgateError `NOT_FOUND`; `SOURCES_DAMAGED` */
  delete(asked: SourceRequest): Promise<ChangedSource> {
    return this.change(asked, 'source-deleted', (file) => {
      sourceIn(file, asked);
      return {};
    });
  }

  /**
   * Makes one key more. The others stay as they are.
   * @throws HeadgateError `NOT_FOUND`; `STATE_CONFLICT`: too many are valid; `SOURCES_DAMAGED`
   */
  makeKey(asked: SourceRequest): Promise<ChangedSource> {
    return this.change(asked, 'source-key-made', (file) =>
      this.withKey(file, sourceIn(file, asked), asked.author),
    );
  }

  /**
   * Makes a key in the place of all others, which stay valid for an overlap.
   * @throws HeadgateError `NOT_FOUND`; `STATE_CONFLICT`: too many are valid; `SOURCES_DAMAGED`
   */
  rotate(asked: SourceRequest & { readonly overlapMs: number }): Promise<ChangedSource> {
    return this.change(asked, 'source-keys-rotated', (file) => {
      const source = sourceIn(file, asked);
      const keys = replaced(source.keys, this.now(), asked.overlapMs);
      return this.withKey(file, { ...source, keys }, asked.author);
    });
  }

  /** Ends a key at once, for good. Another's overlap stays as it is. @throws HeadgateError `NOT_FOUND`; `SOURCES_DAMAGED` */
  revoke(asked: SourceRequest & { readonly id: number }): Promise<ChangedSource> {
    return this.change(asked, 'source-key-revoked', (file) => {
      const source = sourceIn(file, asked);
      const keys = source.keys.filter(({ id }) => id !== asked.id);
      if (keys.length < source.keys.length) return { source: { ...source, keys } };
      throw new HeadgateError('NOT_FOUND', `The source ${asked.name} has no key ${asked.id}.`);
    });
  }

  private withKey(file: SourceFile, source: KeptSource, { by }: Author): Required<Draft> {
    const valid = source.keys.filter((kept) => isValid(kept, this.now()));
    if (valid.length >= MOST_KEYS) throw conflict(`${MOST_KEYS} keys are valid: revoke one of them first.`);
    const key = makeWriteKey();
    const kept = {
      id: file.made + 1,
      hash: hashOf(key),
      ends: key.slice(-4),
      madeAt: this.nowIso(),
      by,
    };
    return { source: { ...source, keys: [kept, ...valid] }, key };
  }

  private async change(
    { tenant, name, author }: SourceRequest,
    change: SourceChange,
    make: (file: SourceFile) => Draft,
  ): Promise<ChangedSource> {
    const { sources, tenantVersions } = this.options.paths;
    const done = await whileNobodyChanges(tenantVersions, async () => {
      const before = await this.read(tenant);
      const { source, key } = make(before);
      const made = before.made + (key === undefined ? 0 : 1);
      const content = encodeSourceFile({
        ...before,
        made,
        sources: withSource(before.sources, name, source),
      });
      const changed = { path: sourcePath(sources, tenant), content, mode: 0o600 };
      const { number } = await makeChange(tenantVersions, tenant, changed, { change, name, ...author });
      const shown = this.shown(name, source ?? { ...before.sources[name]!, keys: [] });
      return { ...shown, change, number, ...(key !== undefined && { key }) };
    });
    await this.options.takeOver?.();
    return done;
  }

  private shown(name: string, { madeAt, by, allowedOrigins, eventTypes, keys }: KeptSource): ShownSource {
    const valid = keys.filter((kept) => isValid(kept, this.now()));
    return { name, madeAt, by, allowedOrigins, eventTypes, keys: valid.map(withoutHash) };
  }

  private async read(tenant: string): Promise<SourceFile> {
    const { tenants, sources } = this.options.paths;
    assertTenantThere(tenants, tenant);
    return decodeSourceFile(tenant, await readTextIfThere(sourcePath(sources, tenant)));
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }

  private nowIso(): string {
    return new Date(this.now()).toISOString();
  }
}

/** What may be known of a key; what is `undefined` stands in no answer. */
function withoutHash({ id, ends, madeAt, by, validUntil }: KeptKey): ShownSource['keys'][number] {
  return { id, ends, madeAt, by, validUntil };
}

function sourceIn({ sources }: SourceFile, { tenant, name }: SourceRequest): KeptSource {
  if (Object.hasOwn(sources, name)) return sources[name]!;
  throw new HeadgateError('NOT_FOUND', `Tenant ${tenant} has no source ${name}.`);
}

function withSource(
  sources: SourceFile['sources'],
  name: string,
  source?: KeptSource,
): SourceFile['sources'] {
  const others = Object.entries(sources).filter(([each]) => each !== name);
  return Object.fromEntries(source === undefined ? others : [...others, [name, source] as const]);
}

function conflict(message: string): HeadgateError {
  return new HeadgateError('STATE_CONFLICT', message);
}
