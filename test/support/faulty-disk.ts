import type { Spool } from '../../src/ingest/spool.js';
import { gate, type Gate } from './gate.js';

/** The disk beneath a spool: writes may be made to wait or to fail; everything above them is as it is. */
export interface FaultyDisk {
  /** Writes that begin from now on wait for the gate; each call closes another one. */
  hold(): Gate;
  /** Writes that begin from now on go through at once. */
  letGo(): void;
  /** The next writes fail. */
  failNext(times?: number): void;
}

/** Spool's way to the disk: what it writes, and that it waits for the flush. */
interface Flushing {
  flush(write: () => Promise<boolean>): Promise<void>;
}

/** Puts a disk that can fail beneath a spool. */
export function faultyDiskBeneath(spool: Spool): FaultyDisk {
  const inner = spool as unknown as Flushing;
  const flush = inner.flush.bind(inner);
  let held: Gate | undefined;
  let failing = 0;
  inner.flush = (write) => {
    const passed = held?.passed;
    const fails = failing > 0;
    if (fails) failing--;
    return flush(async () => {
      await passed;
      if (fails) throw new Error('ENOSPC: no space left on device');
      return write();
    });
  };
  return {
    hold: () => (held = gate()),
    letGo: () => (held = undefined),
    failNext: (times = 1) => (failing = times),
  };
}
