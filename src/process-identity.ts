import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemCodeOf } from './errors.js';

/**
 * A process that can be told from a later one with the same id. Process ids are used again, in containers at every
 * start (the main process is always 1), so an id alone must never be shown a signal or believed to be alive.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in a form only good for comparing; empty where the platform does not tell (Windows). */
  readonly startedAt: string;
}

/** This process. */
export function currentProcess(): ProcessIdentity {
  return identify(process.pid);
}

/** The process that has the id `pid` now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: startOf(pid) ?? '' };
}

/** True when both name the same process. */
export function isSameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startedAt === b.startedAt;
}

/** True while that very process runs; a zombie that nobody has collected yet does not count. */
export function isRunning(identity: ProcessIdentity): boolean {
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
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${startTime}`;
  } catch {
    return undefined;
  }
}
