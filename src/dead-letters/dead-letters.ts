import type { Resolution, Resolved } from '../workflows/messages/deliveries.js';
import type { DeadLetterFilter } from '../workflows/messages/resolve.js';
import { exportDeadLetters } from './export.js';
import { createList, type DeadLetterPage, type ListRequest } from './list.js';
import type { DeadLetterOptions } from './options.js';
import { createRedrives, type Redrives } from './redrives.js';
import { resolveDeadLetter, type ResolvedDeadLetter } from './resolve.js';
import { showDeadLetter, type DeadLetterDetail, type ShowRequest } from './show.js';

/** What people do about a tenant's dead letters. The tenant is the verified token's; an id leads to nobody else's. */
export interface DeadLetters {
  /** @throws HeadgateError `PAGE_TOKEN_INVALID`, `ENGINE_UNAVAILABLE` */
  list(tenant: string, request: ListRequest): Promise<DeadLetterPage>;
  /** @throws HeadgateError `NOT_FOUND`, `ENGINE_UNAVAILABLE` */
  show(tenant: string, id: string, request: ShowRequest): Promise<DeadLetterDetail>;
  /** @throws HeadgateError `NOT_FOUND`, `DEAD_LETTER_RESOLVED`, `ENGINE_UNAVAILABLE` */
  resolve(
    tenant: string,
    id: string,
    outcome: Resolved['outcome'],
    by: Resolution,
  ): Promise<ResolvedDeadLetter>;
  /** NDJSON, some lines at a time. */
  export(tenant: string, filter: DeadLetterFilter): AsyncGenerator<string, void, undefined>;
  readonly redrives: Redrives;
}

/** Builds it over Temporal, which dead letters wait in, and the batch files that have their events. */
export function createDeadLetters(options: DeadLetterOptions): DeadLetters {
  const list = createList(options);
  return {
    list: (tenant, request) => list.page(tenant, request),
    show: (tenant, id, request) => showDeadLetter(options, tenant, id, request),
    resolve: (tenant, id, outcome, by) => resolveDeadLetter(options, tenant, id, outcome, by),
    export: (tenant, filter) => exportDeadLetters(options, tenant, filter),
    redrives: createRedrives(options),
  };
}
