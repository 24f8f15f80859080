import assert from 'node:assert/strict';
import { toCloudEvents, type Mapped, type Surroundings } from '../../src/analytics/cloud-events.js';

const AROUND: Surroundings = { source: '/sources/web', makeId: (timed) => (timed ? 'made-timed' : 'made') };
const TIME = '2026-11-30T12:00:00.123Z';

function mapped(sent: unknown, around: Partial<Surroundings> = {}): Mapped {
  const result = toCloudEvents(sent, { ...AROUND, ...around });
  assert.ok('event' in result, JSON.stringify(result));
  // As JSON: what is undefined is absent.
  return JSON.parse(JSON.stringify(result)) as Mapped;
}

function unusable(sent: unknown, around: Partial<Surroundings> = {}): string {
  const result = toCloudEvents(sent, { ...AROUND, ...around });
  assert.ok('unusable' in result);
  return result.unusable;
}

const COMMON = { messageId: 'm-1', userId: 'u-1', timestamp: TIME };
const ATTRIBUTES = {
  specversion: '1.0',
  id: 'm-1',
  source: '/sources/web',
  subject: 'u-1',
  time: TIME,
};

describe('an event of the Segment protocol as CloudEvents', () => {
  it('track has its name in the type, and the rest in the data', () => {
    const sent = { ...COMMON, type: 'track', event: 'Order Completed', properties: { total: 30 } };
    assert.deepEqual(mapped({ ...sent, writeKey: 'secret', _metadata: {}, channel: 'server' }), {
      event: {
        ...ATTRIBUTES,
        type: 'track.order-completed',
        data: { userId: 'u-1', event: 'Order Completed', properties: { total: 30 }, channel: 'server' },
      },
    });
  });

  it('identify is an event, and says what is known of the subject, by traits or context.traits', () => {
    const traits = { plan: 'gold' };
    for (const where of [{ traits }, { context: { traits } }, { traits: null, context: { traits } }]) {
      const { event, profile } = mapped({ ...COMMON, type: 'identify', ...where });
      assert.deepEqual(profile, { ...ATTRIBUTES, type: 'identify', data: traits });
      assert.equal(event.type, 'identify');
      assert.deepEqual((event.data as { traits: unknown }).traits, traits);
    }
    assert.equal(mapped({ ...COMMON, type: 'identify' }).profile, undefined);
  });

  it('identify with both ids, and alias, say whose profile becomes the subject’s', () => {
    const both = mapped({ ...COMMON, type: 'identify', anonymousId: 'a-1' });
    assert.deepEqual(both.profile, { ...ATTRIBUTES, type: 'identify', data: {}, mergesubject: 'a-1' });
    const alias = mapped({ ...COMMON, type: 'alias', previousId: 'a-2', anonymousId: 'a-1' });
    assert.deepEqual(alias.profile, { ...ATTRIBUTES, type: 'alias', data: {}, mergesubject: 'a-2' });
    assert.equal(mapped({ ...COMMON, type: 'alias', previousId: 'u-1' }).profile, undefined);
    assert.equal(mapped({ ...COMMON, type: 'identify', anonymousId: 'u-1' }).profile, undefined);
    // No other call does.
    assert.equal(mapped({ ...COMMON, type: 'page', anonymousId: 'a-1' }).profile, undefined);
  });

  it('group is in the profile of whoever belongs to it', () => {
    const { profile, event } = mapped({ ...COMMON, type: 'group', groupId: 'g-1', traits: { seats: 3 } });
    assert.deepEqual(profile, {
      ...ATTRIBUTES,
      type: 'group',
      data: { groupId: 'g-1', group: { seats: 3 } },
    });
    assert.equal(event.type, 'group');
  });

  it('page and screen have their name by properties.name too, as Jitsu sends it', () => {
    for (const call of ['page', 'screen'] as const) {
      const sent = { ...COMMON, properties: { name: 'Prices' } };
      const { event } = mapped(sent, { call });
      assert.deepEqual(event, {
        ...ATTRIBUTES,
        type: call,
        data: { userId: 'u-1', properties: { name: 'Prices' }, name: 'Prices' },
      });
      assert.equal((mapped({ ...sent, name: 'Own' }, { call }).event.data as { name: string }).name, 'Own');
    }
  });

  it('null and "" are absent', () => {
    const { event } = mapped(
      { messageId: '', type: 'page', userId: '', anonymousId: 'a-1', timestamp: null, sentAt: '' },
      { sentAt: TIME },
    );
    assert.deepEqual(event, {
      specversion: '1.0',
      id: 'made',
      source: '/sources/web',
      type: 'page',
      subject: 'a-1',
      time: TIME,
      data: { anonymousId: 'a-1' },
    });
    assert.equal(mapped({ type: 'page', userId: null }).event.subject, undefined);
    assert.equal(mapped({ type: 'page', userId: 0 }).event.subject, '0');
  });

  it('its time is timestamp, else originalTimestamp, else its own sentAt, else that of the batch', () => {
    const times = { timestamp: '1', originalTimestamp: '2', sentAt: '3' };
    const timeOf = (sent: object): unknown => mapped({ type: 'page', ...sent }, { sentAt: '4' }).event.time;
    assert.equal(timeOf(times), '1');
    assert.equal(timeOf({ ...times, timestamp: null }), '2');
    assert.equal(timeOf({ sentAt: '3' }), '3');
    assert.equal(timeOf({}), '4');
    assert.equal(mapped({ type: 'page' }).event.time, undefined);
  });

  it('a made id is by the content where the event says when it was', () => {
    assert.equal(mapped({ type: 'page', originalTimestamp: TIME }).event.id, 'made-timed');
    assert.equal(mapped({ type: 'page', sentAt: TIME }).event.id, 'made');
  });

  it('context and integrations of the batch are merged in, and its own win', () => {
    const { event } = mapped(
      { ...COMMON, type: 'page', context: { ip: '1.2.3.4', locale: 'de' }, integrations: { All: false } },
      { context: { library: { name: 'x' }, ip: '9.9.9.9' }, integrations: { All: true, S3: true } },
    );
    const data = event.data as Record<string, unknown>;
    assert.deepEqual(data.context, { library: { name: 'x' }, ip: '1.2.3.4', locale: 'de' });
    assert.deepEqual(data.integrations, { All: false, S3: true });
    const without = mapped({ ...COMMON, type: 'page' }, { context: { ip: '9.9.9.9' } });
    assert.deepEqual((without.event.data as { context: unknown }).context, { ip: '9.9.9.9' });
  });

  it('the call of the path counts before what the event says', () => {
    assert.equal(mapped({ ...COMMON, type: 'page' }, { call: 'screen' }).event.type, 'screen');
  });

  it('a key called __proto__ stays one, and changes no object', () => {
    const sent = JSON.parse('{"type":"page","__proto__":{"x":1},"context":{"__proto__":{"y":1}}}') as object;
    const result = toCloudEvents(sent, { ...AROUND, context: { a: 1 } }) as Mapped;
    assert.match(JSON.stringify(result.event.data), /"__proto__":\{"x":1\}.*"__proto__":\{"y":1\}/);
    assert.equal(({} as { x?: number }).x, undefined);
  });

  it('what cannot be one is told why', () => {
    for (const sent of [null, 1, 'x', [], true])
      assert.equal(unusable(sent), 'an event must be a JSON object', JSON.stringify(sent));
    for (const type of [undefined, null, 'Track', 'delete', 'constructor', 1, ['track']])
      assert.match(unusable({ type }), /^type must be one of track, identify/);
    for (const event of [undefined, null, '', 1, {}])
      assert.match(unusable({ type: 'track', event }), /event/);
    for (const type of ['identify', 'group', 'alias'])
      assert.match(unusable({ type, userId: '', anonymousId: null }), /needs a userId or an anonymousId/);
  });
});
