import type { Account, CaseContext, Figure } from './bench-case.js';
import { measureSaturation } from './end-to-end.js';
import type { System } from '../system/system.js';
import type { Measured } from './session.js';
import { SUBJECTS, usualTenants } from './traffic.js';

/** What measurements in turns have found. */
export interface Turns {
  readonly measured: Readonly<Record<string, readonly Measured[]>>;
  readonly accounts: Record<string, Account>;
}

/** A setting that is measured. */
export interface Variant {
  /** `HEADGATE_*` and other variables. */
  readonly env: Readonly<Record<string, string>>;
  /** @throws Error where it has not run as it was to */
  readonly check?: (system: System) => Promise<void>;
}

/**
 * Measures saturation with each of some settings: in one order, then in the other, so that a noisy spell of the machine, or
 * one that gets slower, meets all alike.
 */
export async function measureInTurns(
  context: CaseContext,
  variants: Readonly<Record<string, Variant>>,
  rounds = 2,
): Promise<Turns> {
  const measured: Record<string, Measured[]> = {};
  const accounts: Record<string, Account> = {};
  for (let round = 1; round <= (context.quick ? 1 : rounds); round++) {
    const order = Object.entries(variants);
    for (const [name, { env, check }] of round % 2 === 1 ? order : order.reverse()) {
      const progress = (text: string): void => context.progress(`${name} (${round}), ${text}`);
      await context.sessions.onHeadgate(
        { tenants: usualTenants(context), env },
        progress,
        async (session) => {
          const found = await measureSaturation({ ...context, progress }, session, SUBJECTS);
          (measured[name] ??= []).push(found);
          accounts[`${name}, turn ${round}`] = await session.account();
          await check?.(session.system);
        },
      );
    }
  }
  return { measured, accounts };
}

/** The figures of each turn, named by it. */
export function turnFigures({ measured }: Turns, figuresOf: (measured: Measured) => Figure[]): Figure[] {
  return Object.entries(measured).flatMap(([name, all]) =>
    all.flatMap((each, turn) =>
      figuresOf(each).map((figure) => ({ ...figure, name: `${name} ${turn + 1}: ${figure.name}` })),
    ),
  );
}
