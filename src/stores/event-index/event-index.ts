import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { systemCodeOf } from '../../errors.js';
import type { InputStream } from '../../events/event.js';
import { TEMPORARY } from '../../platform/durable-file.js';
import { isDayName } from '../../platform/time.js';
import { assertTenantId, isTenantId } from '../../tenants/ids.js';
import type { Seal } from '../batch-store/seal.js';
import type { IndexingBatches } from './indexing.js';
import type { KeyHash } from './key-hash.js';
import { mergedContent } from './merge.js';
import { octetsOf } from './row-keys.js';
import {
  Segment,
  SegmentDamaged,
  writeSegment,
  type IndexDay,
  type IndexedBatch,
  type KeyKind,
} from './segment.js';

/** What {@link EventIndex} needs. */
export interface EventIndexOptions {
  readonly root: string;
  readonly hash: KeyHash;
  /** What batch files are sealed with. */
  readonly seal: Seal;
  /** Called with a file that is not what was written, once it is deleted. */
  readonly onDamaged: (day: IndexDay, reason: string) => void;
  /** Index files of one size that are merged into one of the next. Default 8. */
  readonly fanIn?: number;
}

/** The name of an index file: its size, as a power of the fan-in, and a number by chance. */
const FILE_NAME = /^(\d{1,2})-[0-9a-f-]{36}\.idx$/;
/** Batches of which ids and times are in memory: a hundred bytes each. */
const MAX_CACHED_BATCHES = 300_000;
const FAN_IN = 8;
/** Files may be merged or deleted while they are looked at: then it is looked again. */
const MAX_LOOKS = 10;

/**
 * Tells which batches may hold an event of an id or a subject, by files on this disk, `<root>/<tenant>/<stream>/<day>/`.
 * They are made from the batches, and can be made again at any time. One process writes them: the one with the spool.
 */
export class EventIndex {
  /** The paths of a day's files, once they have been listed: a list of the directory might miss one that is being merged. */
  private readonly listed = new Map<string, Set<string>>();
  private readonly swept = new Set<string>();
  private readonly segments = new LRUCache<string, Segment>({
    maxSize: MAX_CACHED_BATCHES,
    sizeCalculation: ({ batches }) => 50 + batches.length,
  });
  private readonly fanIn: number;

  constructor(private readonly options: EventIndexOptions) {
    this.fanIn = options.fanIn ?? FAN_IN;
  }

  /** Hashes what is looked up. */
  get hash(): KeyHash {
    return this.options.hash;
  }

  /** Adds batches of one day, in a file of their own. */
  async add(day: IndexDay, batches: IndexingBatches): Promise<void> {
    await this.write(day, batches.take());
  }

  /**
   * Merges files of one size while there are enough of them.
   * @param whole merges all of them into one: of a day that is over
   * @throws SegmentDamaged: one of them is damaged, and deleted now
   */
  async merge(day: IndexDay, whole = false): Promise<void> {
    for (;;) {
      const paths = [...(await this.pathsOf(day))];
      const some = whole ? paths : this.mergeable(paths);
      if (some.length < 2) return;
      await this.looking(day, async () => {
        const segments = await this.openAll(day, some);
        await this.write(day, mergedContent(segments));
      });
      // After a crash before this, batches are found twice, and count once.
      for (const path of some) await this.remove(day, path);
    }
  }

  /**
   * The ids of the batches of a day that are indexed.
   * @throws SegmentDamaged: a file is damaged, and deleted now
   */
  async batchesOf(day: IndexDay): Promise<Set<string>> {
    return this.looking(day, async () => {
      const segments = await this.openAll(day, [...(await this.pathsOf(day))]);
      return new Set(segments.flatMap(({ batches }) => batches.map(({ batchId }) => batchId)));
    });
  }

  /**
   * The batches of a day that may hold an id or a subject, among those that are indexed.
   * @throws SegmentDamaged: a file is damaged, and deleted now
   */
  async find(day: IndexDay, kind: KeyKind, key: string): Promise<Map<string, IndexedBatch>> {
    const { high, low } = this.hash.of(octetsOf(key));
    return this.looking(day, async () => {
      const segments = await this.openAll(day, [...(await this.pathsOf(day))]);
      const found = await Promise.all(segments.map((segment) => segment.find(kind, { high, low })));
      return new Map(found.flat().map((batch) => [batch.batchId, batch]));
    });
  }

  /** The days of which there is an index. */
  async days(tenant: string, stream: InputStream): Promise<string[]> {
    return (await namesIn(join(this.options.root, assertTenantId(tenant), stream))).filter(isDayName);
  }

  /** The tenants of which there is one. */
  async tenants(): Promise<string[]> {
    return (await namesIn(this.options.root)).filter(isTenantId);
  }

  /** Deletes the index of a day. */
  async deleteDay(day: IndexDay): Promise<void> {
    const directory = this.directoryOf(day);
    for (const path of this.listed.get(directory) ?? []) this.segments.delete(path);
    this.listed.delete(directory);
    this.swept.delete(directory);
    await rm(directory, { recursive: true, force: true });
  }

  private async write(day: IndexDay, content: Parameters<typeof writeSegment>[2]): Promise<void> {
    if (content.batches.length === 0) return;
    const paths = await this.pathsOf(day);
    const level = levelOf(content.batches.length, this.fanIn);
    const path = join(this.directoryOf(day), `${level}-${randomUUID()}.idx`);
    await writeSegment(path, day, content, this.segmentOptions);
    paths.add(path);
  }

  private get segmentOptions() {
    return { seal: this.options.seal, seeds: this.hash.seeds };
  }

  private directoryOf({ tenant, stream, day }: IndexDay): string {
    return join(this.options.root, assertTenantId(tenant), stream, day);
  }

  private async pathsOf(day: IndexDay): Promise<Set<string>> {
    const directory = this.directoryOf(day);
    const known = this.listed.get(directory);
    if (known !== undefined) return known;
    const names = await namesIn(directory);
    await this.sweep(directory, names);
    const paths = new Set(names.filter((name) => FILE_NAME.test(name)).map((name) => join(directory, name)));
    // Another look may have been faster, and something added since.
    const now = this.listed.get(directory) ?? paths;
    this.listed.set(directory, now);
    return now;
  }

  /** Deletes what a process was writing that was killed: before this one writes anything there. */
  private async sweep(directory: string, names: readonly string[]): Promise<void> {
    if (this.swept.has(directory)) return;
    this.swept.add(directory);
    for (const name of names) if (name.endsWith(TEMPORARY)) await rm(join(directory, name), { force: true });
  }

  private mergeable(paths: readonly string[]): string[] {
    const byLevel = new Map<string, string[]>();
    for (const path of paths) {
      const [level = ''] = basename(path).split('-');
      byLevel.set(level, [...(byLevel.get(level) ?? []), path]);
    }
    return [...byLevel.values()].find((some) => some.length >= this.fanIn) ?? [];
  }

  private async openAll(day: IndexDay, paths: readonly string[]): Promise<Segment[]> {
    const opened: Segment[] = [];
    const damaged: SegmentDamaged[] = [];
    for (const path of paths) {
      try {
        const segment = this.segments.get(path) ?? (await Segment.open(path, day, this.segmentOptions));
        this.segments.set(path, segment);
        opened.push(segment);
      } catch (error) {
        if (!(error instanceof SegmentDamaged)) throw error;
        damaged.push(error);
      }
    }
    // All of them are given up at once: of another spool's index, every file.
    for (const each of damaged.slice(1)) await this.giveUp(day, each);
    if (damaged[0] !== undefined) throw damaged[0];
    return opened;
  }

  /** Looks again at what was merged or deleted meanwhile. */
  private async looking<T>(day: IndexDay, look: () => Promise<T>): Promise<T> {
    for (let looks = 1; ; looks++) {
      try {
        return await look();
      } catch (error) {
        if (error instanceof SegmentDamaged) await this.giveUp(day, error);
        if (systemCodeOf(error) !== 'ENOENT' || looks === MAX_LOOKS) throw error;
        const { path = '' } = error as NodeJS.ErrnoException;
        const directory = this.directoryOf(day);
        // What is merged is off the list before it is deleted: this was somebody else, and may have been all of it.
        const isLost = this.listed.get(directory)?.has(path) === true;
        this.listed.delete(directory);
        if (!isLost) continue;
        this.options.onDamaged(day, `${basename(path)} is gone`);
        throw new SegmentDamaged(path, 'is gone');
      }
    }
  }

  private async giveUp(day: IndexDay, { path, message }: SegmentDamaged): Promise<void> {
    await this.remove(day, path);
    this.options.onDamaged(day, message);
  }

  private async remove(day: IndexDay, path: string): Promise<void> {
    this.segments.delete(path);
    this.listed.get(this.directoryOf(day))?.delete(path);
    await rm(path, { force: true });
  }
}

function levelOf(batches: number, fanIn: number): number {
  return Math.floor(Math.log(batches) / Math.log(fanIn) + 1e-9);
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
