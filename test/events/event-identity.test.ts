import assert from 'node:assert/strict';
import { eventDigest, eventKey } from '../../src/events/event-identity.js';

describe('what an event is known by', () => {
  it('is its source and id, of which neither runs into the other', () => {
    const keys = [
      { source: '/a', id: 'b' },
      { source: '/a/b', id: '' },
      { source: '/', id: 'a/b' },
      { source: '/b', id: 'b' },
      { source: '/a', id: 'a' },
    ].map(eventKey);
    assert.equal(new Set(keys).size, keys.length);
  });

  it('is, as a name, one of bounded length for each tenant, stream, source and id', () => {
    const event = { source: 'x'.repeat(512), id: 'é'.repeat(512) };
    const names = [
      eventDigest('UA', 'events', [event]),
      eventDigest('DL', 'events', [event]),
      eventDigest('UA', 'user-properties', [event]),
      eventDigest('UA', 'events', [event, event]),
      eventDigest('UA', 'events', [{ ...event, source: '/' }]),
    ];
    for (const name of names) assert.match(name, /^[0-9a-f]{40}$/);
    assert.equal(new Set(names).size, names.length);
    assert.equal(eventDigest('UA', 'events', [{ ...event }]), names[0]);
  });
});
