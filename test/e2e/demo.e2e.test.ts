import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectedDecisions, readWeek } from '../support/flights.js';
import { killAll, ownEnvironment, runHeadgate, type Finished } from '../support/headgate.js';
import { assertExact } from '../support/parquet.js';

const EVENTS = 12_142;
const AIRCRAFT = 1_729;

describe('the demo: a real week of flights of 15 tenants, end to end', function () {
  this.timeout(90_000);
  const events = readWeek('events');
  const properties = readWeek('user-properties');
  let dir: string;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-demo-'));
    env = await ownEnvironment(dir);
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const demo = () => runHeadgate(['demo', '--exit'], env);

  /** The numbers of the table's last row: aircraft, events, duplicates, eligible by rule, rows of the warehouse. */
  function totals({ stdout }: Finished): number[] {
    const row = stdout.split('\n').find((line) => line.startsWith('all ')) ?? '';
    return row.trim().split(/\s+/).slice(1, -1).map((cell) => Number(cell.replaceAll(',', ''))); // prettier-ignore
  }

  /** Every event once in the Parquet files, and every decision as computed from the input apart from Headgate. */
  async function assertWarehouse(): Promise<number> {
    let decided = 0;
    for (const tenant of events.keys()) {
      const sent = { events: events.get(tenant) ?? [], properties: properties.get(tenant) ?? [] };
      const decisions = expectedDecisions(sent.events, sent.properties);
      await assertExact(join(dir, 'warehouse'), tenant, { ...sent, decisions });
      decided += decisions.size;
    }
    return decided;
  }

  it('loses nothing, doubles nothing, and decides as a separate computation does', async () => {
    const finished = await demo();
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    assert.match(finished.stdout, /Everything adds up/);
    const decided = await assertWarehouse();
    const [compensation, large, swap] = [60, 72, 28];
    const eligible = [compensation, large, swap];
    assert.deepEqual(totals(finished), [AIRCRAFT, EVENTS, 0, ...eligible, EVENTS, AIRCRAFT, decided]);
    assert.equal(events.size, 15);
    for (const hint of [/curl -s http/, /headgate query/, /\/namespaces\/default\/workflows\/batch/])
      assert.match(finished.stdout, hint);
  });

  it('run again on the same data, reports every event as a duplicate and adds nothing', async () => {
    const finished = await demo();
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    assert.equal(totals(finished)[2], EVENTS + AIRCRAFT);
    await assertWarehouse();
  });
});
