import type { Client } from '@temporalio/client';
import { sharedAnswer } from '../platform/shared-answer.js';
import { askTemporal } from '../temporal/ask-temporal.js';
import type { DeadLetterFilter } from '../workflows/messages/resolve.js';
import type { DeadLetterOptions } from './options.js';
import { createPageTokens } from './page-tokens.js';
import { summaryOf, type DeadLetterSummary } from './summary.js';
import { visiblePage, type VisibleDeadLetter } from './visible.js';

/** What to list. */
export interface ListRequest {
  readonly filter: DeadLetterFilter;
  /** 1 to 200. */
  readonly limit: number;
  /** Of the page before, asked for with the same filter. */
  readonly pageToken?: string;
}

/** A page of dead letters, the newest first. */
export interface DeadLetterPage {
  /** At most `limit`; there may be fewer, or none, and still a next page: where few match, looking takes its time. */
  readonly deadLetters: readonly DeadLetterSummary[];
  readonly nextPageToken?: string;
}

/** Calls to visibility for one page: Temporal may grant ten in a second, to everybody together. */
const MAX_CALLS = 5;

/** Builds the listing of the dead letters of a tenant that wait. */
export function createList(options: DeadLetterOptions): {
  page(tenant: string, request: ListRequest): Promise<DeadLetterPage>;
} {
  const { client } = options;
  const tokens = createPageTokens(sharedAnswer(() => namespaceId(client)));
  return {
    page: async (tenant, { filter, limit, pageToken }) => {
      const found: VisibleDeadLetter[] = [];
      let position = pageToken === undefined ? undefined : await tokens.open(pageToken, tenant, filter);
      for (let calls = 0; calls < MAX_CALLS && found.length < limit; calls++) {
        const request = { tenant, filter, pageSize: limit - found.length, position };
        const page = await askTemporal(client, () => visiblePage(client, request));
        found.push(...page.deadLetters);
        position = page.next;
        if (position === undefined) break;
      }
      return {
        deadLetters: found.map((each) => summaryOf(options, each)),
        ...(position !== undefined && { nextPageToken: await tokens.seal(position, tenant, filter) }),
      };
    },
  };
}

/**
 * A key that every API process on the same Temporal has, and no client: the namespace's id, a random UUID that is
 * nowhere in what the API answers.
 */
async function namespaceId(client: Client): Promise<string> {
  const { namespace } = client.options;
  const { namespaceInfo } = await askTemporal(client, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
  return namespaceInfo?.id || namespace;
}
