import { SearchAttributeType, defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { Stream } from '../events/event.js';

/** What Headgate's workflows are found by in the Temporal UI; all of type Keyword, all set at a workflow's start. */
export const SEARCH_ATTRIBUTES = [
  'HeadgateTenant',
  'HeadgateStream',
  'HeadgateSubscription',
  'HeadgateStatus',
] as const;

/** Whose workflow it is. */
export const TENANT = defineSearchAttributeKey('HeadgateTenant', SearchAttributeType.KEYWORD);
const STREAM = defineSearchAttributeKey('HeadgateStream', SearchAttributeType.KEYWORD);

const SUBSCRIPTION = defineSearchAttributeKey('HeadgateSubscription', SearchAttributeType.KEYWORD);

/** What a workflow stands at, where that is not told by its type: `dead-letter`, and then what became of it. */
export const STATUS = defineSearchAttributeKey('HeadgateStatus', SearchAttributeType.KEYWORD);

/** The status of a dead letter that waits. */
export const DEAD_LETTER_STATUS = 'dead-letter';

/** The search attributes of a tenant's workflow, and of the stream it is about, if it is about one. */
export function searchAttributesOf(tenant: string, stream?: Stream): SearchAttributePair[] {
  const own: SearchAttributePair = { key: TENANT, value: tenant };
  return stream === undefined ? [own] : [own, { key: STREAM, value: stream }];
}

/** The search attributes of a workflow about one subscription; `status` for dead letters. */
export function subscriptionAttributes(
  tenant: string,
  subscription: string,
  stream: Stream,
  status?: string,
): SearchAttributePair[] {
  const own = [...searchAttributesOf(tenant, stream), { key: SUBSCRIPTION, value: subscription }];
  return status === undefined ? own : [...own, { key: STATUS, value: status }];
}
