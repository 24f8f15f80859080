import { readFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import type { Config } from '../config.js';
import { HeadgateError, messageOf } from '../errors.js';
import { UsageLedger } from '../stores/usage/ledger.js';
import { parsePrices, type Prices } from '../usage/prices.js';
import { Usage } from '../usage/usage.js';
import type { ApiRoleOptions } from './api-role-options.js';

/** Opens what adds up usage; to be called with the lock of the data directory's spool. */
export async function openUsage(
  { config, control, registry, stores, log }: ApiRoleOptions,
  client: Client,
): Promise<Usage> {
  const prices = await readPrices(config);
  return new Usage({
    client,
    registry,
    log,
    batchStore: stores.batchStore,
    tenantOf: (tenant) => registry.get(tenant),
    isDraining: (tenant, name) => control.isDraining(tenant, name),
    ledger: new UsageLedger(stores.paths.usage),
    prices,
    days: config.usageDays,
  });
}

/** @throws HeadgateError `CONFIG_INVALID` */
async function readPrices({ prices: path }: Pick<Config, 'prices'>): Promise<Prices | undefined> {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new HeadgateError(
      'CONFIG_INVALID',
      `HEADGATE_PRICES: ${path} cannot be read: ${messageOf(error)}.`,
    );
  }
  return parsePrices(text);
}
