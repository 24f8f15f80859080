import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 250;

/** Whether `/healthz` is answered with 200 within `ms` milliseconds. */
export async function answersIn(url: string, ms: number): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ms) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Whether a node knows a tenant. */
export async function isKnown(url: string, token: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/v1/eligibility/none`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(LOOK_EVERY_MS),
    });
    await answer.arrayBuffer();
    return answer.status !== 403;
  } catch {
    return false;
  }
}

/** Looks until something holds, for `ms` milliseconds at most; returns whether it does. */
export async function until(holds: () => Promise<boolean>, ms: number): Promise<boolean> {
  for (const began = performance.now(); performance.now() - began < ms; await sleep(LOOK_EVERY_MS))
    if (await holds()) return true;
  return false;
}

/** Looks at a node's health until it has not answered for `ms` milliseconds (true), or it is told to end (false). */
export async function untilStalled(url: () => string, ms: number, end: AbortSignal): Promise<boolean> {
  let answeredAt = performance.now();
  while (!end.aborted) {
    if (await answersIn(url(), ms)) answeredAt = performance.now();
    if (performance.now() - answeredAt >= ms) return true;
    await sleep(LOOK_EVERY_MS, undefined, { signal: end }).catch(() => undefined);
  }
  return false;
}
