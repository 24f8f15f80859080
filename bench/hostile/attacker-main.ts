/** Attacks a node as hostile tenants do: a process of its own, told by the harness. */
import { setPriority } from 'node:os';
import { answering } from '../deliveries/answering.js';
import type { AttackRequest } from './attacker.js';
import { HOSTILE } from './kinds.js';
import { Target } from './target.js';

/**
 * Attackers have machines of their own. Here they share one with what measures: latencies would
 * otherwise tell how long a load generator waits for a processor.
 */
setPriority(10);

const targets = new Map<string, { readonly target: Target; readonly attack: Promise<void> }>();

answering<AttackRequest>(async (request) => {
  if (request.kind === 'start') {
    const found = HOSTILE.find(({ name }) => name === request.name);
    if (found === undefined) throw new Error(`there is no kind ${request.name}`);
    const target = new Target(request.url, request.token);
    targets.set(request.name, { target, attack: found.attack(target) });
    return undefined;
  }
  const answers: Record<string, Target['answers']> = {};
  await Promise.all(
    [...targets].map(async ([name, { target, attack }]) => {
      await target.end();
      await attack;
      answers[name] = target.answers;
    }),
  );
  targets.clear();
  return answers;
});
