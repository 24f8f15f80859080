import { HeadgateError, messageOf } from '../errors.js';
import type { EngineStatus } from '../ingest/admission/admission.js';
import type { Refusals } from './recent-refusals.js';
import type { NodeStatus, Problem } from './report.js';
import { inWords, sizeInWords } from './words.js';

/** What {@link nodeProblems} looks at. */
export interface NodeReading {
  readonly engine: EngineStatus;
  readonly node: NodeStatus;
  /** @throws HeadgateError when events of everyone are refused now */
  readonly assertOpen: () => void;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Of the spool, from which on somebody should look. */
const SPOOL_SHARE = 0.5;

const PAGES: Readonly<Record<string, string>> = {
  DISK_FULL: 'doctor-disk.md',
  OVERLOADED: 'spool-grows.md',
  ENGINE_UNAVAILABLE: 'temporal-away.md',
};

/** What is wrong for all tenants, without figures of what they share. */
export function nodeProblems({ engine, node, assertOpen, now }: NodeReading): Problem[] {
  const problems: Problem[] = [];
  const add = (problem: Pick<Problem, 'kind' | 'what' | 'since'>, page: string, command?: string): void => {
    problems.push({
      level: 'failing',
      ...problem,
      ...(command && { command }),
      page: `docs/runbook/${page}`,
    });
  };
  if ('awaySince' in engine) {
    const since = new Date(engine.awaySince).toISOString();
    const long = inWords((now - engine.awaySince) / 1000);
    const what = `Temporal does not answer, for ${long} — events are taken as long as the spool has room, and wait`;
    add({ kind: 'temporal-away', what, since }, 'temporal-away.md', 'headgate doctor');
  }
  try {
    assertOpen();
  } catch (error) {
    const page = PAGES[error instanceof HeadgateError ? error.code : ''] ?? 'events-refused.md';
    add(
      { kind: 'takes-no-events', what: `no events are taken — ${messageOf(error)}` },
      page,
      'headgate doctor',
    );
  }
  const short = node.disks.filter(({ freeBytes }) => freeBytes < node.diskReserveBytes);
  if (short.length > 0) {
    const names = short.map(({ name }) => name).join(', ');
    add(
      { kind: 'disk-nearly-full', what: `the disk is nearly full — of ${names}` },
      'doctor-disk.md',
      'headgate doctor',
    );
  }
  const share = node.spool.bytes / node.spool.limitBytes;
  if (share >= SPOOL_SHARE) {
    const what = `the spool is ${Math.round(share * 100)}% full`;
    add({ kind: 'spool-fills', what }, 'spool-grows.md');
  }
  return problems;
}

/** That a tenant's events wait in the spool. */
export function backlogProblem(tenant: string, bytes: number, oldestSeconds: number, now: number): Problem {
  return {
    level: 'failing',
    kind: 'backlog',
    tenant,
    since: new Date(now - oldestSeconds * 1000).toISOString(),
    what: `${sizeInWords(bytes)} of events wait in the spool, the oldest for ${inWords(oldestSeconds)}`,
    page: 'docs/runbook/spool-grows.md',
  };
}

/** That a tenant's requests are refused for its own limits. */
export function refusedProblem({ tenant, code, perSecond, since }: Refusals): Problem {
  return {
    level: 'failing',
    kind: 'refused',
    tenant,
    since: new Date(since).toISOString(),
    what: `${perSecond.toFixed(1)} of its requests in a second are refused with ${code}`,
    page: 'docs/runbook/events-refused.md',
  };
}
