import type { AuditLogReader } from '../../audit-log/reader.js';
import { shownTo } from '../../audit-log/shown.js';
import { HeadgateError } from '../../errors.js';
import { LIST_COST } from '../../ingest/admission/calls.js';
import { route } from '../route.js';
import { AUDIT_LOG_PAGE, AUDIT_LOG_QUERY, type AuditLogEntry } from '../schemas/audit-log.js';

/** What the route of the audit log needs of the server. */
export interface AuditLogServices {
  readonly auditLog: AuditLogReader;
}

/** `GET /v1/audit-log`: a tenant sees what was done in it, an operator what was done in all that it reaches. */
export const AUDIT_LOG_ROUTES = [
  route(
    {
      id: 'listAuditLog',
      method: 'GET',
      path: '/v1/audit-log',
      tag: 'Audit log',
      scope: 'audit-log:read',
      audience: 'either',
      summary: 'List who did what',
      description:
        'What was done in the tenant, by whom and from where, the oldest first. An operator who names no tenant sees all that its token reaches; what was about no tenant is shown to one who reaches all. Events that were sent, and calls of consumers, are counted by the minute.',
      temporalCost: LIST_COST,
      query: AUDIT_LOG_QUERY,
      answer: { status: 200, description: 'A page.', schema: AUDIT_LOG_PAGE },
      errors: ['PAGE_TOKEN_INVALID'],
      examples: [
        {
          name: 'of-an-act',
          summary: 'Who paused subscriptions',
          query: { act: 'pauseSubscription', from: '2024-03-10T00:00:00Z' },
          answer: {
            entries: [
              {
                id: '5f1d7a84db00d2fce00b31a7fc73224d9a7b0d8b8b0b9d1c0f4a8d4b3a1c2e6f',
                at: '2024-03-10T12:00:00.000Z',
                act: 'pauseSubscription',
                kind: 'changes',
                role: 'tenant',
                tenant: 'acme',
                subject: 'ops@example.com',
                address: '203.0.113.7',
                params: { name: 'crm' },
                reason: 'maintenance of the CRM',
                outcome: 'ok',
              },
            ],
          },
        },
      ],
    },
    async (
      { auditLog }: AuditLogServices,
      { tenant, caller: { role, subject, reach }, query: { from, to, limit, pageToken, ...asked } },
    ) => {
      const filter = { ...asked, tenant, from: moment('from', from), to: moment('to', to) };
      // Only who reaches everything reaches a tenant that cannot be.
      const reaches = (of: string | undefined): boolean => reach.includes(of ?? '');
      const about = [role, tenant ?? subject, asked.subject, asked.act, asked.kind, from, to];
      const { entries, nextPageToken } = await auditLog.list({ ...filter, reaches, limit, pageToken, about });
      const shown = entries.map(
        (entry) => shownTo(role === 'operator' ? role : 'tenant', entry) as AuditLogEntry,
      );
      return { entries: shown, ...(nextPageToken !== undefined && { nextPageToken }) };
    },
  ),
];

/** The pattern takes the 13th month for one. */
function moment(name: string, written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const time = Date.parse(written);
  if (!Number.isNaN(time)) return time;
  throw new HeadgateError('PARAMETER_INVALID', `The query is not as it should be: ${name} is not a time.`);
}
