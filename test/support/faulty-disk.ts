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

/** Spool's way to the disk: what it writes, and that it waits for the flush. */
interface Flushing {
  flush(write: () => Promise<boolean>): Promise<void>;
}

/** Puts a disk that can fail beneath a spool. */
export function faultyDiskBeneath(spool: Spool): FaultyDisk {
  const inner = spool as unknown as Flushing;
  const flush = inner.flush.bind(inner);
  const append = spool.append.bind(spool);
  let held: Gate | undefined;
  let failing = 0;
  let appending = false;
  // An append begins its flush in the same turn; plans are flushed by themselves.
  spool.append = (...record) => {
    appending = true;
    const appended = append(...record);
    appending = false;
    return appended;
  };
  inner.flush = (write) => {
    if (!appending) return flush(write);
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
