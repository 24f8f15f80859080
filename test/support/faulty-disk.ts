import { HeadgateError } from '../../src/errors.js';
import type { Chunk } from '../../src/events/chunk.js';
import type { Spool } from '../../src/ingest/spool.js';
import { gate, type Gate } from './gate.js';

/** The disk beneath a spool: appends may be made to wait or to fail; everything above and beside them is as it is. */
export interface FaultyDisk {
  /** Appends that begin from now on wait for the gate; each call closes another one, and leaves those before closed. */
  hold(): Gate;
  /** Appends that begin from now on go through at once. */
  letGo(): void;
  /** The next appends fail. */
  failNext(times?: number): void;
}

/** Spool's way to the disk: what it writes of an append, and that it waits for the flush. */
type Writing = Record<'write', (...record: Parameters<Spool['append']>) => Promise<Chunk>>;

/** Puts a disk that can fail beneath a spool. */
export function faultyDiskBeneath(spool: Spool): FaultyDisk {
  const inner = spool as unknown as Writing;
  const write = inner.write.bind(inner);
  let held: Gate | undefined;
  let failing = 0;
  inner.write = async (...record) => {
    const passed = held?.passed;
    const fails = failing > 0;
    if (fails) failing--;
    await passed?.catch(full);
    if (fails) full();
    return write(...record);
  };
  return {
    hold: () => (held = gate()),
    letGo: () => (held = undefined),
    failNext: (times = 1) => (failing = times),
  };
}

function full(): never {
  throw new HeadgateError('DISK_FULL', 'no space left on device', { retryable: true });
}
