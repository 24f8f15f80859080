import assert from 'node:assert/strict';
import { toCloudEvent } from '../../src/events/cloudevent.js';
import { event } from '../support/events.js';

describe('an event as a CloudEvent', () => {
  it('has its attributes, extensions and time of receipt side by side', () => {
    const row = event('e-1', 0, { priority: 'high', extensions: { airline: 'UA', hops: 1 }, data: { a: 1 } });
    assert.deepEqual(toCloudEvent(row), {
      specversion: '1.0',
      id: 'e-1',
      source: '/airports/EWR',
      type: 'landed',
      subject: 'N1',
      time: '2024-03-10T12:00:00.000Z',
      priority: 'high',
      airline: 'UA',
      hops: 1,
      receivedat: '2024-03-10T13:00:00.000Z',
      data: { a: 1 },
    });
  });

  it('is not made another by an extension', () => {
    const row = event('e-1', 0, { extensions: { id: 'x', type: 'y', receivedat: 'never' } });
    const { id, type, receivedat } = toCloudEvent(row) as Record<string, unknown>;
    assert.deepEqual([id, type, receivedat], ['e-1', 'landed', row.received_at]);
  });

  it('keeps its payload as it came: any JSON, none, or base64', () => {
    assert.deepEqual((toCloudEvent(event('e', 0, { data: null })) as { data: unknown }).data, null);
    const { data, ...none } = event('e', 0, { data_base64: 'AAE=' });
    assert.deepEqual(data, {});
    const made = toCloudEvent(none);
    assert.ok(!('data' in made));
    assert.equal((made as { data_base64: string }).data_base64, 'AAE=');
  });
});
