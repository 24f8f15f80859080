import { setTimeout as sleep } from 'node:timers/promises';
import { Http } from './http.js';
import { LatencyRecorder } from './latency.js';
import type { LoadResult } from './spec.js';

const CONNECTIONS = 64;

/** Asks `/healthz` at fixed times, on connections of their own, until `deadline` (of `performance.now`). */
export async function watchHealth(
  url: string,
  perSecond: number,
  deadline: number,
): Promise<NonNullable<LoadResult['health']>> {
  const http = new Http(url, CONNECTIONS, false);
  const latency = new LatencyRecorder();
  const open = new Set<Promise<void>>();
  let failed = 0;
  const ask = async (due: number): Promise<void> => {
    const status = await http.health().then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) latency.record(performance.now() - due);
    else failed++;
  };
  for (let due = performance.now(); due < deadline; due += 1000 / perSecond) {
    await sleep(Math.max(0, due - performance.now()));
    const asked = ask(due);
    open.add(asked);
    void asked.finally(() => open.delete(asked));
  }
  await Promise.all(open);
  await http.close();
  return { ...latency.summary(), failed };
}
