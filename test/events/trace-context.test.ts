import assert from 'node:assert/strict';
import { traceContextIn, withTrace } from '../../src/events/trace-context.js';
import { event } from '../support/events.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${SPAN}-01`;

describe('a trace context', () => {
  it('is read from headers and from attributes', () => {
    assert.deepEqual(traceContextIn({ traceparent, accept: '*/*' }), { traceparent });
    assert.deepEqual(traceContextIn({ traceparent, tracestate: 'a=1' }), { traceparent, tracestate: 'a=1' });
  });

  it('is none where it is not as W3C writes it', () => {
    const wrong = [
      undefined,
      null,
      'text',
      {},
      { traceparent: 1 },
      { traceparent: traceparent.toUpperCase() },
      { traceparent: `ff-${TRACE}-${SPAN}-01` },
      { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` },
      { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` },
      { traceparent: `${traceparent}\n` },
      { traceparent: `${traceparent}-more` },
    ];
    for (const given of wrong) assert.equal(traceContextIn(given), undefined, JSON.stringify(given));
  });

  it('goes without a state that no header can hold', () => {
    for (const tracestate of ['a=1\r\nX: 1', 'a'.repeat(513), '', 7])
      assert.deepEqual(traceContextIn({ traceparent, tracestate }), { traceparent });
  });

  it('is given to events that have none', () => {
    const given = { traceparent, tracestate: 'a=1' };
    const row = event('e', 0, { extensions: { airline: 'UA' } });
    assert.deepEqual(withTrace(row, given).extensions, { airline: 'UA', ...given });
    const own = event('e', 0, { extensions: { traceparent: `00-${TRACE}-${SPAN}-00` } });
    assert.equal(withTrace(own, given), own);
  });
});
