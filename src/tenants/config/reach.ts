import { LineCounter, parseDocument } from 'yaml';
import { newSecretProblem } from '../signing-secret.js';
import { isLeftOut } from './left-out-secrets.js';
import { invalidAsWhole, invalidFile, type ConfigIssue } from './invalid-file.js';
import {
  SECRET_PREFIX,
  holdsSigningKey,
  notOwned,
  ownsVariable,
  storedNameOf,
  tenantInVariables,
  variableOf,
} from './secret-reference.js';
import type { SourceConfig } from './source-config.js';
import type { PushConfig, SubscriptionConfig } from './subscription-config.js';
import type { TenantFile } from './tenant-file.js';
import { queueTemplateProblem, type AllowedQueue } from './workflow-queue.js';
import { offsetOfValue, valuesOf, type YamlPath } from './yaml-document.js';

/** What tenants' files may reach beyond what is theirs. */
export interface Reach {
  readonly workflowQueues: readonly AllowedQueue[];
}

/** Nothing. */
export const NO_REACH: Reach = { workflowQueues: [] };

/**
 * Asserts that a tenant which is new differs from all others by more than case: where a file system
 * does not tell case, two such tenants would have one file and one directory.
 * @throws HeadgateError `TENANT_CONFIG_INVALID`, with `details.issues`
 */
export function assertOwnName(tenant: string, fileName: string, others: readonly string[]): void {
  const twin = others.find((other) => other !== tenant && other.toLowerCase() === tenant.toLowerCase());
  if (twin === undefined) return;
  const message = `tenant: ${tenant} differs from tenant ${twin} by case alone: choose another id`;
  throw invalidAsWhole(fileName, message);
}

/** A problem, and where it stands in the subscription. */
type Problem = readonly [path: YamlPath, message: string];

/**
 * Asserts that a file which is about to be applied reaches for nothing of others: secrets, queues; and that its webhooks
 * can be signed. A file in force that does is not left out for it, for its tenant would stand still: what reaches too far
 * is refused where it is used, and shown as the state of its subscription.
 * @param fileName what to call the file in messages
 * @param others the other tenants there are
 * @throws HeadgateError `TENANT_CONFIG_INVALID`, with `details.issues`
 */
export function assertReach(
  { config, text }: Pick<TenantFile, 'config' | 'text'>,
  fileName: string,
  reach: Reach,
  others: readonly string[],
): void {
  const { tenant, subscriptions, sources } = config;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const raw = valuesOf(document) as { subscriptions?: { secret?: string }[] };
  const issueAt = (full: YamlPath, message: string): ConfigIssue => {
    const { line, col } = lines.linePos(offsetOfValue(document, full));
    return { line, column: col, message: `${full.join('.')}: ${message}` };
  };
  const issues = subscriptions.flatMap((subscription, index) => {
    const single = raw.subscriptions?.[index]?.secret !== undefined;
    return problemsOf(tenant, subscription, single, reach, others).map(([path, message]) =>
      issueAt(['subscriptions', index, ...path], message),
    );
  });
  const ofSources = sources.flatMap((source, index) =>
    sourceProblems(tenant, source, others).map((message) => issueAt(['sources', index, 'verify'], message)),
  );
  issues.push(...ofSources);
  if (issues.length === 0) return;
  throw invalidFile(fileName, issues);
}

function problemsOf(
  tenant: string,
  subscription: SubscriptionConfig,
  single: boolean,
  { workflowQueues }: Reach,
  others: readonly string[],
): Problem[] {
  if (subscription.kind === 'push') return pushProblems(tenant, subscription, single, others);
  if (subscription.kind !== 'workflow') return [];
  const problem = queueTemplateProblem(tenant, subscription.taskQueue, workflowQueues);
  return problem === undefined ? [] : [[['taskQueue'], problem]];
}

/** Its secrets are references, and nothing else of it reaches for anything. */
function sourceProblems(tenant: string, { verify }: SourceConfig, others: readonly string[]): string[] {
  return verify.secrets.flatMap((secret) =>
    variableOf(secret) === undefined ? [] : (variableProblem(tenant, secret, others) ?? []),
  );
}

function pushProblems(
  tenant: string,
  { url, secrets, headers }: PushConfig,
  single: boolean,
  others: readonly string[],
): Problem[] {
  const { username, password } = new URL(url);
  const withCredentials = username !== '' || password !== '';
  const found: (readonly [YamlPath, string | undefined])[] = [
    [['url'], isLeftOut(url) ? LEFT_OUT : withCredentials ? URL_CREDENTIALS : undefined],
    ...secrets.map((secret, at) => {
      const path = !single ? ['secrets', at] : at === 0 ? ['secret'] : ['secrets', at - 1];
      return [path, secretProblem(tenant, secret, others)] as const;
    }),
    ...Object.entries(headers).map(
      ([name, value]) => [['headers', name], headerProblem(tenant, value, others)] as const,
    ),
  ];
  return found.flatMap(([path, message]) => (message === undefined ? [] : [[path, message] as const]));
}

const URL_CREDENTIALS = `a url may not hold a user or a password, which would not be sent: put them into headers, as in headers: { Authorization: 'env:${SECRET_PREFIX}<TENANT>__AUTH' }`;

const LEFT_OUT =
  'this is a version of the file as Headgate keeps it, without its secrets: put this one in again';

function secretProblem(tenant: string, secret: string, others: readonly string[]): string | undefined {
  if (isLeftOut(secret)) return LEFT_OUT;
  if (storedNameOf(secret) !== undefined) return undefined;
  if (variableOf(secret) !== undefined) return variableProblem(tenant, secret, others);
  const problem = newSecretProblem(secret);
  return problem === undefined ? undefined : `the secret ${problem}`;
}

function headerProblem(tenant: string, value: string, others: readonly string[]): string | undefined {
  if (variableOf(value) !== undefined) return variableProblem(tenant, value, others);
  if (isLeftOut(value)) return LEFT_OUT;
  if (holdsSigningKey(value)) return 'a key that signs webhooks (whsec_, whsk_) may not be sent in a header';
  return undefined;
}

function variableProblem(tenant: string, value: string, others: readonly string[]): string | undefined {
  const variable = variableOf(value) ?? '';
  if (!ownsVariable(tenant, variable)) return notOwned(tenant, variable);
  const name = tenantInVariables(tenant);
  const same = others.find((other) => other !== tenant && tenantInVariables(other) === name);
  if (same === undefined) return undefined;
  return `tenants ${tenant} and ${same} would share their secrets, since both are ${name} in the names of variables: give one of them another id`;
}
