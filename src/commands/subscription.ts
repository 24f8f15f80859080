import Table from 'cli-table3';
import { Command } from 'commander';
import type {
  SubscriptionDetails,
  SubscriptionOverview,
  SubscriptionWaiting,
} from '../subscriptions/overview.js';
import { openCommandApi, type ApiCommandOptions } from './call-api.js';

interface SubscriptionOptions extends ApiCommandOptions {
  readonly json: boolean;
}

interface ChangeOptions extends ApiCommandOptions {
  readonly reason?: string;
}

const EXAMPLES = `
Examples:
  $ headgate subscription list --tenant UA
  $ headgate subscription show crm --tenant UA
  $ headgate subscription pause crm --tenant UA --reason "the CRM moves on Sunday"
  $ headgate subscription resume crm --tenant UA

A paused subscription takes events, which wait; one that drains takes no new ones and delivers what waits.
Every tenant has the subscription warehouse, which can be paused; with rules also eligibility, which cannot.
The token is HEADGATE_TOKEN, or one signed with the development key.`;

const VERBS = {
  pause: 'let events wait',
  resume: 'deliver again, after a pause, a drain, or when Headgate has disabled it',
  drain: 'take no new events, and deliver what waits',
} as const;

/** `headgate subscription`: lists, pauses, resumes and drains the subscriptions of a tenant. */
export function subscriptionCommand(): Command {
  const command = new Command('subscription')
    .description("List, pause, resume and drain a tenant's subscriptions.")
    .addHelpText('after', EXAMPLES);
  withTarget(command.command('list').description('show how each subscription stands, and what waits for it'))
    .option('--json', 'print the answer as JSON', false)
    .action(list);
  withTarget(command.command('show').argument('<name>').description('show one subscription'))
    .option('--json', 'print the answer as JSON', false)
    .action(show);
  for (const [verb, description] of Object.entries(VERBS)) {
    withTarget(command.command(verb).argument('<name>').description(description))
      .option('--reason <reason>', 'why, for those who come after')
      .action((name: string, options: ChangeOptions) => change(verb, name, options));
  }
  return command;
}

function withTarget(command: Command): Command {
  return command
    .requiredOption('--tenant <tenant>', 'whose subscriptions')
    .option('--url <url>', 'address of the API (default: this machine, HEADGATE_PORT)')
    .addHelpText('after', EXAMPLES);
}

async function list(options: SubscriptionOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:read');
  const answer = await api.call<{ subscriptions: SubscriptionOverview[] }>('GET', '/v1/subscriptions');
  if (options.json) return print(JSON.stringify(answer, undefined, 2));
  const table = new Table({
    head: ['name', 'kind', 'state', 'waiting', 'oldest', 'why'],
    style: { head: [], border: [] },
  });
  for (const { name, kind, state, waiting, reason = '', by } of answer.subscriptions) {
    const why = by === undefined ? reason : `${reason}${reason === '' ? '' : ', '}by ${by}`;
    table.push([name, kind, state, amountOf(waiting), `${Math.round(waiting.oldestSeconds)} s`, why]);
  }
  print(table.toString());
}

async function show(name: string, options: SubscriptionOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:read');
  const found = await api.call<SubscriptionDetails>('GET', `/v1/subscriptions/${encodeURIComponent(name)}`);
  if (options.json) return print(JSON.stringify(found, undefined, 2));
  const { waiting, deliveries, deadLetters, ...rest } = found;
  for (const [key, value] of Object.entries(rest)) print(`${key.padEnd(13)}${String(value)}`);
  print(`waiting      ${amountOf(waiting)}, the oldest for ${Math.round(waiting.oldestSeconds)} s`);
  print(`deliveries   ${deliveries} batches on their way`);
  print(`dead letters ${deadLetters}`);
}

async function change(verb: string, name: string, options: ChangeOptions): Promise<void> {
  const api = openCommandApi(options, 'subscriptions:write');
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const path = `/v1/subscriptions/${encodeURIComponent(name)}/${verb}`;
  const { state } = await api.call<SubscriptionOverview>('POST', path, body);
  print(`${name} is ${state}`);
}

function amountOf({ windows, batches = 0 }: SubscriptionWaiting): string {
  return windows === undefined ? `${batches} batches` : `${windows} load windows`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
