import { HeadgateError } from '../errors.js';
import type { LoadInput, LoadResult, Warehouse } from '../stores/warehouse/warehouse.js';
import type { Pace } from './pace.js';

/** Told how each load went. */
export interface LoadObserver {
  loaded(input: LoadInput, result: LoadResult, seconds: number): void;
  /** Not told of loads that were called off, by a cancellation or by this process's end. */
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

/** Has a pace learn from loads. A failure that is in the load itself, such as a file that is gone, says nothing about the warehouse. */
export function paceLoads(pace: Pick<Pace, 'observe'>): LoadObserver {
  return {
    loaded: ({ tenant }, _result, seconds) => pace.observe(tenant, { seconds }),
    failed: ({ tenant }, error, seconds) => {
      if (!(error instanceof HeadgateError)) pace.observe(tenant, { seconds, failure: 'UNKNOWN' });
      else if (error.retryable) pace.observe(tenant, { seconds, failure: error.code });
    },
  };
}

function calledOff({ signal }: LoadInput, error: unknown): boolean {
  return signal?.aborted === true || (error instanceof HeadgateError && error.code === 'SHUTTING_DOWN');
}
