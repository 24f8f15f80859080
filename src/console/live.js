/** What goes on, as the API tells it: one stream that stays open, while the page is looked at. */
import { useEffect, useState } from 'preact/hooks';
import { open } from './api.js';

const STREAM_SECONDS = 600;
const MOST_SAMPLES = 360;
const LONGEST_PAUSE_SECONDS = 60;

/**
 * Follows the activity of the tenant, or of all that an operator reaches.
 * @param {{ everyTenant?: boolean }} [options] all, whichever tenant is chosen
 * @returns {{ value?: any, error?: Error, refresh: () => void }} `value` as `GET /v1/activity` gives it
 */
export function useActivity({ everyTenant = false } = {}) {
  const [state, setState] = useState({});
  useEffect(() => {
    let stop;
    const begin = () => {
      stop?.abort();
      if (document.hidden) return;
      stop = new AbortController();
      void followAll({ signal: stop.signal, everyTenant }, setState);
    };
    document.addEventListener('visibilitychange', begin);
    begin();
    return () => {
      stop?.abort();
      document.removeEventListener('visibilitychange', begin);
    };
  }, []);
  return { ...state, refresh: () => {} };
}

/** Follows one stream after the other until it is told to stop; after failures less and less often. */
async function followAll({ signal, everyTenant }, setState) {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await followOne({ signal, everyTenant }, (message) => {
        failures = 0;
        setState((known) => ({ value: joined(known.value, message) }));
      });
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      failures++;
      setState((known) => ({ value: known.value, error }));
      await pause(Math.min(LONGEST_PAUSE_SECONDS, Math.max(error.retryAfter ?? 0, 2 ** failures)), signal);
    }
  }
}

async function followOne(options, onMessage) {
  const response = await open('/v1/activity/stream', { query: { seconds: STREAM_SECONDS }, ...options });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = `${rest}${value}`.split('\n\n');
    rest = messages.pop();
    for (const message of messages) {
      const data = message.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) onMessage(JSON.parse(data.slice('data: '.length)));
    }
  }
}

/** The first message has what was before; each one after it the newest sample alone. */
function joined(known, message) {
  const last = known?.samples.at(-1)?.at ?? 0;
  const isFirst = known === undefined || message.samples.length > 1;
  const samples = isFirst
    ? message.samples
    : [...known.samples, ...message.samples.filter(({ at }) => at > last)];
  return { ...message, samples: samples.slice(-MOST_SAMPLES) };
}

function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
