import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReplayView } from '../../src/commands/replay-client.js';
import type { ReplayReport, RuleDifference } from '../../src/workflows/messages/replays.js';
import { expectedDecisions, FLIGHTS, readWeek, type FlightEvent } from '../support/flights.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { decisionsInFiles, rowsInFiles } from '../support/parquet.js';
import { sendTenant, weeksOf } from '../support/producer.js';
import { sideBySide } from '../support/side-by-side.js';
import { until } from '../support/until.js';

/** Airlines that are replayed at once: most of the time is waiting for windows. */
const AT_ONCE = 4;
/** Minutes of delay from which on passengers are owed compensation: as configured, and as tried. */
const [CONFIGURED, TRIED] = [180, 120];

describe('a week of flights is replayed with another threshold for compensation', function () {
  this.timeout(240_000);
  const week = readWeek('events');
  const airlines = [...week.keys()];
  const aircraft = readWeek('user-properties');
  let dir: string;
  let env: Record<string, string>;
  let url: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-replay-'));
    env = await nodeEnvironment(dir);
    const tenants = join(dir, 'given');
    mkdirSync(tenants);
    for (const tenant of airlines) writeFileSync(join(tenants, `${tenant}.yaml`), fileOf(tenant, CONFIGURED));
    ({ url } = await spawnHeadgate(['start', '--tenants', tenants], env).ready());
    // Several at once, and each by its own producer: what the CLI sends is tested elsewhere.
    const weeks = [...weeksOf(airlines)];
    await Promise.all(weeks.map(([tenant, its]) => sendTenant(tenant, its, { url, dataDir: dir })));
    for (const tenant of airlines) await until(() => assertRecordedLive(tenant), 60_000);
  });
  after(async () => {
    await replays.stop();
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  function fileOf(tenant: string, minutes: number): string {
    const text = readFileSync(join(FLIGHTS, 'tenants', `${tenant}.yaml`), 'utf8');
    const changed = text.replace('delay_minutes >= 180', `delay_minutes >= ${minutes}`);
    assert.equal(changed !== text, minutes !== 180);
    // Loads are waited for: soon, rather than as few as possible.
    return `${changed}\nwarehouse: { kind: parquet, window: 1s }\n`;
  }

  const eventsOf = (tenant: string): FlightEvent[] => week.get(tenant) ?? [];
  const liveDecisions = (tenant: string) => expectedDecisions(eventsOf(tenant), aircraft.get(tenant) ?? []);

  async function assertRecordedLive(tenant: string): Promise<void> {
    const recorded = await decisionsInFiles(join(dir, 'warehouse'), tenant);
    assert.deepEqual(recorded.size, liveDecisions(tenant).size);
  }

  /** What compensation comes to from a number of minutes on: computed from the input alone. */
  function compensated(events: readonly FlightEvent[], minutes: number): Map<string, boolean> {
    const outcomes = new Map<string, boolean>();
    for (const { id, type, data } of events) {
      if (type === 'flight.cancelled') outcomes.set(id, true);
      if (type === 'flight.arrived') outcomes.set(id, Number(data.delay_minutes) >= minutes);
    }
    return outcomes;
  }

  const eligible = (outcomes: ReadonlyMap<string, boolean>) => [...outcomes.values()].filter(Boolean).length;

  /** By the CLI. */
  async function replay(tenant: string, ...args: string[]): Promise<ReplayReport & { id: string }> {
    const ended = await runHeadgate(['replay', '--tenant', tenant, '--url', url, '--json', ...args], env);
    assert.equal(ended.code, 0, ended.stderr + ended.stdout);
    const { id, report } = JSON.parse(ended.stdout) as ReplayView;
    assert.ok(report);
    return { ...report, id };
  }

  const ruleOf = ({ rules = [] }: ReplayReport, name: string): RuleDifference => {
    const found = rules.find(({ rule }) => rule === name);
    assert.ok(found, name);
    return found;
  };

  function tried(tenant: string): string {
    const path = join(dir, `${tenant}-tried.yaml`);
    writeFileSync(path, fileOf(tenant, TRIED));
    return path;
  }

  const decisionFiles = (tenant: string) =>
    readdirSync(join(dir, 'batches', tenant, 'decisions'), { recursive: true, encoding: 'utf8' }).sort();

  async function rowsOf(tenant: string): Promise<string[]> {
    const rows = await rowsInFiles(
      join(dir, 'warehouse'),
      tenant,
      'decisions',
      'event_id, rule_version, rule, outcome',
    );
    return rows.map((row) => row.join(' ')).sort();
  }

  async function differsInNothing(tenant: string): Promise<void> {
    const report = await replay(tenant, '--rules', 'current', '--dry-run');
    const decisions = liveDecisions(tenant);
    assert.equal(report.events, eventsOf(tenant).length);
    assert.equal(report.matched, decisions.size);
    assert.deepEqual(report.notes, []);
    for (const { rule, ...counts } of report.rules ?? []) {
      const own = [...decisions].filter(([key]) => key.endsWith(` ${rule}`));
      const are = own.filter(([, outcome]) => outcome === 'eligible').length;
      assert.equal(counts.evaluated, own.length, rule);
      assert.deepEqual(counts.now, { eligible: are, ineligible: own.length - are }, rule);
      assert.deepEqual(counts.recorded, counts.now, rule);
      const { newlyEligible, noLongerEligible, notRecordedBefore, notMadeNow } = counts;
      assert.deepEqual([newlyEligible, noLongerEligible, notRecordedBefore, notMadeNow], [0, 0, 0, 0]);
    }
  }

  async function agreesWithInput(tenant: string): Promise<void> {
    const [files, rows] = [decisionFiles(tenant), await rowsOf(tenant)];
    const report = await replay(tenant, '--rules', tried(tenant), '--dry-run');
    const [before, now] = [CONFIGURED, TRIED].map((minutes) => compensated(eventsOf(tenant), minutes));
    const counts = ruleOf(report, 'compensation');
    assert.equal(counts.evaluated, now!.size);
    assert.equal(counts.recorded.eligible, eligible(before!));
    assert.equal(counts.now.eligible, eligible(now!));
    const newly = [...now!].filter(([id, is]) => is && before!.get(id) === false).map(([id]) => id);
    assert.equal(counts.newlyEligible, newly.length);
    assert.equal(counts.noLongerEligible + counts.notRecordedBefore + counts.notMadeNow, 0);
    const samples = counts.samples.newlyEligible.map(({ eventId }) => eventId);
    assert.deepEqual(samples, newly.slice(0, 10), 'the first ten, in order of receipt');
    for (const other of ['swap_aircraft', 'large_aircraft_late'])
      assert.equal(ruleOf(report, other).newlyEligible + ruleOf(report, other).noLongerEligible, 0);
    assert.deepEqual([decisionFiles(tenant), await rowsOf(tenant)], [files, rows]);
  }

  async function recordsBeside(tenant: string): Promise<void> {
    const rowsBefore = await rowsOf(tenant);
    const now = compensated(eventsOf(tenant), TRIED);
    const first = await replay(tenant, '--rules', tried(tenant));
    assert.equal(first.decisions, now.size, 'only what is decided by another version is new');
    const rows = await until(async () => {
      const found = await rowsOf(tenant);
      assert.equal(found.length, rowsBefore.length + now.size);
      return found;
    }, 30_000);
    for (const row of rowsBefore) assert.ok(rows.includes(row), `${row} is still there`);
    const added = rows.filter((row) => !rowsBefore.includes(row));
    const { ruleVersion } = ruleOf(first, 'compensation');
    const expected = [...now].map(
      ([id, is]) => `${id} ${ruleVersion} compensation ${is ? 'eligible' : 'ineligible'}`,
    );
    assert.deepEqual(added, expected.sort());

    const files = decisionFiles(tenant);
    const second = await replay(tenant, '--rules', tried(tenant));
    assert.equal(second.decisions, 0);
    assert.deepEqual(second.rules, first.rules);
    assert.deepEqual(decisionFiles(tenant), files);
    // Loads go in the order of the windows: once this one is in, what the second run has announced is, too.
    const marker = await replay(tenant, '--rules', marked(tenant));
    await until(
      async () => assert.equal((await rowsOf(tenant)).length, rows.length + marker.decisions),
      30_000,
    );
  }

  /** What is to hold of each airline, one after the other; several airlines at once. */
  const steps: readonly [string, (tenant: string) => Promise<void>][] = [
    ['a dry run by the rules in force differs from what was recorded in nothing', differsInNothing],
    ["a dry run's numbers are those of a separate computation, and nothing is written", agreesWithInput],
    ['the run records them beside the others; a second run changes nothing', recordsBeside],
  ];
  const reached = new Map<string, Promise<void>[]>();
  const replays = sideBySide(airlines, AT_ONCE, async (tenant) => {
    const outcomes: Promise<void>[] = [];
    reached.set(tenant, outcomes);
    for (const [, step] of steps) {
      const before = outcomes.at(-1) ?? Promise.resolve();
      outcomes.push(before.then(() => step(tenant)));
    }
    await Promise.allSettled(outcomes);
  });

  for (const tenant of airlines)
    for (const [n, [title]] of steps.entries())
      it(`${tenant}: ${title}`, () => {
        void replays.outcomeOf(tenant);
        return reached.get(tenant)?.[n];
      });

  it('finds passengers of seven airlines who would be owed more', () => {
    const differing = airlines.filter((tenant) => {
      const [before, now] = [CONFIGURED, TRIED].map((minutes) => compensated(eventsOf(tenant), minutes));
      return eligible(now!) > eligible(before!);
    });
    assert.deepEqual(differing.sort(), ['9E', 'AA', 'B6', 'DL', 'EV', 'MQ', 'UA']);
  });

  /** Another threshold still, whose decisions are new. */
  function marked(tenant: string): string {
    const path = join(dir, `${tenant}-marked.yaml`);
    writeFileSync(path, fileOf(tenant, 999));
    return path;
  }

  it('audits as sound afterwards: what was decided again is no doubled decision', async () => {
    const audit = await runHeadgate(['audit', '--json'], env);
    assert.equal(audit.code, 0, audit.stdout);
  });

  it('is listed with how far back replay reaches, and shown for people', async () => {
    const listed = await runHeadgate(['replay', 'list', '--tenant', 'UA', '--url', url], env);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /dry run: decide again by [0-9a-f]{12}/);
    assert.match(listed.stdout, /Retention 7 days: the oldest event kept came at 20/);
    const table = await runHeadgate(
      ['replay', '--tenant', 'UA', '--url', url, '--rules', tried('UA'), '--dry-run'],
      env,
    );
    assert.match(table.stdout, /compensation, newly eligible \(the first 8\):\n {2}"/);
    const versions = await runHeadgate(['tenant', 'versions', 'UA'], env);
    assert.equal(versions.stdout.trim().split('\n').length, 4, versions.stdout);
  });

  it('says what is wrong with a request, and knows nothing of another tenant', async () => {
    const refused = async (...args: string[]) => {
      const ended = await runHeadgate(['replay', ...args, '--url', url], env);
      assert.equal(ended.code, 1);
      return ended.stderr;
    };
    assert.match(await refused('--tenant', 'UA'), /no routes/);
    assert.match(await refused('--tenant', 'UA', '--rules', '0123456789ab'), /no configuration version/);
    assert.match(await refused('--tenant', 'UA', '--into', 'nowhere'), /no subscription "nowhere"/);
    assert.match(await refused('--tenant', 'MQ', '--rules', tried('UA')), /is of tenant UA, not of MQ/);
    const { id } = await replay('UA', '--rules', 'current', '--dry-run');
    assert.match(await refused('show', id, '--tenant', 'MQ'), /No such replay/);
  });
});
