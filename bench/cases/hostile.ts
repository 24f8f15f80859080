import { Attacker, type Answers } from '../hostile/attacker.js';
import { HOSTILE, QUICK, hostileTenant, type HostileKind } from '../hostile/kinds.js';
import { applyHostile } from '../hostile/apply.js';
import { answersIn, isKnown, until, untilStalled } from '../hostile/health.js';
import type { LoadResult } from '../load/spec.js';
import { startHeadgate } from '../system/headgate.js';
import { signTokens } from '../system/tokens.js';
import type { BenchCase, CaseContext, CaseResult, Figure, Account } from './bench-case.js';
import { round } from './figures.js';
import type { Session } from './session.js';
import { firstTenants, steady, SUBJECTS, usualTenants } from './traffic.js';

/** What a quiet tenant's acknowledgement and the health check may take, at most. */
const BOUND_MS = { acknowledgement: 100, health: 250 };
const QUIET_PER_SECOND = 20;
const HEALTH_PER_SECOND = 20;
/** Of all ordinary tenants. */
const ORDINARY_PER_SECOND = { full: 5_000, quick: 200 };
/** Few, so that the attacks on them are cheap to make. */
const MAX_CONNECTIONS = 1_000;
/** A node whose health check is not answered for so long is stalled: it is killed, and another takes its place. */
const STALLED_MS = { full: 15_000, quick: 10_000 };
/** A tenant's file takes a moment to come into force, or for ever if it was refused. */
const KNOWN_WITHIN_MS = 3_000;
/** After an attack, until the next. */
const RECOVERED_WITHIN_MS = 20_000;
const ALL = 'all at once';

/** Everything one tenant can take of what all share. */
export const hostile: BenchCase = {
  name: 'hostile',
  title:
    'a quiet tenant and /healthz beside 5,000 events/s of ordinary tenants, and one hostile tenant after the other',
  seconds: 6,
  quickSeconds: 1,
  run,
};

/** What was seen beside one kind. */
interface Seen {
  readonly name: string;
  readonly load?: LoadResult;
  readonly stalled: boolean;
  readonly answers: Answers;
  /** The tenant's file was not taken. */
  readonly refused?: string;
}

async function run(context: CaseContext): Promise<CaseResult> {
  const attacker = new Attacker();
  const seen: Seen[] = [];
  const accounts: Record<string, Account> = {};
  const kinds = context.quick ? HOSTILE.filter(({ name }) => QUICK.includes(name)) : HOSTILE;
  const phases: (readonly HostileKind[])[] = [[], ...kinds.map((kind) => [kind]), kinds];
  try {
    // A node that has stalled is given up, with what it has taken; the next goes on from there.
    for (let node = 1; phases.length > 0; node++)
      await onNode(context, async (session) => {
        const done = await attackOneByOne(context, session, attacker, phases, seen);
        if (done) accounts[`headgate, node ${node}`] = await accountOf(context, session);
      });
  } finally {
    await attacker.close();
  }
  return {
    figures: seen.flatMap(figuresOf),
    accounts,
    details: { seen, kinds: HOSTILE.map(({ name, does }) => ({ name, does })) },
    notes: notesOf(seen),
  };
}

function onNode(context: CaseContext, work: (session: Session) => Promise<void>): Promise<void> {
  const start = () =>
    startHeadgate({
      ...{ tenants: usualTenants(context) + 1, window: context.quick ? '1s' : '5s' },
      env: { HEADGATE_MAX_CONNECTIONS: String(MAX_CONNECTIONS) },
    });
  return context.sessions.on(start, context.progress, work);
}

/** Takes phases off the list until it is empty (true), or the node has stalled (false). */
async function attackOneByOne(
  context: CaseContext,
  session: Session,
  attacker: Attacker,
  phases: (readonly HostileKind[])[],
  seen: Seen[],
): Promise<boolean> {
  const ready = new Set<string>();
  const warmUp = loadOf(context, session);
  if (context.warmUpSeconds > 0) await session.load('warm-up', { ...warmUp, seconds: context.warmUpSeconds });
  for (let kinds = phases.shift(); kinds !== undefined; kinds = phases.shift()) {
    const result = await phase(context, session, attacker, kinds, ready);
    seen.push(result);
    if (result.stalled) return false;
  }
  return true;
}

async function phase(
  context: CaseContext,
  session: Session,
  attacker: Attacker,
  kinds: readonly HostileKind[],
  ready: Set<string>,
): Promise<Seen> {
  const { system } = session;
  const name = kinds.length === 0 ? 'alone' : kinds.length === 1 ? kinds[0]!.name : ALL;
  const stalledMs = context.quick ? STALLED_MS.quick : STALLED_MS.full;
  const stall = new AbortController();
  const stalling = untilStalled(() => system.url, stalledMs, stall.signal);
  let killed = false;
  const watching = stalling.then(async (stalled) => {
    if (!stalled) return;
    killed = true;
    session.progress(`${name}: the node has stalled, and is killed`);
    await system.kill();
  });
  let refused: string | undefined;
  let load: LoadResult | undefined;
  let answers: Answers = {};
  try {
    for (const kind of kinds) refused ??= await prepare(session, kind, ready);
    const tokens = await signTokens(system.dataDir, kinds.map(hostileTenant));
    for (const [index, kind] of kinds.entries()) {
      const { token } = tokens[index]!;
      await until(() => isKnown(system.url, token), KNOWN_WITHIN_MS);
      await attacker.start(kind.name, system.url, token);
    }
    load = await session.load(name, loadOf(context, session));
  } catch (error) {
    if (!killed) throw error;
  } finally {
    answers = await attacker.stop();
    if (!killed && !(await until(() => answersIn(system.url, 1_000), RECOVERED_WITHIN_MS))) {
      killed = true;
      await system.kill();
    }
    stall.abort();
    await watching;
  }
  return { name, load, stalled: killed, answers, ...(refused !== undefined && { refused }) };
}

/** Applies the file of a kind's tenant, once a node. Returns why it was refused. */
async function prepare(session: Session, kind: HostileKind, ready: Set<string>): Promise<string | undefined> {
  if (ready.has(kind.name)) return undefined;
  ready.add(kind.name);
  session.progress(`${kind.name}: applying its tenant's file`);
  return applyHostile(kind, session.system);
}

/** The first tenants are ordinary, the last is the quiet one, whose requests have connections of their own. */
function loadOf(context: CaseContext, { system }: Session): Parameters<Session['load']>[1] {
  const quiet = system.tenants.length - 1;
  const ordinary = context.quick ? ORDINARY_PER_SECOND.quick : ORDINARY_PER_SECOND.full;
  return {
    subjects: SUBJECTS,
    seconds: context.seconds,
    probes: [],
    healthPerSecond: HEALTH_PER_SECOND,
    traffic: [
      steady(context, QUIET_PER_SECOND, {
        ...{ name: 'quiet', tenants: [quiet], requestEvents: 1, newConnections: true },
      }),
      steady(context, ordinary, { name: 'ordinary', tenants: firstTenants(quiet) }),
    ],
  };
}

/** Waits for what the ordinary tenants and the quiet one have sent, and counts it. */
async function accountOf(context: CaseContext, session: Session): Promise<Account> {
  await session.measure('after', { ...loadOf(context, session), seconds: 1 });
  return session.account();
}

function figuresOf({ name, load, stalled }: Seen): Figure[] {
  const quiet = load?.traffic.quiet;
  const ordinary = load?.traffic.ordinary;
  const health = load?.health;
  const ms = (value: number | undefined): number | null => (value === undefined ? null : round(value));
  const figures: Figure[] = [
    { name: 'quiet acknowledgement p50', value: ms(quiet?.acknowledgement.p50), unit: 'ms' },
    { name: 'quiet acknowledgement p99', value: ms(quiet?.acknowledgement.p99), unit: 'ms' },
    { name: 'quiet acknowledgement max', value: ms(quiet?.acknowledgement.max), unit: 'ms' },
    { name: 'quiet, not acknowledged', value: notTaken(quiet), unit: '' },
    { name: '/healthz max', value: ms(health?.max), unit: 'ms' },
    { name: '/healthz, no answer', value: health?.failed ?? null, unit: '' },
    { name: 'ordinary, not acknowledged', value: notTaken(ordinary), unit: '' },
    ...(stalled ? [{ name: 'STALLED', value: 1, unit: '' }] : []),
  ];
  return figures.map((figure) => ({ ...figure, name: `${name}: ${figure.name}` }));
}

function notTaken(traffic: LoadResult['traffic'][string] | undefined): number | null {
  if (traffic === undefined) return null;
  return Object.values(traffic.refused).reduce((sum, count) => sum + count, traffic.unanswered);
}

function notesOf(seen: readonly Seen[]): string[] {
  const within = seen.filter(isWithin).map(({ name }) => name);
  const beyond = seen.filter((each) => !isWithin(each)).map(({ name }) => name);
  const answers = seen.flatMap((each) =>
    Object.entries(each.answers).map(([kind, counts]) => {
      const text = Object.entries(counts).map(([status, count]) => `${count} x ${status}`);
      return `  ${each.name === kind ? kind : `${each.name}, ${kind}`}: ${text.join(', ') || 'nothing answered'}`;
    }),
  );
  const refused = seen.filter((each) => each.refused !== undefined);
  return [
    `Within ${BOUND_MS.acknowledgement} ms for an acknowledgement and ${BOUND_MS.health} ms for /healthz, all answered: ${within.join(', ') || 'none'}.`,
    `Beyond: ${beyond.join(', ') || 'none'}.`,
    `A node has ${MAX_CONNECTIONS} connections; hostile tenants have the default limits. Latencies count from when a request was due.`,
    ...refused.map(({ name, refused: why }) => `${name}: the tenant's file is refused: ${why}`),
    'What the hostile tenants were answered (cut: a connection):',
    ...answers,
  ];
}

function isWithin({ load, stalled }: Seen): boolean {
  const { quiet } = load?.traffic ?? {};
  if (stalled || quiet === undefined || load?.health === undefined) return false;
  const { acknowledgement, health } = BOUND_MS;
  const answered = notTaken(quiet) === 0 && load.health.failed === 0;
  return answered && quiet.acknowledgement.max <= acknowledgement && load.health.max <= health;
}
