import assert from 'node:assert/strict';
import type { AckMode } from '../../src/config.js';
import {
  Admission,
  type AdmissionLimits,
  type AdmissionOptions,
} from '../../src/ingest/admission/admission.js';
import { Batcher, type BatcherOptions } from '../../src/ingest/batcher.js';
import { Dedupe, type DedupeOptions } from '../../src/ingest/dedupe.js';
import { createFingerprint } from '../../src/ingest/fingerprint.js';
import { Ingest } from '../../src/ingest/ingest.js';
import { rebuildDedupe } from '../../src/ingest/rebuild-dedupe.js';
import { Spool } from '../../src/ingest/spool.js';
import { until } from './until.js';

/** What a door is opened with. */
export interface DoorOptions {
  /** Takes a batch out, in place of Temporal. */
  readonly run: (
    door: Pick<Door, 'spool' | 'ingest'>,
    ...batch: Parameters<BatcherOptions['run']>
  ) => Promise<void>;
  readonly limits?: AdmissionLimits;
  readonly ack?: AckMode;
  readonly freeDiskBytes?: () => number;
  readonly maxSpoolBytes?: number;
  /** What admission is to look at otherwise. */
  readonly admission?: Partial<AdmissionOptions>;
  readonly dedupe?: DedupeOptions;
}

/** Ingest over a real spool. */
export interface Door {
  readonly admission: Admission;
  readonly ingest: Ingest;
  readonly spool: Spool;
  readonly batcher: Batcher;
  /** Waits until no event waits in the spool. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** More than any test sends, so that only tests of rates meet them. */
const PLENTY: AdmissionLimits = { eventsPerSecond: 1e9, bytesPerSecond: 1e12 };

const DRAIN_MS = 10_000;

/** Opens spool, dedupe, batcher and ingest in a directory as the API role does, and goes on with what is in it. */
export async function openDoor(directory: string, options: DoorOptions): Promise<Door> {
  const spool = new Spool(directory);
  const faults: unknown[] = [];
  const batcher: Batcher = new Batcher({
    node: spool.node,
    limitsOf: () => ({ maxEvents: 1_000, maxBytes: 1_000_000, lingerMs: 1 }),
    run: (plan, chunks) => options.run({ spool, ingest }, plan, chunks),
    onFault: (error) => void faults.push(error),
  });
  const dedupe = new Dedupe(options.dedupe);
  await rebuildDedupe(dedupe, spool);
  const admission = new Admission({
    limitsOf: () => options.limits ?? PLENTY,
    backlogOf: (tenant) => batcher.backlog(tenant),
    spoolBytes: () => spool.bytes,
    maxSpoolBytes: options.maxSpoolBytes ?? 1e12,
    freeDiskBytes: options.freeDiskBytes ?? (() => 1e12),
    minFreeDiskBytes: 1,
    ...options.admission,
  });
  const fingerprint = await createFingerprint(spool.seeds);
  const ingest: Ingest = new Ingest({
    dedupe,
    fingerprint,
    spool,
    batcher,
    ack: options.ack ?? 'spool',
  });
  batcher.recover(spool.planned(), spool.waiting());
  return {
    admission,
    ingest,
    spool,
    batcher,
    drained: () => until(() => assert.deepEqual([spool.bytes, spool.planned()], [0, []]), DRAIN_MS),
    close: async () => {
      await ingest.close();
      await batcher.stop();
      await spool.close();
      if (faults.length > 0) throw faults[0];
    },
  };
}
