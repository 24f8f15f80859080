import type { AuditLog } from '../audit-log/audit-log.js';
import type { SecretReader } from '../config.js';
import type { Plan } from '../ingest/partition.js';
import type { MasterKeyring } from '../stores/batch-keys/master-keyring.js';
import type { StoredSecrets } from '../stores/secrets/stored-secrets.js';
import type { WorkerHost } from '../workers/worker-host.js';
import type { IngestBatchResult } from '../workflows/messages/batches.js';
import type { RoleOptions } from './role-options.js';

/** What `startApiRole` needs. */
export interface ApiRoleOptions extends RoleOptions {
  readonly auditLog?: AuditLog;
  /** What secrets that are made are encrypted with. */
  readonly masters: MasterKeyring;
  readonly storedSecrets: StoredSecrets;
  /** What tenants' files refer to. */
  readonly secretOf: SecretReader;
  /** The Workers of this process, if it has any: starts are then eager. */
  readonly workers?: WorkerHost;
  /** Called once a batch's workflow has ended. */
  readonly onBatchEnded?: (plan: Plan, result: IngestBatchResult | undefined) => void;
  /** Ends the wait for a state store that does not answer. */
  readonly signal?: AbortSignal;
}
