import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryTenant } from '../../src/stores/warehouse/parquet/query.js';
import { writeField } from '../../src/events/promoted-field.js';
import type { FlightEvent } from '../support/flights.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { CHANGES, eventsOf, expectedColumns, promotedOn } from '../support/month.js';
import { until } from '../support/until.js';

const LOADED_WITHIN_MS = 30_000;
const COLUMNS = ['delay', 'distance', 'carrier', 'gate', 'held_up_by'];
const TENANT = 'UA';

describe('a node whose tenant and producer change what events are', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let token: string;
  const sent = new Map<string, FlightEvent>();

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-changes-'));
    env = await nodeEnvironment(dir);
    await mkdir(join(dir, 'from'));
    await writeTenant(0);
    ({ url } = await spawnHeadgate(['start', '--tenants', join(dir, 'from')], env).ready());
    token = (await runHeadgate(['token', '--tenant', TENANT, '--scope', 'admin'], env)).stdout.trim();
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  /** The tenant's file of a day of the month. */
  async function writeTenant(day: number, promote = promotions(day)): Promise<string> {
    const path = join(dir, 'from', `${TENANT}.yaml`);
    const warehouse = { window: '1s', promote };
    await writeFile(path, JSON.stringify({ tenant: TENANT, warehouse }));
    return path;
  }
  const promotions = (day: number) =>
    promotedOn(day).map(({ path, column, type }) => ({ field: writeField(path), column, type }));
  const apply = (path: string) => runHeadgate(['tenant', 'apply', path], env);

  async function sendDay(day: number): Promise<void> {
    const events = eventsOf(TENANT, day);
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    const answer = (await response.json()) as { accepted: number };
    assert.deepEqual([response.status, answer.accepted], [202, events.length]);
    for (const each of events) sent.set(each.id, each);
    await until(async () => assert.equal((await rows('count(*)'))[0]?.[0], sent.size), LOADED_WITHIN_MS);
  }

  const rows = async (select: string): Promise<unknown[][]> =>
    (await queryTenant({ root: join(dir, 'warehouse'), tenant: TENANT, sql: `SELECT ${select} FROM events` }))
      .rows;

  it('loads every value without a pause, whatever changes, and each is found', async () => {
    for (const day of [0, ...Object.values(CHANGES)]) {
      assert.equal((await apply(await writeTenant(day))).code, 0);
      await sendDay(day);
    }
    for (const [id, data, clashed, ...values] of await rows(`id, data, _clashes, ${COLUMNS.join()}`)) {
      const { data: wanted } = sent.get(String(id))!;
      const { columns, clashes } = expectedColumns(wanted);
      assert.deepEqual([data, clashed], [wanted, clashes], String(id));
      assert.deepEqual(
        values,
        COLUMNS.map((column) => columns[column]),
        String(id),
      );
    }
  });

  it('shows what has clashed, and refuses to make a column mean something else', async () => {
    const { stdout } = await runHeadgate(['schema', TENANT], env);
    const clashed = [...sent.values()].filter(({ data }) => 'delay' in (expectedColumns(data).clashes ?? {}));
    const count = clashed.length.toLocaleString('en-US');
    assert.match(
      stdout,
      new RegExp(`│ delay +│ BIGINT +│ delay_minutes +│ \\S+ \\S+ │ +\\S+ │ +${count} │ "-?\\d+ min" +│`),
    );
    const [first, ...rest] = promotions(CHANGES.promoted);
    const refused = await apply(await writeTenant(0, [{ ...first!, type: 'text' }, ...rest]));
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /the column delay has the integer of delay_minutes by an earlier configuration/,
    );
    const { stderr } = await runHeadgate(['audit', '--tenant', TENANT], env);
    assert.equal(stderr, '');
  });
});
