import assert from 'node:assert/strict';
import { tokenFor } from './producer.js';
import { until } from './until.js';
import type { Workload } from './workload.js';

/** Once in a hundred events each: deliveries that cost next to nothing beside what is measured of the load. */
const TAKEN = '51';
const REFUSED = '00';

/**
 * Subscriptions and routes for tenants of the workload: some orders go to a queue, and some page views to a workflow that
 * no event is good enough for, so that they become dead letters at once.
 */
export const WORKLOAD_ROUTES = {
  subscriptions: [
    { name: 'taken', kind: 'pull' },
    {
      name: 'refusing',
      kind: 'workflow',
      workflow: '"none"',
      taskQueue: '"own." + event.data.nothing',
      signal: '"none"',
      id: 'event.data.nothing',
    },
  ],
  routes: [
    { match: { type: 'order.placed', when: `event.id.endsWith("${TAKEN}")` }, to: ['taken'] },
    { match: { type: 'page.viewed', when: `event.id.endsWith("${REFUSED}")` }, to: ['refusing'] },
  ],
};

/** True once each of the workloads has sent events that go each way. */
export function isRouted(workloads: readonly Workload[]): boolean {
  return workloads.every(({ ids }) =>
    [TAKEN, REFUSED].every((ending) => ids.events.some((id) => id.endsWith(ending))),
  );
}

/** A delivery whose Worker has died is noticed by its missing heartbeat, as with loads. */
const DELIVERED_WITHIN_MS = 60_000;

/**
 * Asserts, by the API alone, that every event that a route of {@link WORKLOAD_ROUTES} matches gets where it is to go: at
 * least once to a consumer, or into exactly one dead letter.
 */
export async function assertRouted(url: string, dataDir: string, workload: Workload): Promise<void> {
  const scope = 'subscriptions:pull dead-letters:read';
  const authorization = `Bearer ${await tokenFor(dataDir, workload.tenant, scope)}`;
  const sent = (ending: string): string[] => workload.ids.events.filter((id) => id.endsWith(ending)).sort();
  const missing = new Set(sent(TAKEN));
  await until(async () => {
    for (const id of await take(url, authorization)) missing.delete(id);
    assert.deepEqual([...missing], [], `taken by a consumer of ${workload.tenant}`);
  }, DELIVERED_WITHIN_MS);
  await until(async () => {
    const response = await fetch(`${url}/v1/dead-letters/export`, { headers: { authorization } });
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    const dead = lines.map((line) => (JSON.parse(line) as { event: { id: string } }).event.id);
    assert.deepEqual(dead.sort(), sent(REFUSED), `dead letters of ${workload.tenant}`);
  }, DELIVERED_WITHIN_MS);
}

/** Takes what there is, and acknowledges it. */
async function take(url: string, authorization: string): Promise<string[]> {
  const call = async (verb: string, body: object): Promise<Response> => {
    const response = await fetch(`${url}/v1/subscriptions/taken/${verb}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization, 'content-type': 'application/json' },
    });
    assert.equal(response.status, 200, await response.clone().text());
    return response;
  };
  const answer = await call('pull', { maxMessages: 1_000, waitMs: 1_000 });
  const { messages } = (await answer.json()) as { messages: { ackId: string; event: { id: string } }[] };
  if (messages.length > 0) await call('ack', { ackIds: messages.map(({ ackId }) => ackId) });
  return messages.map(({ event }) => event.id);
}
