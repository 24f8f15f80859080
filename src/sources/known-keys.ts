import { mkdir } from 'node:fs/promises';
import { HeadgateError, messageOf } from '../errors.js';
import { FollowedDirectory } from '../platform/followed-directory.js';
import type { Logger } from '../platform/logger.js';
import { namesIfThere, readTextIfThere } from '../platform/read-if-there.js';
import { isValid } from '../tenants/overlap.js';
import { hashOf, isWriteKey } from './key-form.js';
import { decodeSourceFile, sourcePath, tenantOfSourceFile, type SourceFile } from './source-file.js';
import type { Source, WriteKeys } from './write-keys.js';

/** What {@link openKnownKeys} needs. */
export interface KnownKeysOptions {
  /** Of the files of sources; made if it is not there. */
  readonly directory: string;
  /** Whether a tenant takes events. */
  readonly isActive: (tenant: string) => boolean;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly now?: () => number;
  /** Default: 10 s. */
  readonly youngMs?: number;
}

interface Known {
  readonly source: Source;
  readonly validUntil?: string;
}

/** A key that was made elsewhere just now is known within a second; the first seconds of a process are no time to be sure. */
const YOUNG_MS = 10_000;
const AGAIN_MS = 1_000;

/** Opens the write keys of all tenants of a data directory, and follows the changes that any process makes. */
export async function openKnownKeys(options: KnownKeysOptions): Promise<KnownKeys> {
  await mkdir(options.directory, { recursive: true });
  const known = new KnownKeys(options);
  await known.open();
  return known;
}

/**
 * The write keys of all tenants, in memory, by their hashes. A file that becomes damaged counts as it was; what its tenant
 * makes meanwhile is not known, so {@link complete} is false until it is right again.
 */
export class KnownKeys implements WriteKeys {
  private readonly byHash = new Map<string, Known>();
  private readonly hashesOf = new Map<string, readonly string[]>();
  /** Tenants whose files could not be read as they are now, and why. */
  private readonly unread = new Map<string, string>();
  private readonly files: FollowedDirectory;
  private readonly openedAt: number;

  constructor(private readonly options: KnownKeysOptions) {
    const { directory, log } = options;
    this.openedAt = this.now();
    this.files = new FollowedDirectory({
      directory,
      list: () => filesIn(directory),
      read: (name) => this.read(tenantOfSourceFile(name)!),
      gone: (name) => this.forget(tenantOfSourceFile(name)!),
      failed: (err) => log.error('SOURCES_UNREADABLE', { err, directory }),
      unwatched: (err) => log.warn('SOURCES_UNWATCHED', { err, directory }),
      againMs: AGAIN_MS,
    });
  }

  /** Reads all files. */
  open(): Promise<void> {
    return this.files.open();
  }

  /** Takes over what this process has changed, before it says so. */
  look(): Promise<void> {
    return this.files.look();
  }

  /** Follows no changes any more; what is known can still be found. */
  close(): Promise<void> {
    return this.files.close();
  }

  find(key: string): Source | undefined {
    if (!isWriteKey(key)) return undefined;
    const known = this.byHash.get(hashOf(key));
    if (known === undefined || !isValid(known, this.now())) return undefined;
    return this.options.isActive(known.source.tenant) ? known.source : undefined;
  }

  get complete(): boolean {
    return this.unread.size === 0 && this.now() - this.openedAt >= (this.options.youngMs ?? YOUNG_MS);
  }

  private async read(tenant: string): Promise<void> {
    const { directory, log } = this.options;
    try {
      this.replace(decodeSourceFile(tenant, await readTextIfThere(sourcePath(directory, tenant))));
      this.unread.delete(tenant);
    } catch (error) {
      const reason = messageOf(error);
      const isDamaged = error instanceof HeadgateError;
      if (isDamaged && this.unread.get(tenant) !== reason)
        log.warn('SOURCE_FILE_DAMAGED', { tenant, reason });
      this.unread.set(tenant, reason);
      // What the disk has refused is read again soon; a damaged file, once it is another.
      if (!isDamaged) throw error;
    }
  }

  private replace({ tenant, sources }: SourceFile): void {
    this.forget(tenant);
    const hashes: string[] = [];
    for (const [name, { allowedOrigins, eventTypes, keys }] of Object.entries(sources)) {
      const source: Source = { tenant, name, allowedOrigins, eventTypes };
      for (const { hash, validUntil } of keys) {
        // By chance never; by hand, a key stays whose it was.
        if (this.byHash.has(hash)) continue;
        this.byHash.set(hash, { source, validUntil });
        hashes.push(hash);
      }
    }
    this.hashesOf.set(tenant, hashes);
  }

  private forget(tenant: string): void {
    for (const hash of this.hashesOf.get(tenant) ?? []) this.byHash.delete(hash);
    this.hashesOf.delete(tenant);
    this.unread.delete(tenant);
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}

async function filesIn(directory: string): Promise<string[]> {
  return (await namesIfThere(directory)).filter((name) => tenantOfSourceFile(name) !== undefined);
}
