import assert from 'node:assert/strict';
import type { EventRow } from '../../src/events/event.js';
import { compileRoutes } from '../../src/routing/compile.js';
import { explain } from '../../src/routing/explain.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';

const EVENT: EventRow = {
  specversion: '1.0',
  id: '1',
  source: 's',
  type: 'flight.departed',
  stage: 'raw',
  time: '2026-01-01T00:00:00Z',
  received_at: '2026-01-01T00:00:00Z',
  data: { minutes: 20 },
};

describe('explaining routes', () => {
  it('says of each route why it does not match', () => {
    const matches = [
      { type: 'flight.*' },
      { type: 'flight.arrived' },
      { stream: 'user-properties' },
      { stage: 'enriched' },
      { priority: 'high' },
      { when: 'event.data.minutes > 60' },
      { when: 'event.data.seats > 60' },
    ];
    const routes = matches.map((match) => ({ match, to: ['crm'] }));
    const subscriptions = [{ name: 'crm', kind: 'pull' }];
    const config = parseTenantConfig(JSON.stringify({ tenant: 'UA', subscriptions, routes }), 'UA.yaml');
    const explanation = explain(compileRoutes(config).compiled, config.routes, EVENT, 'events');
    assert.deepEqual(
      explanation.routes.map(({ matches: fits, because }) => (fits ? 'matches' : because)),
      [
        'matches',
        'the type is "flight.departed"',
        'the stream is events',
        'its stage is "raw"',
        'the event has no priority',
        '"when" gives false',
        '"when" fails: event.data.seats is missing',
      ],
    );
    assert.deepEqual(explanation.targets, [{ subscription: 'crm', priority: 'normal' }]);
  });
});
