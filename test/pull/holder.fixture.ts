/** A process that takes events of a subscription, acknowledges the first, says which it has, and waits to be killed. */
import { Client } from '@temporalio/client';
import { connectTemporal } from '../../src/temporal/connect.js';
import { createLogger } from '../../src/platform/logger.js';
import { createPull } from '../../src/pull/pull.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import type { TenantConfig } from '../../src/tenants/config/tenant-config.js';

const [address = '', namespace = '', batches = '', config = ''] = process.argv.slice(2);
const tenantConfig = JSON.parse(config) as TenantConfig;
const subscription = tenantConfig.subscriptions[0]?.name ?? '';
const client = new Client({ connection: await connectTemporal({ address }), namespace });
const pull = createPull({
  client,
  namespace,
  batchStore: createFileBatchStore(batches),
  configOf: () => tenantConfig,
  log: createLogger('silent'),
});
const who = { tenant: tenantConfig.tenant, subscription };
const messages = await pull.pull(who, { maxMessages: 3, waitMs: 20_000 }, new AbortController().signal);
await pull.ack(who, [messages[0]?.ackId ?? '']);
process.stdout.write(`${JSON.stringify(messages.map(({ ackId }) => ackId))}\n`);
setInterval(() => undefined, 60_000);
