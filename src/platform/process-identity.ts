import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { systemCodeOf } from '../errors.js';

/**
 * A process that can be told from a later one with the same id. Process ids are used again, in containers at every
 * start (the main process is always 1), so an id alone must never be shown a signal or believed to be alive.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in a form only good for comparing; empty where the platform does not tell (Windows). */
  readonly startedAt: string;
  /** In which pid namespace the id counts: containers have their own. Absent where the platform has none. */
  readonly namespace?: string;
}

/** This process. */
export function currentProcess(): ProcessIdentity {
  return identify(process.pid);
}

/** The process that has the id `pid` now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: startOf(pid) ?? '', namespace: pidNamespace() };
}

/** Names the time from one boot of this host to the next; undefined where the platform does not tell. */
export function bootId(): string | undefined {
  return process.platform === 'linux'
    ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : undefined;
}

function pidNamespace(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/**
 * True while that very process runs and can be seen from here; a zombie that nobody has collected yet does not count. False
 * for one in another pid namespace, whose id is another process's here: whether it runs must be known by something that it
 * holds, such as a file lock.
 */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.namespace !== undefined && identity.namespace !== pidNamespace()) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (systemCodeOf(error) !== 'EPERM') return false;
  }
  const start = startOf(identity.pid);
  return start !== undefined && (identity.startedAt === '' || start === identity.startedAt);
}

/** When the process started; undefined if it does not run. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startOnLinux(pid);
  if (process.platform === 'win32') return '';
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything; the rest are numbers. See proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return undefined;
    // Ticks since boot, so that the boot has to be named too.
    return `${bootId()}:${startTime}`;
  } catch {
    return undefined;
  }
}
