import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { AuditEvents } from '../audit-events/audit-events.js';
import { auditLogPlaces } from '../audit-log/files.js';
import { TemporalActs } from '../temporal-acts/temporal-acts.js';
import type { ApiRoleOptions } from './api-role-options.js';

/**
 * Begins to bring what is done in Temporal itself into the audit log, and that log into the tenants' warehouses; to be called
 * with the lock of the spool. Nothing waits for either.
 */
export function followAuditLog(options: ApiRoleOptions, client: Client): { stop(): Promise<void> } {
  const { auditLog, config, control, log, registry, stores } = options;
  if (auditLog === undefined) return { stop: () => Promise.resolve() };
  const places = auditLogPlaces(config.dataDir);
  const following = [
    new TemporalActs({ client, auditLog, log, places, progress: join(config.dataDir, 'audit-log-temporal') }),
    new AuditEvents({
      client,
      log,
      places,
      progress: join(config.dataDir, 'audit-log-told.json'),
      batchStore: stores.batchStore,
      tenantOf: (tenant) => registry.get(tenant),
      isDraining: (tenant, name) => control.isDraining(tenant, name),
    }),
  ];
  for (const each of following) each.start();
  return { stop: async () => void (await Promise.all(following.map((each) => each.stop()))) };
}
