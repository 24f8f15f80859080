import assert from 'node:assert/strict';
import { createTemplates } from '../../../src/activities/workflow/templates.js';
import type { WorkflowConfig } from '../../../src/tenants/config/subscription-config.js';
import type { AllowedQueue } from '../../../src/tenants/config/workflow-queue.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { event } from '../../support/events.js';

/** What `subscriptions` of a tenant give for an event with this data. */
function filled(tenant: string, data: object, queues: readonly AllowedQueue[] = []) {
  const sync = {
    name: 'sync',
    kind: 'workflow',
    workflow: 'event.data.workflow',
    signal: '"s"',
    taskQueue: 'event.data.queue',
    id: 'event.data.id',
  };
  const { subscriptions } = parseTenantConfig(JSON.stringify({ tenant, subscriptions: [sync] }), 'x.yaml');
  const row = event('e', 0, { data: { workflow: 'booking', queue: `own.${tenant}`, id: '1', ...data } });
  return createTemplates(tenant, subscriptions[0] as WorkflowConfig, queues)(row);
}

describe('what the templates of a workflow subscription give', () => {
  it('is an id of its own for each tenant, whatever the event says', () => {
    assert.equal(filled('dead-letters', { id: 'victim/crm/x' }).id, 'own/dead-letters/victim/crm/x');
    assert.equal(filled('load2', { id: '../../batch/victim/x' }).id, 'own/load2/../../batch/victim/x');
  });

  it('is no longer than Temporal takes, in bytes', () => {
    assert.equal(filled('UA', { id: 'ж'.repeat(450) }).id.length, 457);
    assert.throws(() => filled('UA', { id: 'ж'.repeat(451) }), /"id" gives a text of more than 900 bytes/);
  });

  it('is no workflow type of Headgate', () => {
    for (const workflow of [
      'ingestBatch',
      'loadWindow',
      'deliver',
      'deadLetter',
      'resolveDeadLetters',
      'replay',
    ])
      assert.throws(() => filled('UA', { workflow }), /a workflow type of Headgate's own/);
  });

  it("is a queue of the tenant's, or one that the operator names", () => {
    for (const queue of ['own.UA', 'own.UA.x', 'own.UA.x.y'])
      assert.equal(filled('UA', { queue }).taskQueue, queue);
    const others = [
      'bookings',
      'own.UB',
      'own.UAX',
      'own',
      'pool.0',
      'tenant.UB',
      'tenant.UA.sub.x',
      'headgate.owner',
    ];
    const all = [
      { tenant: '*', queue: '*' },
      { tenant: 'UB', queue: 'bookings' },
    ];
    for (const queue of others)
      assert.throws(() => filled('UA', { queue }), /is not one of tenant UA: use own\.UA/);
    for (const queue of others.filter((each) => each !== 'bookings'))
      assert.throws(() => filled('UA', { queue }, all), /is not one of tenant UA/);
    const allowed = [
      { tenant: 'UA', queue: 'bookings' },
      { tenant: '*', queue: 'shared-*' },
    ];
    for (const queue of ['bookings', 'shared-1'])
      assert.equal(filled('UA', { queue }, allowed).taskQueue, queue);
    assert.throws(() => filled('UB', { queue: 'bookings' }, allowed), /is not one of tenant UB/);
  });
});
