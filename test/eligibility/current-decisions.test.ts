import assert from 'node:assert/strict';
import type { ReplayedDecision } from '../../src/eligibility/becomes-current.js';
import {
  CurrentDecisions,
  type DecisionsOfSubject,
  type MakeCurrentOptions,
  type ReplayedStatusCounts,
} from '../../src/eligibility/current-decisions.js';
import { Turns } from '../../src/platform/event-loop-turns.js';
import type { CompiledRules } from '../../src/rules/compiled.js';
import { openIngress, type Ingress, type IngressOptions } from '../support/ingress.js';
import { event, rulesOf } from '../support/events.js';
import { faultyDiskBeneath } from '../support/faulty-disk.js';
import { overStateStores, subjectIn } from '../support/state-stores.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const SOON_MS = 10_000;
const OTHERS = { alreadyCurrent: 0, older: 0, ruleChanged: 0 };

/** `third` as it is decided by now: two landings will do. */
const CHANGED = rulesOf({
  rules: [
    { name: 'third', on: ['landed'], when: 'aggregates.landings >= 2' },
    { name: 'big', on: ['landed', 'parked'], when: 'profile.seats >= 180' },
  ],
});
const versionOf = (rules: CompiledRules, rule: string) =>
  rules.rules.find(({ name }) => name === rule)!.version;

overStateStores('decisions of a replay that become current', function (kind) {
  this.timeout(30_000);
  const dir = useTempDir();
  const where = kind.use();
  let ingress: Ingress;
  let rules: Map<string, CompiledRules>;
  let current: CurrentDecisions;

  async function open(options: IngressOptions = {}): Promise<void> {
    const rulesOfTenant = (tenant: string) => rules.get(tenant);
    ingress = await openIngress(dir(), {
      rulesOf: rulesOfTenant,
      openState: () => kind.open(where()),
      ...options,
    });
    current = new CurrentDecisions({ ...ingress, turns: new Turns({ shareMs: 0 }), retryMs: 5 });
  }

  beforeEach(async () => {
    rules = new Map([
      ['UA', rulesOf()],
      ['DL', rulesOf()],
    ]);
    await open();
    for (const tenant of ['UA', 'DL'])
      await ingress.accept(tenant, 'events', [event('e1', 1), event('e2', 2)]);
    rules.set('UA', CHANGED);
  });
  afterEach(() => ingress.close());

  /** What a replay by the changed rules has come to. */
  const decided = (eventId: string, minute: number, rule = 'third'): ReplayedDecision => {
    const { time, received_at: receivedAt, source: eventSource } = event(eventId, minute);
    const ruleVersion = versionOf(CHANGED, rule);
    return { outcome: 'eligible', reason: 'again', ruleVersion, eventId, eventSource, time, receivedAt };
  };
  const of = (subject: string, decision: ReplayedDecision, rule = 'third'): [string, DecisionsOfSubject] => [
    subject,
    new Map([[rule, decision]]),
  ];
  const make = (
    decisions: Iterable<readonly [string, DecisionsOfSubject]>,
    options: Partial<MakeCurrentOptions> = {},
    tenant = 'UA',
  ): Promise<ReplayedStatusCounts> => current.make(tenant, decisions, { dryRun: false, ...options });
  const currentOf = async (subject = 'N1', tenant = 'UA') =>
    (await ingress.decider.subject(tenant, subject))?.decisions.third;

  it('are not made for a subject that is merged into another since', async () => {
    const merging = event('m', 3, { subject: 'user', extensions: { mergesubject: 'N1' } });
    await ingress.accept('UA', 'user-properties', [merging]);
    const counts = await make([of('N1', decided('e2', 2))]);
    assert.deepEqual(counts, { ...OTHERS, madeCurrent: 0, older: 1 });
    assert.deepEqual([await currentOf('N1'), await currentOf('user')], [undefined, undefined]);
  });

  it('are in the store when that is said, and another tenant has what it had', async () => {
    const before = await currentOf('N1', 'DL');
    const { big } = (await ingress.decider.subject('UA', 'N1'))!.decisions;
    assert.deepEqual(await make([of('N1', decided('e2', 2))]), { madeCurrent: 1, ...OTHERS });
    const stored = await subjectIn(ingress.state, 'UA', 'N1');
    const { outcome, reason, ruleVersion, eventId, eventSource, time } = decided('e2', 2);
    const third = { outcome, reason, ruleVersion, eventId, eventSource, time };
    assert.deepEqual(stored?.decisions, { third, big });
    assert.equal(stored?.state.aggregates.landings?.times.length, 2, 'aggregates are as they were');
    assert.deepEqual(await currentOf('N1', 'DL'), before);
    assert.deepEqual((await subjectIn(ingress.state, 'DL', 'N1'))?.decisions.third, before);
  });

  it('are made of a subject that nothing was decided about', async () => {
    assert.deepEqual(await make([of('N9', decided('e9', 2))]), { madeCurrent: 1, ...OTHERS });
    assert.equal((await currentOf('N9'))?.eventId, 'e9');
  });

  it('change nothing the second time', async () => {
    await make([of('N1', decided('e2', 2))]);
    const written: unknown[] = [];
    const checkpoint = ingress.state.checkpoint.bind(ingress.state);
    ingress.state.checkpoint = (each) => (written.push(each), checkpoint(each));
    const { madeCurrent, alreadyCurrent } = await make([of('N1', decided('e2', 2))]);
    assert.deepEqual([madeCurrent, alreadyCurrent, written.length], [0, 1, 0]);
  });

  it('pass over a newer one, and what the rules in force did not decide', async () => {
    await ingress.accept('UA', 'events', [event('e3', 3)]);
    const live = await currentOf();
    assert.equal(live?.eventId, 'e3');
    rules.set(
      'UA',
      rulesOf({ rules: [{ name: 'third', on: ['landed'], when: 'aggregates.landings >= 2' }] }),
    );
    const counts = await make([
      ['N1', new Map([['third', decided('e2', 2)], ['big', decided('e2', 2, 'big')]])],
      ['N9', new Map([['third', { ...decided('e2', 2), ruleVersion: versionOf(rulesOf(), 'third') }]])],
    ]); // prettier-ignore
    assert.deepEqual(counts, { madeCurrent: 0, alreadyCurrent: 0, older: 1, ruleChanged: 2 });
    assert.deepEqual(await currentOf(), live);
    assert.equal(await ingress.decider.subject('UA', 'N9'), undefined, 'no subject is made by it');
  });

  it('are only counted in a dry run', async () => {
    const before = await currentOf();
    assert.deepEqual(await make([of('N1', decided('e2', 2))], { dryRun: true }), {
      madeCurrent: 1,
      ...OTHERS,
    });
    assert.deepEqual([await currentOf(), await ingress.decider.subject('UA', 'N9')], [before, undefined]);
  });

  it('are refused for a tenant that is gone', async () => {
    rules.delete('UA');
    await assert.rejects(make([of('N1', decided('e2', 2))]), { code: 'TENANT_UNKNOWN', retryable: false });
  });

  it('are of as many subjects as there are, a page between two checkpoints', async () => {
    const sizes: number[] = [];
    const checkpoint = ingress.state.checkpoint.bind(ingress.state);
    ingress.state.checkpoint = (each) => (sizes.push(each.subjects.length), checkpoint(each));
    const many = Array.from({ length: 4_500 }, (_, n) => of(`S${n}`, decided(`s${n}`, 2)));
    assert.deepEqual(await make(many), { madeCurrent: 4_500, ...OTHERS });
    assert.ok(Math.max(...sizes) <= 2_000, String(sizes));
    assert.equal((await subjectIn(ingress.state, 'UA', 'S4499'))?.decisions.third?.eventId, 's4499');
  });

  it('are made again after a crash before the checkpoint, once', async () => {
    const before = await currentOf();
    await until(() => assert.equal(ingress.decider.advancing, 0), SOON_MS);
    const abandoned = assert.rejects(
      make([of('N1', decided('e2', 2))], { signal: AbortSignal.timeout(200) }),
    );
    await ingress.crash();
    await abandoned;
    await open();
    assert.deepEqual(await currentOf(), before, 'nothing of it is left');
    assert.deepEqual(await make([of('N1', decided('e2', 2))]), { madeCurrent: 1, ...OTHERS });
    await ingress.close();
    await open();
    assert.equal((await currentOf())?.reason, 'again');
  });

  it('are not lost where memory goes back to its last checkpoint meanwhile', async () => {
    const disk = faultyDiskBeneath(ingress.spool);
    const making = make([of('N1', decided('e2', 2))]);
    disk.failNext();
    await assert.rejects(ingress.accept('UA', 'events', [event('e3', 3)]), { code: 'DISK_FULL' });
    assert.deepEqual(await making, { madeCurrent: 1, ...OTHERS });
    assert.equal((await subjectIn(ingress.state, 'UA', 'N1'))?.decisions.third?.reason, 'again');
  });

  it('wait for a checkpoint that fails at first', async () => {
    const checkpoint = ingress.state.checkpoint.bind(ingress.state);
    await until(() => assert.equal(ingress.decider.advancing, 0), SOON_MS);
    ingress.state.checkpoint = () => {
      ingress.state.checkpoint = checkpoint;
      return Promise.reject(new Error('the disk is full'));
    };
    assert.deepEqual(await make([of('N1', decided('e2', 2))]), { madeCurrent: 1, ...OTHERS });
    assert.equal((await subjectIn(ingress.state, 'UA', 'N1'))?.decisions.third?.reason, 'again');
  });
});
