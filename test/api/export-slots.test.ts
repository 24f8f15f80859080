import assert from 'node:assert/strict';
import { ExportSlots } from '../../src/api/export-slots.js';

describe('the places for exports', () => {
  it('are two for a tenant, and when others have theirs there is one left for the next', () => {
    const slots = new ExportSlots();
    const taken = ['a', 'a', 'b', 'b', 'c', 'c', 'd'].map((tenant) => slots.take(tenant));
    assert.throws(() => slots.take('a'), { code: 'TENANT_IN_FLIGHT_FULL', retryAfterSeconds: 10 });
    assert.throws(() => slots.take('d'), { code: 'TENANT_IN_FLIGHT_FULL', retryAfterSeconds: 10 });
    const last = slots.take('e');
    assert.throws(() => slots.take('f'), { code: 'OVERLOADED', retryAfterSeconds: 10 });
    last();
    last();
    slots.take('f');
    assert.throws(() => slots.take('g'), { code: 'OVERLOADED' });
    for (const give of taken) give();
    slots.take('g');
  });
});
