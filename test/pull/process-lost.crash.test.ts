import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LeasedBatchEnd } from '../../src/pull/leased-batch.js';
import { ackIdsOf, flights, idsOf, startPulling, type Message, type Pulling } from '../support/pulling.js';
import { temporalAddress, testNamespace } from '../support/temporal.js';

const TENANT = 'lost-UA';
const STAYS = new AbortController().signal;

describe('a process that holds events for consumers', function () {
  // A lost process is missed after 30 s.
  this.timeout(120_000);
  let pulling: Pulling;
  const ends: LeasedBatchEnd[] = [];

  before(async () => {
    const names = ['killed', 'stops', 'ended', 'spent', 'unwanted'];
    const observer = { onLeasedBatchEnd: (end: LeasedBatchEnd) => void ends.push(end) };
    const subscriptions = names.map((name) => ({ name, kind: 'pull' }));
    const overrides = { spent: { maxAttempts: 1 }, unwanted: { ackDeadlineMs: 10 } };
    pulling = await startPulling({ [TENANT]: subscriptions }, overrides, observer);
  });
  after(() => pulling.stop());

  const ask = (subscription: string, call: string, body?: unknown) =>
    pulling.call(TENANT, subscription, call, body);
  const attemptsOf = (messages: readonly Message[]) =>
    messages.map(({ event, attempt }) => [event.id, attempt]).sort();

  it('is killed: what was acknowledged does not come again, the rest does, with its attempts', async () => {
    const delivery = await pulling.deliver(TENANT, 'killed', flights('k', 5));
    const config = pulling.pipeline.registry.get(TENANT)?.config;
    const fixture = fileURLToPath(new URL('./holder.fixture.ts', import.meta.url));
    const batches = pulling.pipeline.stores.paths.batches;
    const args = [temporalAddress(), testNamespace(), batches, JSON.stringify(config)];
    const holder = spawn(process.execPath, ['--import', 'tsx', fixture, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(holder.stdout), 'line')) as [string];
    const old = JSON.parse(line) as string[];
    holder.kill('SIGKILL');
    const seen: Message[] = [];
    while (seen.length < 4) seen.push(...(await ask('killed', 'pull', { waitMs: 30_000 })).messages);
    assert.deepEqual(attemptsOf(seen), [
      ['k-1', 2],
      ['k-2', 2],
      ['k-3', 1],
      ['k-4', 1],
    ]);
    const stale = await ask('killed', 'ack', { ackIds: old });
    assert.deepEqual([stale.status, stale.code], [409, 'LEASE_STALE']);
    assert.equal(new Set([...old, ...seen.map(({ ackId }) => ackId)]).size, 7, 'no lease comes twice');
    await ask('killed', 'ack', ackIdsOf({ messages: seen }));
    const { delivered, deadLettered, passes } = await pulling.resultOf(delivery);
    assert.deepEqual([delivered, deadLettered, passes], [5, 0, 1]);
  });

  it('stops in order: another gets the rest at once, with its attempts', async () => {
    const delivery = await pulling.deliver(TENANT, 'stops', flights('s', 4));
    const other = pulling.another();
    const who = { tenant: TENANT, subscription: 'stops' };
    const taken = await other.pull(who, { maxMessages: 3, waitMs: 20_000 }, STAYS);
    await other.ack(who, [taken[0]!.ackId]);
    await other.close();
    await assert.rejects(other.ack(who, [taken[1]!.ackId]), { code: 'SHUTTING_DOWN' });
    const rest = await ask('stops', 'pull', { waitMs: 20_000 });
    assert.deepEqual(attemptsOf(rest.messages), [
      ['s-1', 2],
      ['s-2', 2],
      ['s-3', 1],
    ]);
    assert.equal((await ask('stops', 'ack', { ackIds: [taken[1]!.ackId] })).code, 'LEASE_STALE');
    await ask('stops', 'ack', ackIdsOf(rest));
    const { delivered, passes } = await pulling.resultOf(delivery);
    assert.deepEqual([delivered, passes], [4, 2]);
  });

  it('lets waiting consumers go when it stops', async () => {
    const other = pulling.another();
    const who = { tenant: TENANT, subscription: 'stops' };
    const waiting = other.pull(who, { maxMessages: 1, waitMs: 30_000 }, STAYS);
    await other.close();
    assert.deepEqual(await waiting, []);
  });

  it('hands nothing out of a batch that has been taken from it, and acknowledges nothing of it', async () => {
    const delivery = await pulling.deliver(TENANT, 'ended', flights('e', 3));
    const [first] = (await ask('ended', 'pull', { maxMessages: 1 })).messages;
    await delivery.terminate();
    const after = await ask('ended', 'pull', { waitMs: 0 });
    assert.deepEqual(idsOf(after), []);
    assert.equal((await ask('ended', 'ack', { ackIds: [first!.ackId] })).code, 'LEASE_STALE');
    assert.equal(ends.at(-1)?.outcome, 'lost');
  });

  it('ends a batch of whose events all have had their attempts', async () => {
    const delivery = await pulling.deliver(TENANT, 'spent', flights('d', 2));
    const other = pulling.another();
    const who = { tenant: TENANT, subscription: 'spent' };
    await other.pull(who, { maxMessages: 2, waitMs: 20_000 }, STAYS);
    await other.close();
    assert.deepEqual(idsOf(await ask('spent', 'pull', { waitMs: 1_000 })), []);
    const { deadLettered, deadLetters } = await pulling.resultOf(delivery);
    assert.equal(deadLettered, 2);
    await pulling.pipeline.client.workflow.getHandle(deadLetters[0]!).terminate();
  });

  it('gives back what nobody asks for', async () => {
    const delivery = await pulling.deliver(TENANT, 'unwanted', flights('u', 2));
    const [first] = (await ask('unwanted', 'pull', { maxMessages: 1, waitMs: 20_000 })).messages;
    assert.equal(first?.event.id, 'u-0');
    const before = ends.length;
    while (ends.length === before) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(ends.at(-1)?.outcome, 'returned');
    await delivery.terminate();
  });
});
