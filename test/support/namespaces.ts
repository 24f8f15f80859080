import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../../src/tenants/search-attributes.js';

const DAY_SECONDS = 24 * 60 * 60;
const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/** Makes namespaces with Headgate's search attributes, side by side, and waits until workflows can be started in them. */
export async function prepareNamespaces(address: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const connection = await Connection.connect({ address });
  try {
    await Promise.all(names.map((namespace) => register(connection, namespace)));
    await Promise.all(names.map((namespace) => addAttributes(connection, namespace)));
    await Promise.all(names.map((namespace) => untilUsable(connection, namespace)));
  } finally {
    await connection.close();
  }
}

function register(connection: Connection, namespace: string): Promise<unknown> {
  const workflowExecutionRetentionPeriod = proto.google.protobuf.Duration.fromObject({
    seconds: DAY_SECONDS,
  });
  return connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
}

/** Refused until the part of the server that answers has heard of the namespace. */
function addAttributes(connection: Connection, namespace: string): Promise<void> {
  const searchAttributes = Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, KEYWORD]));
  return patiently(() => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
}

function untilUsable(connection: Connection, namespace: string): Promise<void> {
  const query = SEARCH_ATTRIBUTES.map((name) => `${name} = 'none'`).join(' OR ');
  return patiently(() => connection.workflowService.countWorkflowExecutions({ namespace, query }));
}

/** The server's parts hear of a change one after the other, within seconds. */
async function patiently(ask: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await ask();
      return;
    } catch (error) {
      if (tries === 300) throw error;
      await sleep(100);
    }
  }
}
