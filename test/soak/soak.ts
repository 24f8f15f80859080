/**
 * `npm run soak`: a node under load, killed, stopped and paused at random, then drained and audited. Bounded: it ends
 * after `--minutes` and the time a drain takes, with exit code 1 if anything is lost, doubled or decided wrong.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCrashNode, type CrashNode } from '../support/crash-node.js';
import { killAll, type HeadgateProcess } from '../support/headgate.js';
import { disturb, DISTURBANCES, type Disturbance } from './disturbances.js';
import { Random } from '../support/random.js';
import { isSound, judge, type Verdict } from './verdict.js';

const SECOND = 1_000;
const CALM_MS = [3 * SECOND, 20 * SECOND] as const;
const PROGRESS_MS = 10 * SECOND;
const DRAINED_WITHIN_MS = 180 * SECOND;
const LOAD_PROCESS = fileURLToPath(new URL('load-process.ts', import.meta.url));

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('soak [--minutes N] [--seed WHOLE_NUMBER]');

/** Counts of what has been done. */
const done = new Map<Disturbance, number>(DISTURBANCES.map((kind) => [kind, 0]));
let acknowledged = 0;

function startLoadProcess({ url, dataDir, workloads }: CrashNode, idsFile: string): ChildProcess {
  const tenants = workloads.map(({ tenant }) => tenant);
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', LOAD_PROCESS, url, dataDir, idsFile, ...tenants],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    acknowledged = Number(text.trim().split('\n').at(-1));
  });
  return child;
}

async function disturbUntil(
  deadline: number,
  node: CrashNode,
  first: HeadgateProcess,
): Promise<HeadgateProcess> {
  const random = new Random(seed);
  let running = first;
  while (Date.now() < deadline) {
    await sleep(Math.min(random.between(...CALM_MS), Math.max(0, deadline - Date.now())));
    if (!running.alive) throw new Error(`the node has ended unasked:\n${running.stderr.slice(-5_000)}`);
    const kind = random.oneOf(DISTURBANCES);
    const restart = async (): Promise<void> => void (running = await node.start());
    await disturb(kind, { dataDir: node.dataDir, node: running, restart }, random);
    done.set(kind, (done.get(kind) ?? 0) + 1);
  }
  return running;
}

/** What is still on its way counts as missing, so the judge is asked again until nothing is, or for long enough. */
async function drained(node: CrashNode, idsFile: string): Promise<Verdict> {
  const tenants = node.workloads.map(({ tenant }) => tenant);
  const deadline = Date.now() + DRAINED_WITHIN_MS;
  for (;;) {
    const verdict = await judge(node.env, idsFile, tenants);
    if ((verdict.missing === 0 && verdict.decisionsMissing === 0) || Date.now() > deadline) return verdict;
    await sleep(SECOND);
  }
}

function say(startedAt: number): void {
  const seconds = Math.round((Date.now() - startedAt) / SECOND);
  console.log(`${seconds} s · ${acknowledged.toLocaleString('en-US')} acknowledged · ${counts()}`);
}

function counts(): string {
  return [...done].map(([kind, times]) => `${kind} ${times}`).join(' · ');
}

async function soak(node: CrashNode): Promise<boolean> {
  const idsFile = join(node.dataDir, 'acknowledged.ndjson');
  const startedAt = Date.now();
  let running = await node.start();
  const load = startLoadProcess(node, idsFile);
  const progress = setInterval(() => say(startedAt), PROGRESS_MS);
  try {
    running = await disturbUntil(startedAt + minutes * 60 * SECOND, node, running);
    load.kill('SIGTERM');
    const [code] = (await once(load, 'exit')) as [number | null];
    if (code !== 0) throw new Error('the load could not be finished');
    console.log('load finished; waiting until all of it is in the warehouse');
    const early = await drained(node, idsFile);
    const { code: ended } = await running.signal('SIGTERM');
    const tenants = node.workloads.map(({ tenant }) => tenant);
    // Again, now that nothing is on its way that could double what is there.
    const verdict = isSound(early) ? await judge(node.env, idsFile, tenants) : early;
    console.log(
      `\nseed ${seed} · ${minutes} minutes · ${acknowledged.toLocaleString('en-US')} events acknowledged`,
    );
    console.log(
      `${counts()}\n${Object.entries(verdict)
        .map(([what, count]) => `${what} ${count}`)
        .join(' · ')}`,
    );
    if (ended !== 0) console.log(`the node ended with ${ended}`);
    return isSound(verdict) && ended === 0;
  } finally {
    clearInterval(progress);
    load.kill('SIGKILL');
  }
}

console.log(`soak of ${minutes} minutes, seed ${seed}`);
const node = await createCrashNode('soak');
try {
  const sound = await soak(node);
  console.log(sound ? 'Nothing lost, nothing doubled, nothing decided wrong.' : 'NOT SOUND.');
  process.exitCode = sound ? 0 : 1;
} finally {
  await killAll();
  await node.remove();
}
