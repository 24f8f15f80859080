import { gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import ipaddr from 'ipaddr.js';
import type { PushControl, PushedRequest } from '../../src/activities/push/control.js';
import { createPushPass, type PushPassOptions } from '../../src/activities/push/push-pass.js';
import { Receivers } from '../../src/activities/push/receivers.js';
import type { BatchRef, EventRow, InputStream } from '../../src/events/event.js';
import { openSharedStores, type SharedStores } from '../../src/roles/stores.js';
import type { Tried } from '../../src/subscriptions/failing.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import type { TenantConfig } from '../../src/tenants/config/tenant-config.js';
import type { PassInput, PassResult } from '../../src/workflows/messages/deliveries.js';
import { SILENT } from './pipeline.js';

/** What receivers of tests are reached by. */
export const ALLOW_LOOPBACK = [ipaddr.parseCIDR('127.0.0.0/8')];

/** Passes over real files to real receivers, without Temporal. */
export interface PushBench {
  readonly stores: SharedStores;
  readonly receivers: Receivers;
  /** What was told to the control: `disable gone`, `alert 50`, `observe open`. */
  readonly told: string[];
  /** How requests went. */
  readonly tried: readonly Tried[];
  readonly requested: PushedRequest[];
  /** Milliseconds since the epoch, as the passes see it. */
  clock: { now: number };
  /** The subscription `hooks`, but for its kind and url. */
  configure(more: object): void;
  /** Writes a batch of events. */
  batch(rows: readonly EventRow[], stream?: InputStream): Promise<BatchRef>;
  /** Makes a pass; over all of the batch, for the first time, if not said otherwise. */
  pass(batch: BatchRef, more?: Partial<PassInput>, run?: PassRunMore): Promise<PassResult>;
  close(): Promise<void>;
}

/** What is otherwise in a run of a pass than by default. */
interface PassRunMore extends Partial<PushPassOptions> {
  readonly environment?: MockActivityEnvironment;
}

/** Of a subscription that is not stopped; what is reported to it goes nowhere. */
export const QUIET_CONTROL: PushControl = {
  isStopped: () => false,
  tried: () => undefined,
  resumed: () => undefined,
  observe: () => undefined,
  disable: () => undefined,
  alert: () => undefined,
  fault: () => undefined,
};

/** Builds a bench over a directory. */
export function createPushBench(dir: string, url: string): PushBench {
  const stores = openSharedStores(dir);
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const receivers = new Receivers({ allow: ALLOW_LOOPBACK, now });
  const told: string[] = [];
  const tried: Tried[] = [];
  const requested: PushedRequest[] = [];
  const control: PushControl = {
    isStopped: () => false,
    tried: (_tenant, _name, each) => void tried.push(each),
    resumed: () => undefined,
    observe: (_tenant, _name, { state }) => void told.push(`observe ${state}`),
    disable: (_tenant, _name, reason) => void told.push(`disable ${reason}`),
    fault: (_tenant, _name, fault) => void told.push(`fault ${fault}`),
    alert: (_tenant, _name, level) => void told.push(`alert ${level}`),
  };
  let config = configOf(url, {});
  let batches = 0;
  return {
    stores,
    receivers,
    told,
    tried,
    requested,
    clock,
    configure: (more) => void (config = configOf(url, more)),
    batch: (rows, stream = 'events') => {
      const batchId = `20240310-0123abcd-${String(++batches).padStart(9, '0')}`;
      const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      return stores.batchStore.write({ tenant: 'UA', stream, batchId }, gzipSync(ndjson), rows.length);
    },
    pass: (batch, more = {}, { environment = new MockActivityEnvironment(), ...run } = {}) => {
      const pushPass = createPushPass({
        configOf: () => config,
        batchStore: stores.batchStore,
        deliveryLog: stores.deliveryLog,
        receivers,
        control,
        now,
        random: () => 0,
        log: SILENT,
        secretOf: (reference) => reference,
        observer: {
          requested: (_tenant, _name, request) => void requested.push(request),
          passed: () => undefined,
        },
        ...run,
      });
      const pending = [{ attempts: 0, count: batch.events }];
      const input = { tenant: 'UA', subscription: 'hooks', batch, pass: 1, pending, ...more };
      return environment.run(pushPass, input) as Promise<PassResult>;
    },
    close: () => receivers.close(),
  };
}

function configOf(url: string, more: object): TenantConfig {
  const hooks = { name: 'hooks', kind: 'push', url, ...more };
  return parseTenantConfig(JSON.stringify({ tenant: 'UA', subscriptions: [hooks] }), 'UA.yaml');
}
