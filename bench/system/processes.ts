import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** False where the system has no `/proc` (macOS, Windows): then what is read from it is null. */
export const HAS_PROC = existsSync('/proc/self/stat');

/** What the kernel says about a process. */
export interface ProcessReading {
  readonly cpuSeconds: number;
  /** Bytes it passed to write calls, for files, pipes and sockets. */
  readonly writtenBytes: number;
  readonly rssBytes: number;
  /** The part of it that is not of mapped files, such as LMDB's. */
  readonly anonymousBytes: number;
}

const KB = 1024;
let ticksPerSecond: number | undefined;

/** Reads a process; undefined when it is gone. @see proc(5) */
export function readProcess(pid: number): ProcessReading | undefined {
  try {
    ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
      writtenBytes: numberAfter(readFileSync(`/proc/${pid}/io`, 'utf8'), '\nwchar:'),
      rssBytes: numberAfter(status, 'VmRSS:') * KB,
      anonymousBytes: numberAfter(status, 'RssAnon:') * KB,
    };
  } catch {
    return undefined;
  }
}

/** A process and all its descendants; the process alone where there is no `/proc`. */
export function processTree(root: number): number[] {
  if (!HAS_PROC) return [root];
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function numberAfter(text: string, label: string): number {
  const at = text.indexOf(label);
  return at === -1 ? 0 : Number.parseInt(text.slice(at + label.length), 10);
}
