import Table from 'cli-table3';
import type {
  SubscriptionDetails,
  SubscriptionOverview,
  SubscriptionWaiting,
} from '../subscriptions/overview.js';
import type { SentTestEvent } from '../subscriptions/test-event.js';
import { openCommandApi, type ApiCommandOptions } from './call-api.js';
import { cell, print } from './terminal-text.js';

/** Options of what shows subscriptions. */
export interface SubscriptionOptions extends ApiCommandOptions {
  readonly json: boolean;
}

/** Options of what changes a subscription. */
export interface ChangeOptions extends ApiCommandOptions {
  readonly reason?: string;
}

/** Shows how each subscription of a tenant stands. */
export async function list(options: SubscriptionOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:read');
  const answer = await api.call<{ subscriptions: SubscriptionOverview[] }>('GET', '/v1/subscriptions');
  if (options.json) return print(JSON.stringify(answer, undefined, 2));
  const table = new Table({
    head: ['name', 'kind', 'state', 'waiting', 'oldest', 'why'],
    style: { head: [], border: [] },
  });
  for (const found of answer.subscriptions) {
    const { name, kind, state, waiting } = found;
    table.push([
      name,
      kind,
      state,
      amountOf(waiting),
      `${Math.round(waiting.oldestSeconds)} s`,
      whyOf(found),
    ]);
  }
  print(table.toString());
}

/** Shows one subscription. */
export async function show(name: string, options: SubscriptionOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:read');
  const found = await api.call<SubscriptionDetails>('GET', `/v1/subscriptions/${encodeURIComponent(name)}`);
  if (options.json) return print(JSON.stringify(found, undefined, 2));
  const { waiting, deliveries, deadLetters, failing, ...rest } = found;
  for (const [key, value] of Object.entries(rest)) print(`${key.padEnd(13)}${String(value)}`);
  if (failing !== undefined) print(`failing      ${failureIn(failing)}`);
  print(`waiting      ${amountOf(waiting)}, the oldest for ${Math.round(waiting.oldestSeconds)} s`);
  print(`deliveries   ${deliveries} batches on their way`);
  print(`dead letters ${deadLetters}`);
}

/** Pauses, resumes or drains a subscription. */
export async function change(verb: string, name: string, options: ChangeOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:write');
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const path = `/v1/subscriptions/${encodeURIComponent(name)}/${verb}`;
  const { state } = await api.call<SubscriptionOverview>('POST', path, body);
  print(`${name} is ${state}`);
}

/** Sends a test event to one subscription. */
export async function test(name: string, options: SubscriptionOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:write');
  const path = `/v1/subscriptions/${encodeURIComponent(name)}/test`;
  const sent = await api.call<SentTestEvent>('POST', path, {});
  if (options.json) return print(JSON.stringify(sent, undefined, 2));
  print(`event ${sent.eventId} is on its way to ${name}, in batch ${sent.batchId}`);
}

/** Why it stands as it does, and that it fails. */
function whyOf({ reason, by, failing }: SubscriptionOverview): string {
  const why = [reason, by && `by ${by}`].filter(Boolean).join(', ');
  return [why, failing && `failing ${failureIn(failing)}`].filter(Boolean).join('; ');
}

function failureIn({ since, lastError }: NonNullable<SubscriptionOverview['failing']>): string {
  return `since ${since}: ${cell(lastError)}`;
}

function amountOf({ windows, batches = 0 }: SubscriptionWaiting): string {
  return windows === undefined ? `${batches} batches` : `${windows} load windows`;
}
