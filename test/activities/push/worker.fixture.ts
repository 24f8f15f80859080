import { NativeConnection, Worker } from '@temporalio/worker';
import { withFailures } from '../../../src/activities/failure.js';
import { createPushPass } from '../../../src/activities/push/push-pass.js';
import { Receivers } from '../../../src/activities/push/receivers.js';
import { installRuntime } from '../../../src/temporal/runtime.js';
import { openSharedStores } from '../../../src/roles/stores.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { SILENT } from '../../support/pipeline.js';
import { ALLOW_LOOPBACK, QUIET_CONTROL } from '../../support/push.js';

/** A process that makes push passes until it is killed: `<address> <namespace> <queue> <data directory> <tenant's configuration>`. */
const [address, namespace, taskQueue = '', dataDir = '', config = ''] = process.argv.slice(2);

installRuntime(SILENT);
const stores = openSharedStores(dataDir);
const pushPass = createPushPass({
  configOf: () => parseTenantConfig(config, 'UA.yaml'),
  batchStore: stores.batchStore,
  deliveryLog: stores.deliveryLog,
  receivers: new Receivers({ allow: ALLOW_LOOPBACK }),
  control: QUIET_CONTROL,
  observer: { requested: () => undefined, passed: () => undefined },
  secretOf: (reference) => reference,
  log: SILENT,
});
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  namespace,
  taskQueue,
  activities: { pushPass: withFailures(pushPass) },
  maxHeartbeatThrottleInterval: '1 second',
});
await worker.run();
