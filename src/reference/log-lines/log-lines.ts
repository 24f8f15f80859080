import { INGEST_LINES } from './ingest.js';
import type { LineLevel } from './line-text.js';
import { PROCESS_LINES } from './process.js';
import { SUBSCRIPTION_LINES } from './subscriptions.js';
import { TENANT_LINES } from './tenants.js';
import { WAREHOUSE_LINES } from './warehouse.js';

/**
 * Every line of the log, by its id. People search for ids and alert on them: an id that was in a release stays what it is, and
 * one that is given up is not used again.
 */
export const LOG_LINES = {
  ...PROCESS_LINES,
  ...TENANT_LINES,
  ...INGEST_LINES,
  ...WAREHOUSE_LINES,
  ...SUBSCRIPTION_LINES,
} as const;

/** The id of a line: `id` in the log. */
export type LineId = keyof typeof LOG_LINES;

/** The ids that can be logged at a level. */
export type LineIdAt<Level extends LineLevel> = {
  [Id in LineId]: Level extends LevelsOf<(typeof LOG_LINES)[Id]['level']> ? Id : never;
}[LineId];

type LevelsOf<Given> = Given extends readonly (infer Each)[] ? Each : Given;
