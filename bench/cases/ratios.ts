import { CONTENDERS, startContender, type ContenderName } from '../system/contenders.js';
import type { Account, BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { cpuFigure, rateFigures, round } from './figures.js';
import type { Measured, Session } from './session.js';
import { REQUEST_EVENTS, saturation, SUBJECTS, usualTenants } from './traffic.js';

/** Each system is measured so often, in turns, so that a noisy spell of the machine meets all of them. */
const ROUNDS = 3;
const WINDOW_MS = 5_000;
const QUICK_WINDOW_MS = 1_000;

/** A workflow per event is thousands of times slower than its POSTs: fewer of those, or each would take a minute. */
const PER_EVENT = { connections: 4, requestEvents: 10 };

type Name = 'headgate' | ContenderName;
const NAMES: readonly Name[] = ['headgate', ...CONTENDERS];

/** The same work by other means, measured in the same run. */
export const ratios: BenchCase = {
  name: 'ratios',
  title: 'against no engine at all (limit), a workflow per POST of 100 and a workflow per event, in turns',
  seconds: 15,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const measured = Object.fromEntries(NAMES.map((name) => [name, [] as Measured[]]));
  const accounts: Record<string, Account> = {};
  const rounds = context.quick ? 1 : ROUNDS;
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of NAMES) {
      const progress = (text: string): void => context.progress(`${name} (${round} of ${rounds}), ${text}`);
      await onSystem(name, { ...context, progress }, async (session) => {
        measured[name]?.push(await measure(name, context, session));
        accounts[`${name}, round ${round}`] = await session.account();
      });
    }
  }
  return { figures: figuresOf(measured), accounts, details: { measured } };
}

function onSystem(
  name: Name,
  context: CaseContext,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const { sessions, progress, quick } = context;
  if (name === 'headgate') return sessions.onHeadgate({ tenants: usualTenants(context) }, progress, work);
  const windowMs = quick ? QUICK_WINDOW_MS : WINDOW_MS;
  return sessions.on(
    () => startContender(name, { tenants: usualTenants(context), windowMs }),
    progress,
    work,
  );
}

async function measure(name: Name, context: CaseContext, session: Session): Promise<Measured> {
  const { connections, requestEvents } =
    name === 'per-event' ? PER_EVENT : { connections: context.connections, requestEvents: REQUEST_EVENTS };
  const pace = { kind: 'closed', connections, honourRetryAfter: true } as const;
  const load = { subjects: SUBJECTS, traffic: [saturation(context, { requestEvents, pace })], probes: [] };
  await session.warmUp({ ...load, seconds: context.warmUpSeconds });
  return session.measure('measuring', { ...load, seconds: context.seconds });
}

function figuresOf(measured: Readonly<Record<string, readonly Measured[]>>): Figure[] {
  const [headgate, ...contenders] = NAMES.map((name) => ({ name, figures: medians(measured[name] ?? []) }));
  const rateOf = (figures: readonly Figure[] | undefined): number => figures?.[0]?.value ?? 0;
  const ratioFigures = contenders.map(({ name, figures }) => ({
    name: `headgate over ${name}, events/s end to end`,
    value: rateOf(figures) === 0 ? null : round(rateOf(headgate?.figures) / rateOf(figures)),
    unit: 'x',
  }));
  const ofAll = [headgate, ...contenders].flatMap((each) =>
    (each?.figures ?? []).map((figure) => ({ ...figure, name: `${each?.name}: ${figure.name}` })),
  );
  return [...ratioFigures, ...ofAll];
}

/** The median over the rounds of each figure. */
function medians(rounds: readonly Measured[]): Figure[] {
  const figures = rounds.map((measured) => [...rateFigures(measured), cpuFigure(measured)]);
  return (figures[0] ?? []).map((figure, index) => {
    const values = figures.map((each) => each[index]?.value ?? 0).sort((a, b) => a - b);
    return { ...figure, value: values[Math.floor(values.length / 2)] ?? null };
  });
}
