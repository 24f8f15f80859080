import { fitsStarred } from '../platform/starred.js';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { DEAD_LETTER_STATUS } from '../tenants/search-attributes.js';
import { deadLetterIdOf } from '../tenants/workflow-ids.js';
import { assertSubscriptionName, assertTenantId } from '../tenants/ids.js';
import { DEAD_LETTER, type DeadLetterMemo } from '../workflows/messages/deliveries.js';
import { isBeyondRedrive } from '../workflows/messages/ingest-dead-letter.js';
import type { DeadLetterFilter } from '../workflows/messages/resolve.js';

/** A dead letter that waits, as Temporal's visibility shows it. */
export interface VisibleDeadLetter {
  /** See `deadLetterIdOf`. */
  readonly id: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly subscription: string;
  readonly memo: DeadLetterMemo;
}

/** One page of visibility, after the filter: there may be few on it, or none, and still a next one. */
export interface VisiblePage {
  readonly deadLetters: readonly VisibleDeadLetter[];
  /** Temporal's own page token; absent on the last page. */
  readonly next?: Uint8Array;
}

/** What to ask visibility for. */
export interface VisibleRequest {
  readonly tenant: string;
  readonly filter: DeadLetterFilter;
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly position?: Uint8Array;
}

/** A dead letter's workflow starts when its events are given up, or a little later: when the first try to start it has failed. */
const START_SLACK_MS = 60_000;

/**
 * One call to Temporal's visibility: a page of the dead letters of a tenant that wait, the newest first. Tenant,
 * subscription and time narrow the query; reason, type and the exact time are looked at in the memos it comes with.
 */
export async function visiblePage(client: Client, request: VisibleRequest): Promise<VisiblePage> {
  const { tenant, filter, pageSize, position } = request;
  const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
    namespace: client.options.namespace,
    query: queryOf(tenant, filter),
    pageSize,
    nextPageToken: position,
  });
  const deadLetters = (executions ?? []).flatMap((info) => visible(tenant, info) ?? []);
  const last = nextPageToken === undefined || nextPageToken === null || nextPageToken.length === 0;
  return {
    deadLetters: deadLetters.filter(({ memo }) => matches(memo, filter)),
    ...(!last && { next: nextPageToken }),
  };
}

/** Nothing from outside gets into it that could mean something there: see the two checks. */
function queryOf(tenant: string, { subscription, from, to }: DeadLetterFilter): string {
  const time = (ms: number): string => new Date(ms).toISOString();
  return [
    `HeadgateTenant = "${assertTenantId(tenant)}"`,
    `HeadgateStatus = "${DEAD_LETTER_STATUS}"`,
    `WorkflowType = "${DEAD_LETTER}"`,
    // One that was terminated by hand keeps its status.
    'ExecutionStatus = "Running"',
    ...(subscription === undefined
      ? []
      : [`HeadgateSubscription = "${assertSubscriptionName(subscription)}"`]),
    ...(from === undefined ? [] : [`StartTime >= "${time(from)}"`]),
    ...(to === undefined ? [] : [`StartTime <= "${time(to + START_SLACK_MS)}"`]),
  ].join(' AND ');
}

/** Undefined for what somebody else has started under our search attributes. */
function visible(
  tenant: string,
  { execution, memo, searchAttributes }: temporal.api.workflow.v1.IWorkflowExecutionInfo,
): VisibleDeadLetter | undefined {
  const workflowId = execution?.workflowId ?? '';
  const id = deadLetterIdOf(tenant, workflowId);
  const fields = decoded(memo?.fields);
  const { HeadgateSubscription: subscription } = decoded(searchAttributes?.indexedFields);
  if (id === undefined || typeof subscription !== 'string' || typeof fields.reason !== 'string')
    return undefined;
  return {
    id,
    workflowId,
    runId: execution?.runId ?? '',
    subscription,
    memo: fields as unknown as DeadLetterMemo,
  };
}

function decoded(
  fields: Readonly<Record<string, temporal.api.common.v1.IPayload>> | null | undefined,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, payload]) => [
      name,
      defaultPayloadConverter.fromPayload(payload),
    ]),
  );
}

function matches({ reason, types, parkedAt }: DeadLetterMemo, filter: DeadLetterFilter): boolean {
  const { type, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter;
  if (filter.reason !== undefined && filter.reason !== reason) return false;
  if (filter.redrivable === true && isBeyondRedrive(reason)) return false;
  if (parkedAt < from || parkedAt > to) return false;
  if (type === undefined) return true;
  return types.some((each) => fitsStarred(each, type));
}
