import { AuditLog } from '../../src/audit-log/audit-log.js';
import { auditLogPlaces } from '../../src/audit-log/files.js';
import { createLogger } from '../../src/platform/logger.js';

/** A process that makes changes one after the other until it is killed, and prints each once it is in the audit log. */
const [dir = '', name = ''] = process.argv.slice(2);
const log = new AuditLog({
  places: auditLogPlaces(dir),
  keepMs: 1e12,
  log: createLogger('error'),
});
for (let number = 0; ; number++) {
  const act = { act: 'pauseSubscription', kind: 'changes', role: 'tenant', outcome: 'ok' } as const;
  log.note({ ...act, kind: 'reads', act: 'listSubscriptions' });
  await log.change({ ...act, tenant: name, params: { number: String(number) } });
  process.stdout.write(`${number}\n`);
}
