import type { Entry } from '../audit-log/entry.js';
import { shownTo } from '../audit-log/shown.js';
import { DERIVED_PREFIX } from '../events/delivered-event.js';
import type { EventRow } from '../events/event.js';

/** Type of the events that a tenant's warehouse has the audit log by. */
const AUDIT_ACT = `${DERIVED_PREFIX}audit.act`;

/** The event of an entry: its id is the entry's hash, so that it is in a table once however often it is loaded. */
export function auditEvent(entry: Entry, now: number): EventRow {
  const { id, ...data } = shownTo('tenant', entry);
  return {
    specversion: '1.0',
    id,
    source: 'headgate',
    type: AUDIT_ACT,
    time: entry.at,
    datacontenttype: 'application/json',
    data,
    received_at: new Date(now).toISOString(),
  };
}
