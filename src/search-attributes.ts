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

/** The search attributes of a workflow of one tenant's stream. */
export function searchAttributesOf(tenant: string, stream: Stream): SearchAttributePair[] {
  return [
    { key: TENANT, value: tenant },
    { key: STREAM, value: stream },
  ];
}
