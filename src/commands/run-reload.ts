import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import { dataPaths } from '../roles/stores.js';
import { lastHeartbeat } from '../temporal/last-heartbeat.js';
import { startReload } from '../temporal/start-reload.js';
import { readTenantFile, tenantFileName } from '../tenants/config/tenant-file.js';
import { assertTenantId } from '../tenants/ids.js';
import type { ReloadResult } from '../workflows/messages/reloads.js';
import { withRunningTemporal } from './running-temporal.js';
import { print, printError } from './terminal-text.js';
import { noted } from './note-act.js';

/** Options of `headgate reload`. */
export interface ReloadOptions {
  readonly tenant: string;
  readonly from?: string;
  readonly to?: string;
}

const LOOK_EVERY_MS = 2_000;

/** Starts a reload and follows it to its end. */
export async function runReload({ tenant, from, to }: ReloadOptions): Promise<void> {
  const config = loadConfig();
  const file = tenantFileName(assertTenantId(tenant));
  const { isolation } = (await readTenantFile(dataPaths(config.dataDir).tenants, file)).config;
  const done = await withRunningTemporal(config, async (client) => {
    const id = new Date().toISOString().toLowerCase().replaceAll(/[-:]/g, '');
    const params = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    const workflowId = await noted(config, { act: 'reload', kind: 'changes', tenant, params }, () =>
      startReload(client, { tenant, isolation, id, from, to }),
    );
    printError(`Announcing the kept batches of ${tenant}: workflow ${workflowId}`);
    return follow(client.workflow.getHandle(workflowId));
  });
  if (done === undefined)
    throw new HeadgateError(
      'ENGINE_UNAVAILABLE',
      'No Temporal runs here. Start the node, or set TEMPORAL_ADDRESS to the one that it uses.',
      { retryable: true },
    );
  print(`${progressText(done)}. Those that the warehouse lacks are loaded now; see "headgate audit".`);
}

async function follow(handle: WorkflowHandle): Promise<ReloadResult> {
  const result = handle.result() as Promise<ReloadResult>;
  const ended = result.then(
    () => true,
    () => true,
  );
  let said = '';
  while (!(await Promise.race([ended, delay(LOOK_EVERY_MS, false, { ref: false })]))) {
    // Temporal may be away for a moment.
    const described = await handle.describe().catch(() => undefined);
    const progress = described && lastHeartbeat<ReloadResult>(described);
    const line = progress === undefined ? said : progressText(progress);
    if (line !== said) printError((said = line));
  }
  return result;
}

function progressText({ batches, rows, unreadable }: ReloadResult): string {
  const count = (value: number): string => value.toLocaleString('en-US');
  const text = `${count(batches)} batches announced, ${count(rows)} rows`;
  return unreadable === 0 ? text : `${text}; ${count(unreadable)} cannot be read`;
}
