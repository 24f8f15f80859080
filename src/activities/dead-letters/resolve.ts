import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { visiblePage } from '../../dead-letters/visible.js';
import { HeadgateError } from '../../errors.js';
import { deadLetterIdOf } from '../../tenants/workflow-ids.js';
import { DISCARD, REDRIVE } from '../../workflows/messages/deliveries.js';
import type { DeadLetterCount, FindInput, FoundPage, SignalInput } from '../../workflows/messages/resolve.js';

/** The steps of a redrive or discard of many. */
export interface ResolveActivities {
  /** Counts what a filter matches. */
  countDeadLetters(input: FindInput): Promise<DeadLetterCount>;
  /** A page of what it matches. */
  findDeadLetters(input: FindInput): Promise<FoundPage>;
  /** Redrives or discards the dead letters given; those that are resolved already stay as they are. */
  signalDeadLetters(input: SignalInput): Promise<void>;
}

/** What {@link createResolveActivities} needs. */
export interface ResolveOptions {
  readonly client: Client;
  /** Dead letters looked at in a call to visibility. Default 200 to resolve, 1,000 to count. */
  readonly pageSize?: number;
}

/** Between two calls to visibility, which many a Temporal grants ten of in a second, to everybody together. */
const PAUSE_MS = 250;

/** How far counting is: what is heartbeaten, and gone on from by the next attempt. */
interface Counted extends DeadLetterCount {
  readonly position?: string;
}

/** Builds the activities of a redrive or discard of many. */
export function createResolveActivities({ client, pageSize }: ResolveOptions): ResolveActivities {
  return {
    countDeadLetters: async ({ tenant, filter }) => {
      const { heartbeatDetails } = Context.current().info;
      let counted = (heartbeatDetails as Counted | undefined) ?? { deadLetters: 0, events: 0 };
      for (;;) {
        const position = decode(counted.position);
        const page = await visiblePage(client, { tenant, filter, pageSize: pageSize ?? 1_000, position });
        counted = {
          deadLetters: counted.deadLetters + page.deadLetters.length,
          events: counted.events + page.deadLetters.reduce((sum, { memo }) => sum + memo.count, 0),
          position: encode(page.next),
        };
        if (counted.position === undefined) return counted;
        Context.current().heartbeat(counted);
        await delay(PAUSE_MS, undefined, { signal: Context.current().cancellationSignal });
      }
    },
    findDeadLetters: async ({ tenant, filter, pageToken }) => {
      const position = decode(pageToken);
      const page = await visiblePage(client, { tenant, filter, pageSize: pageSize ?? 200, position });
      const found = page.deadLetters.map(({ workflowId, memo }) => ({ workflowId, count: memo.count }));
      return { found, pageToken: encode(page.next) };
    },
    signalDeadLetters: async (input) =>
      void (await Promise.all(input.workflowIds.map(signaller(client, input)))),
  };
}

function signaller(client: Client, { tenant, outcome, by }: SignalInput) {
  return async (workflowId: string): Promise<void> => {
    if (deadLetterIdOf(tenant, workflowId) === undefined)
      throw new HeadgateError('NOT_FOUND', `${workflowId} is no dead letter of tenant ${tenant}.`);
    try {
      await client.workflow.getHandle(workflowId).signal(outcome === 'redriven' ? REDRIVE : DISCARD, by);
    } catch (error) {
      // Resolved or expired since it was found.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  };
}

function encode(position: Uint8Array | undefined): string | undefined {
  return position && Buffer.from(position).toString('base64');
}

function decode(position: string | undefined): Uint8Array | undefined {
  return position === undefined ? undefined : Buffer.from(position, 'base64');
}
