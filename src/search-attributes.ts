import { SearchAttributeType, defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { Stream } from './event.js';

/** What Headgate's workflows are found by in the Temporal UI; all of type Keyword, all set at a workflow's start. */
export const SEARCH_ATTRIBUTES = [
  'HeadgateTenant',
  'HeadgateStream',
  'HeadgateSubscription',
  'HeadgateStatus',
] as const;

const TENANT = defineSearchAttributeKey('HeadgateTenant', SearchAttributeType.KEYWORD);
const STREAM = defineSearchAttributeKey('HeadgateStream', SearchAttributeType.KEYWORD);

/** The search attributes of a tenant's workflow, and of the stream it is about, if it is about one. */
export function searchAttributesOf(tenant: string, stream?: Stream): SearchAttributePair[] {
  const own: SearchAttributePair = { key: TENANT, value: tenant };
  return stream === undefined ? [own] : [own, { key: STREAM, value: stream }];
}
