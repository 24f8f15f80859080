import type { LoadBudget } from '../activities/warehouse/load-control/load-budget.js';
import { HeadgateError, type ErrorCode } from '../errors.js';
import type { LoadInput, LoadResult, Warehouse } from '../stores/warehouse/warehouse.js';
import type { Pace } from './pace.js';

/** Called with how each load went. */
export interface LoadObserver {
  loaded(input: LoadInput, result: LoadResult, seconds: number): void;
  /** Not called for loads that were cancelled, by a cancellation or by this process's end. */
  failed(input: LoadInput, error: unknown, seconds: number): void;
}

/** A warehouse whose loads are observed. */
export function observeLoads(warehouse: Warehouse, observer: LoadObserver): Warehouse {
  return {
    close: () => warehouse.close(),
    load: async (input) => {
      const began = performance.now();
      const seconds = (): number => (performance.now() - began) / 1000;
      let result: LoadResult;
      try {
        result = await warehouse.load(input);
      } catch (error) {
        if (!calledOff(input, error)) observer.failed(input, error, seconds());
        throw error;
      }
      observer.loaded(input, result, seconds());
      return result;
    },
  };
}

/** What is slowed down or held back by other means than the pace: a quota by its budget, a refusal by a pause. */
const NOT_PACED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['WAREHOUSE_QUOTA', 'WAREHOUSE_REFUSED']);

/** Has a pace learn from loads. A failure that is in the load itself, such as a file that is gone, says nothing about the warehouse. */
export function paceLoads(pace: Pick<Pace, 'observe'>): LoadObserver {
  return {
    loaded: ({ tenant }, _result, seconds) => pace.observe(tenant, { seconds }),
    failed: ({ tenant }, error, seconds) => {
      if (!(error instanceof HeadgateError)) pace.observe(tenant, { seconds, failure: 'UNKNOWN' });
      else if (error.retryable && !NOT_PACED.has(error.code))
        pace.observe(tenant, { seconds, failure: error.code });
    },
  };
}

/** Has a budget learn from loads whether BigQuery thinks that they are too many. */
export function budgetLoads(budget: Pick<LoadBudget, 'loaded' | 'refused'>): LoadObserver {
  return {
    loaded: ({ tenant }) => budget.loaded(tenant),
    failed: ({ tenant }, error) => {
      if (error instanceof HeadgateError && error.code === 'WAREHOUSE_QUOTA')
        budget.refused(tenant, error.retryAfterSeconds);
    },
  };
}

function calledOff({ signal }: LoadInput, error: unknown): boolean {
  return signal?.aborted === true || (error instanceof HeadgateError && error.code === 'SHUTTING_DOWN');
}
