import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { HeadgateError, messageOf } from '../errors.js';
import { SEARCH_ATTRIBUTES } from '../tenants/search-attributes.js';
import { SECOND_MS } from '../platform/time.js';

const DAY_SECONDS = 24 * 60 * 60;

/** How long a new search attribute may take until every part of the server knows it. */
const VISIBLE_WITHIN_MS = 60 * SECOND_MS;

/** gRPC status codes, from the specification. */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/** How a namespace is to be prepared. */
export interface PrepareOptions {
  /** Days that closed workflows are kept; used on a server of our own only. Default 7. */
  readonly retentionDays?: number;
  /** True for the development server Headgate runs itself, whose settings are ours to change. */
  readonly ownServer: boolean;
}

/**
 * Makes a namespace ready for Headgate: adds the search attributes that are missing and, on our own server, sets the
 * retention. Doing it again, or by two processes at once, changes nothing.
 * @throws HeadgateError `ENGINE_UNAVAILABLE` (retryable): no such namespace, or the server went away
 * @throws HeadgateError `SEARCH_ATTRIBUTES_MISSING`: this Temporal does not let us add them; says how to
 */
export async function prepareNamespace(
  connection: NativeConnection,
  namespace: string,
  { retentionDays = 7, ownServer }: PrepareOptions,
): Promise<void> {
  const described = await describe(connection, namespace);
  await addMissingAttributes(connection, namespace, described);
  const retention = Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  if (!ownServer || retention === retentionDays * DAY_SECONDS) return;
  await connection.workflowService.updateNamespace({
    namespace,
    config: {
      workflowExecutionRetentionTtl: proto.google.protobuf.Duration.fromObject({
        seconds: retentionDays * DAY_SECONDS,
      }),
    },
  });
}

type Described = temporal.api.workflowservice.v1.IDescribeNamespaceResponse;

async function describe(connection: NativeConnection, namespace: string): Promise<Described> {
  try {
    return await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    const text =
      statusOf(error) === NOT_FOUND
        ? `Temporal has no namespace "${namespace}". Create it (temporal operator namespace create --namespace ${namespace} --retention 7d), or set TEMPORAL_NAMESPACE.`
        : `Temporal does not answer for namespace "${namespace}": ${messageOf(error)}`;
    throw new HeadgateError('ENGINE_UNAVAILABLE', text, { retryable: true, cause: error });
  }
}

async function addMissingAttributes(
  connection: NativeConnection,
  namespace: string,
  described: Described,
): Promise<void> {
  if (missingFrom(aliasesOf(described)).length === 0) return;
  try {
    const missing = missingFrom(await listAttributes(connection, namespace));
    if (missing.length === 0) return;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    // Another process was quicker.
    if (statusOf(error) !== ALREADY_EXISTS) throw attributesRefused(namespace, error);
  }
  await untilUsable(connection, namespace);
}

const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/** Names known from the namespace alone, which needs no operator rights: those of SQL visibility and of Temporal Cloud. */
function aliasesOf(described: Described): string[] {
  return Object.values(described.config?.customSearchAttributeAliases ?? {});
}

async function listAttributes(connection: NativeConnection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.keys(customAttributes ?? {});
}

function missingFrom(known: readonly string[]): string[] {
  return SEARCH_ATTRIBUTES.filter((name) => !known.includes(name));
}

/** The server caches names; a workflow started before the cache has heard of a new one would be refused. */
async function untilUsable(connection: NativeConnection, namespace: string): Promise<void> {
  const query = SEARCH_ATTRIBUTES.map((name) => `${name} = 'none'`).join(' OR ');
  const deadline = performance.now() + VISIBLE_WITHIN_MS;
  for (;;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw attributesRefused(namespace, error);
      await sleep(SECOND_MS / 2);
    }
  }
}

function attributesRefused(namespace: string, cause: unknown): HeadgateError {
  const commands = SEARCH_ATTRIBUTES.map(
    (name) =>
      `  temporal operator search-attribute create --namespace ${namespace} --name ${name} --type Keyword`,
  );
  const lines = [
    `Namespace "${namespace}" lacks search attributes that Headgate sets on its workflows, and adding them was refused (${messageOf(cause)}).`,
    'Add them once, with an account that may:',
    ...commands,
    `On Temporal Cloud: the namespace's page, Search Attributes, or tcld namespace search-attributes add --namespace ${namespace} ${SEARCH_ATTRIBUTES.map((name) => `--sa "${name}=Keyword"`).join(' ')}`,
  ];
  return new HeadgateError('SEARCH_ATTRIBUTES_MISSING', lines.join('\n'), { cause });
}

function statusOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}
