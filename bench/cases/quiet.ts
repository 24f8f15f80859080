import type { Arrived } from '../deliveries/messages.js';
import { Receiver } from '../deliveries/receiver.js';
import { untilArrived } from '../deliveries/until-arrived.js';
import type { Probes, Traffic } from '../load/spec.js';
import type { Deliver } from '../system/tenants.js';
import type { CaseContext, CaseResult, Figure } from './bench-case.js';
import { latencyFigures, round } from './figures.js';
import type { Measured, Session } from './session.js';
import { decisionProbes, firstTenants, steady, SUBJECTS, usualTenants } from './traffic.js';

/** Where webhooks of the quiet tenants go. */
const QUIET_ENDPOINT = '/quiet';
/** Of each. Every request costs a workflow, and every webhook's batch another: more of them would fill the machine. */
const EVENTS_PER_SECOND = 2;
const REQUEST_EVENTS = 5;
const PROBES_PER_SECOND = 2;

/** What quiet tenants have seen while something else went on. */
export interface QuietSpell {
  readonly measured: Measured;
  readonly arrived: Arrived;
}

/**
 * Runs a case on a Headgate whose last tenant has the trouble and whose others are quiet, beside a receiver of webhooks.
 * @param troubled what the last tenant has delivered
 */
export async function onQuiet(
  context: CaseContext,
  troubled: (receiver: Receiver) => Deliver,
  measure: (context: CaseContext, session: Session, receiver: Receiver) => Promise<CaseResult>,
): Promise<CaseResult> {
  const receiver = await Receiver.open();
  const count = usualTenants(context);
  const deliver = (tenant: string): Deliver =>
    tenant.endsWith(String(count)) ? troubled(receiver) : Quiet.deliver(receiver);
  const options = { tenants: count, env: receiver.env, deliver };
  try {
    return await context.sessions.onHeadgate(options, context.progress, async (session) => {
      session.receiving = [receiver.pid];
      return measure(context, session, receiver);
    });
  } finally {
    await receiver.close();
  }
}

/** All tenants but the last are quiet: a few events a second, each sent on as a webhook. The last has the trouble. */
export class Quiet {
  /** Events acknowledged so far that go to {@link QUIET_ENDPOINT}, but those of probes. */
  private sent = 0;

  constructor(
    private readonly context: CaseContext,
    private readonly session: Session,
    private readonly receiver: Receiver,
  ) {}

  /** The index of the tenant that is not quiet. */
  static troubled(context: CaseContext): number {
    return usualTenants(context) - 1;
  }

  /** The subscription of each quiet tenant. Probes are not delivered: their subjects are no aircraft's. */
  static deliver(receiver: Receiver): Deliver {
    return {
      subscriptions: [{ name: 'hook', kind: 'push', url: receiver.url(QUIET_ENDPOINT) }],
      routes: [{ match: { type: '*' }, to: ['hook'] }],
    };
  }

  /** Sends quiet traffic of which nothing is measured. */
  async warmUp(): Promise<void> {
    const { warmUpSeconds } = this.context;
    if (warmUpSeconds > 0) await this.measure('warm-up', [], warmUpSeconds);
  }

  /** Measures quiet traffic, beside other traffic, until its events have arrived. */
  async measure(
    name: string,
    beside: readonly Traffic[] = [],
    seconds = this.context.seconds,
  ): Promise<QuietSpell> {
    const { session, receiver } = this;
    await receiver.begin(QUIET_ENDPOINT);
    const measured = await session.measure(name, {
      subjects: SUBJECTS,
      seconds,
      traffic: [this.traffic(), ...beside],
      probes: [this.probes()],
    });
    const { quiet } = measured.load.traffic;
    const { probes } = measured.load.probes;
    this.sent += (quiet?.acknowledged ?? 0) + (probes?.acknowledged ?? 0);
    return { measured, arrived: await this.untilArrived(name) };
  }

  /** Events of quiet tenants that have not arrived. */
  async missing(): Promise<number> {
    return Math.max(0, this.sent - (await this.receiver.arrived(QUIET_ENDPOINT)).distinct);
  }

  private untilArrived(name: string): Promise<Arrived> {
    const ask = (): Promise<Arrived> => this.receiver.arrived(QUIET_ENDPOINT);
    return untilArrived(ask, this.sent, ({ distinct }) =>
      this.session.progress(`${name}: ${distinct} of ${this.sent} webhooks of quiet tenants have arrived`),
    );
  }

  private traffic(): Traffic {
    const tenants = firstTenants(Quiet.troubled(this.context));
    const more = { name: 'quiet', tenants, requestEvents: REQUEST_EVENTS };
    return steady(this.context, EVENTS_PER_SECOND * tenants.length, more);
  }

  private probes(): Probes {
    const tenants = firstTenants(Quiet.troubled(this.context));
    return decisionProbes(this.context, { tenants, perSecond: PROBES_PER_SECOND });
  }
}

/** What quiet tenants have seen in each spell, and how that compares with the first. */
export function quietFigures(spells: Readonly<Record<string, QuietSpell>>): Figure[] {
  const [first] = Object.values(spells);
  return Object.entries(spells).flatMap(([name, spell]) => {
    const { measured, arrived } = spell;
    const { traffic, probes } = measured.load;
    return [
      ...latencyFigures(`${name}: acknowledgement`, traffic.quiet?.acknowledgement, ['p50', 'p99']),
      ...latencyFigures(`${name}: decision`, probes.probes?.decision, ['p50', 'p99']),
      ...latencyFigures(`${name}: from POST to webhook`, arrived.latency, ['p50', 'p99']),
      ...(spell === first || first === undefined ? [] : ratioFigures(name, first, spell)),
    ];
  });
}

function ratioFigures(name: string, first: QuietSpell, spell: QuietSpell): Figure[] {
  const p99s = {
    acknowledgement: ({ measured }: QuietSpell) => measured.load.traffic.quiet?.acknowledgement.p99,
    decision: ({ measured }: QuietSpell) => measured.load.probes.probes?.decision.p99,
    'POST to webhook': ({ arrived }: QuietSpell) => arrived.latency.p99,
  };
  return Object.entries(p99s).map(([what, of]) => {
    const [before, after] = [of(first), of(spell)];
    const ratio = before === undefined || after === undefined || before === 0 ? null : round(after / before);
    return { name: `${name}: ${what} p99 over that alone`, value: ratio, unit: 'x' };
  });
}
