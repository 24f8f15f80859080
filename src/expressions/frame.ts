import type { Budget } from './budget.js';
import { BudgetExceeded } from './fault.js';

/** What an expression sees, by the names of variables: JSON data. */
export type Context = Readonly<Record<string, unknown>>;

/** One evaluation on its way. */
export class Frame {
  /** Variables of macros, by their depth. */
  readonly locals: unknown[] = [];

  /** @param limit how far `budget.used` may go in this evaluation */
  constructor(
    readonly context: Context,
    private readonly budget: Budget,
    private readonly limit: number,
  ) {}

  /**
   * Takes steps before they are done.
   * @throws BudgetExceeded where there are not that many left
   */
  charge(steps: number): void {
    const { budget, limit } = this;
    if (budget.used + steps > limit) {
      budget.used = limit;
      throw BudgetExceeded.INSTANCE;
    }
    budget.used += steps;
  }

  /** Takes the steps of going through a text of this many characters. */
  chargeText(length: number): void {
    this.charge(1 + (length >>> 5));
  }
}
