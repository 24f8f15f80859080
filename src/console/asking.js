/** Components ask for what they show with these. */
import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ask } from './api.js';

const LONGEST_PAUSE_SECONDS = 60;

/**
 * Asks for something when a component appears, and again every `everySeconds` while the page is looked at. What was known
 * stays while it fails, with the error beside it; failures are asked about less and less often.
 * @param {string | undefined} path undefined: nothing yet
 * @param {{ query?: object, everySeconds?: number, until?: (value: any) => boolean, everyTenant?: boolean }} [options]
 *   `until`: what stays as it is
 * @returns {{ value?: any, error?: Error, refresh: () => void }}
 */
export function useAnswer(path, { query, everySeconds, until = () => false, everyTenant } = {}) {
  const key = JSON.stringify([path, query]);
  const [state, setState] = useState({ key });
  const now = useRef(() => {});
  // Before the page is drawn: the answer is on its way meanwhile.
  useLayoutEffect(() => {
    if (path === undefined) return undefined;
    const stop = new AbortController();
    let timer;
    let failures = 0;
    const later = (seconds) => {
      clearTimeout(timer);
      timer = setTimeout(() => void look(), seconds * 1000);
    };
    async function look() {
      clearTimeout(timer);
      // Nobody sees it; it goes on when somebody does.
      if (document.hidden && everySeconds !== undefined) return;
      try {
        const value = await ask(path, { query, signal: stop.signal, everyTenant });
        failures = 0;
        setState({ key, value });
        if (everySeconds !== undefined && !until(value)) later(everySeconds);
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((known) => ({ ...(known.key === key ? known : {}), key, error }));
        failures++;
        if (everySeconds !== undefined)
          later(
            Math.min(LONGEST_PAUSE_SECONDS, Math.max(error.retryAfter ?? 0, everySeconds * 2 ** failures)),
          );
      }
    }
    const seen = () => document.hidden || void look();
    if (everySeconds !== undefined) document.addEventListener('visibilitychange', seen);
    now.current = look;
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key, everySeconds]);
  const refresh = useCallback(() => void now.current(), []);
  // What belongs to another question is not shown under this one.
  return state.key === key ? { ...state, refresh } : { refresh };
}

/**
 * Has the API do something.
 * @returns {{ busy: boolean, error?: Error, act: (path: string, body?: object) => Promise<any> }} `act` gives undefined where it fails
 */
export function useAction() {
  const [state, setState] = useState({ busy: false });
  const act = useCallback(async (path, body) => {
    setState({ busy: true });
    try {
      const answer = await ask(path, { method: 'POST', body: body ?? {} });
      setState({ busy: false });
      return answer;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    }
  }, []);
  return { ...state, act };
}
