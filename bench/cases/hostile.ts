import { Attacker, type Answers } from '../hostile/attacker.js';
import { ALL_AT_ONCE, HOSTILE, QUICK, hostileTenant, type HostileKind } from '../hostile/kinds.js';
import { applyHostile } from '../hostile/apply.js';
import { answersIn, isKnown, until, untilStalled } from '../hostile/health.js';
import { figuresOf, isWell, notesOf, type Seen } from '../hostile/seen.js';
import type { LoadResult } from '../load/spec.js';
import { startHeadgate } from '../system/headgate.js';
import { signTokens } from '../system/tokens.js';
import type { Account, BenchCase, CaseContext, CaseResult } from './bench-case.js';
import type { Session } from './session.js';
import { firstTenants, steady, SUBJECTS, usualTenants } from './traffic.js';

const QUIET_PER_SECOND = 20;
const HEALTH_PER_SECOND = 20;
/** Of all ordinary tenants: where the machine does not carry so much without a hostile tenant, half of it, and so on. */
const ORDINARY_PER_SECOND = { full: 5_000, quick: 200 };
const LEAST_PER_SECOND = 500;
/** Few, so that the attacks on them are cheap to make. */
const MAX_CONNECTIONS = 1_000;
/** A node whose health check, or any request, is not answered for so long is stalled: it is killed, and another takes its place. */
const STALLED_MS = { full: 15_000, quick: 10_000 };
/** A tenant's file takes a moment to come into force, or for ever if it was refused. */
const KNOWN_WITHIN_MS = 3_000;
/** After an attack, until the next. */
const RECOVERED_WITHIN_MS = 20_000;

/** Everything one tenant can take of what all share. */
export const hostile: BenchCase = {
  name: 'hostile',
  title:
    'a quiet tenant and /healthz beside 5,000 events/s of ordinary tenants: alone, and then with a hostile tenant, one after the other',
  seconds: 6,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const attacker = new Attacker();
  const seen: Seen[] = [];
  const accounts: Record<string, Account> = {};
  const phases = phasesOf(context);
  const rate = { perSecond: 0 };
  try {
    // A node that has stalled is given up, with what it has taken; the next goes on from there.
    for (let node = 1; phases.length > 0; node++)
      await onNode(context, async (session) => {
        const done = await attackOneByOne(context, { session, attacker, rate }, phases, seen);
        if (done) accounts[`headgate, node ${node}`] = await accountOf(context, session, rate);
      });
  } finally {
    await attacker.close();
  }
  return {
    figures: seen.flatMap(figuresOf),
    accounts,
    details: { seen, kinds: HOSTILE.map(({ name, does }) => ({ name, does })) },
    notes: [
      `Ordinary tenants send ${rate.perSecond} events/s, of ${ordinaryOf(context)} that they would where the machine carries it.`,
      `A node has ${MAX_CONNECTIONS} connections; hostile tenants have the default limits.`,
      ...notesOf(seen),
    ],
  };
}

/** Each kind alone, then all side by side; of those, what is asked for. */
function phasesOf({ quick, only }: CaseContext): (readonly HostileKind[])[] {
  const kinds = quick && only === undefined ? HOSTILE.filter(({ name }) => QUICK.includes(name)) : HOSTILE;
  const isMeant = (name: string): boolean => only?.includes(name) ?? true;
  const alone = kinds.filter(({ name }) => isMeant(name)).map((kind) => [kind]);
  return isMeant(ALL_AT_ONCE) ? [...alone, kinds] : alone;
}

function onNode(context: CaseContext, work: (session: Session) => Promise<void>): Promise<void> {
  const start = () =>
    startHeadgate({
      tenants: usualTenants(context) + 1,
      window: context.quick ? '1s' : '5s',
      env: { HEADGATE_MAX_CONNECTIONS: String(MAX_CONNECTIONS) },
      cpuProfiles: context.sessions.cpuProfiles,
    });
  return context.sessions.on(start, context.progress, work);
}

/** What phases run on. */
interface Ground {
  readonly session: Session;
  readonly attacker: Attacker;
  /** What ordinary tenants send, once that has been found. */
  readonly rate: { perSecond: number };
}

/** Takes phases off the list until it is empty (true), or the node has stalled (false). Each has the same load alone before it. */
async function attackOneByOne(
  context: CaseContext,
  ground: Ground,
  phases: (readonly HostileKind[])[],
  seen: Seen[],
): Promise<boolean> {
  const { session, rate } = ground;
  const ready = new Set<string>();
  await findRate(context, ground);
  for (let kinds = phases.shift(); kinds !== undefined; kinds = phases.shift()) {
    const name = kinds.length === 1 ? kinds[0]!.name : ALL_AT_ONCE;
    const alone = await session.load(`${name}: alone`, loadOf(context, session, rate));
    const result = await phase(context, ground, { name, kinds, ready });
    seen.push({ ...result, alone });
    if (result.stalled) return false;
  }
  return true;
}

/** Halves the load until a quiet tenant and `/healthz` are served well beside it: it is the warm-up as well. */
async function findRate(context: CaseContext, { session, rate }: Ground): Promise<void> {
  rate.perSecond ||= ordinaryOf(context);
  if (context.warmUpSeconds === 0) return;
  for (let first = true; ; first = false) {
    const load = { ...loadOf(context, session, rate), seconds: context.warmUpSeconds };
    const warm = await session.load('warm-up', load);
    // The first of a node is slow for reasons of its own: code is compiled, and files are made.
    if (first) continue;
    if (isWell(warm) || rate.perSecond <= LEAST_PER_SECOND) return;
    rate.perSecond = Math.max(LEAST_PER_SECOND, Math.floor(rate.perSecond / 2));
  }
}

function ordinaryOf({ quick }: CaseContext): number {
  return quick ? ORDINARY_PER_SECOND.quick : ORDINARY_PER_SECOND.full;
}

async function phase(
  context: CaseContext,
  { session, attacker, rate }: Ground,
  {
    name,
    kinds,
    ready,
  }: { readonly name: string; readonly kinds: readonly HostileKind[]; readonly ready: Set<string> },
): Promise<Seen> {
  const { system } = session;
  const stalledMs = context.quick ? STALLED_MS.quick : STALLED_MS.full;
  const stall = new AbortController();
  const late = new AbortController();
  const stalling = untilStalled(() => system.url, stalledMs, { end: stall.signal, late: late.signal });
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
    const overdue = setTimeout(() => late.abort(), context.seconds * 1000 + stalledMs);
    load = await session.load(name, loadOf(context, session, rate)).finally(() => clearTimeout(overdue));
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

/**
 * The first tenants are ordinary, the last is the quiet one: half of its requests have connections
 * of their own, half use theirs again.
 */
function loadOf(
  context: CaseContext,
  { system }: Session,
  { perSecond }: Ground['rate'],
): Parameters<Session['load']>[1] {
  const quiet = system.tenants.length - 1;
  return {
    subjects: SUBJECTS,
    seconds: context.seconds,
    probes: [],
    healthPerSecond: HEALTH_PER_SECOND,
    traffic: [
      steady(context, QUIET_PER_SECOND, {
        name: 'quiet',
        tenants: [quiet],
        requestEvents: 1,
        newConnections: true,
      }),
      steady(context, QUIET_PER_SECOND, { name: 'kept', tenants: [quiet], requestEvents: 1 }),
      steady(context, perSecond, { name: 'ordinary', tenants: firstTenants(quiet) }),
    ],
  };
}

/** Waits for what the ordinary tenants and the quiet one have sent, and counts it. */
async function accountOf(context: CaseContext, session: Session, rate: Ground['rate']): Promise<Account> {
  await session.measure('after', { ...loadOf(context, session, rate), seconds: 1 });
  return session.account();
}
