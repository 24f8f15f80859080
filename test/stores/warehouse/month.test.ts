import assert from 'node:assert/strict';
import { compactTenant } from '../../../src/stores/warehouse/parquet/compaction.js';
import type { FlightEvent } from '../../support/flights.js';
import { CHANGES, DAYS, eventsOf, expectedColumns, promotedOn } from '../../support/month.js';
import { batchId, event, Fixture } from './fixture.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const BEGINS = Date.parse('2024-03-01');
const TENANTS = ['UA', 'DL'];
const LOADS_A_DAY = 2;
const COLUMNS = ['delay', 'distance', 'carrier', 'gate', 'held_up_by'];

describe('a month of flights with a new field, a changed type and a promoted field on the way', function () {
  this.timeout(120_000);
  const sent = new Map<string, Map<string, FlightEvent>>(TENANTS.map((tenant) => [tenant, new Map()]));
  let fixture: Fixture;
  let clashes: number;

  before(async () => {
    fixture = new Fixture();
    clashes = 0;
    for (let day = 0; day < DAYS; day++) {
      for (const tenant of TENANTS) await loadDay(tenant, day);
      // Small files are replaced between the changes and after them.
      if (day % 6 === 5) await compact();
    }
  });
  after(() => fixture.close());

  async function loadDay(tenant: string, day: number): Promise<void> {
    const events = eventsOf(tenant, day);
    assert.ok(events.length > 100, `${events.length} events of ${tenant} on day ${day}`);
    const date = new Date(BEGINS + day * DAY_MS).toISOString().slice(0, 10);
    const size = Math.ceil(events.length / LOADS_A_DAY);
    for (let load = 0; load < LOADS_A_DAY; load++) {
      const part = events.slice(load * size, (load + 1) * size);
      const batch = fixture.batch(
        batchId(load, date.replaceAll('-', '')),
        part.map((each) => event(each.id, each)),
      );
      const result = await fixture.load(`${date}-${load}`, [batch], {
        tenant,
        day: date,
        promoted: promotedOn(day),
        loadedAt: `${date}T1${load}:00:00.000Z`,
      });
      clashes += Object.values(result.clashes ?? {}).reduce((sum, count) => sum + count, 0);
      for (const each of part) sent.get(tenant)?.set(each.id, each);
    }
  }

  function compact() {
    return Promise.all(
      TENANTS.map((tenant) => compactTenant({ root: fixture.root, tenant, olderThanMs: 0, graceMs: 0 })),
    );
  }

  for (const tenant of TENANTS) {
    it(`has every value of every event of ${tenant}: in its column, or in _clashes, and in data as it was sent`, async () => {
      const rows = await fixture.rows(
        `SELECT id, data, _clashes, ${COLUMNS.join(', ')} FROM events LIMIT 100000`,
        tenant,
      );
      const events = sent.get(tenant)!;
      assert.equal(rows.length, events.size);
      for (const [id, data, clashed, ...values] of rows) {
        const event = events.get(String(id));
        assert.deepEqual(data, event?.data, `the data of ${String(id)}`);
        const expected = expectedColumns(event!.data);
        assert.deepEqual(clashed, expected.clashes, `what clashed in ${String(id)}`);
        assert.deepEqual(
          values,
          COLUMNS.map((column) => expected.columns[column]),
          `the columns of ${String(id)}`,
        );
      }
    });
  }

  it('counts in the results of its loads what clashed, of fields that were promoted by then', () => {
    let expected = 0;
    for (let day = 0; day < DAYS; day++) {
      const promoted = promotedOn(day).map(({ column }) => column);
      for (const tenant of TENANTS)
        for (const { data } of eventsOf(tenant, day))
          expected += promoted.filter((column) => column in (expectedColumns(data).clashes ?? {})).length;
    }
    assert.ok(expected > 1_000, `${expected} clashes`);
    assert.equal(clashes, expected);
  });

  it('answers queries over the whole month by the columns alone', async () => {
    const events = [...sent.get('UA')!.values()];
    const gates = events.filter(({ data }) => data.gate === 'B1').length;
    const late = events.filter(({ data }) => Number(data.delay_minutes) > 60).length;
    const later = events.filter(({ data }) => Number.parseInt(String(data.delay_minutes), 10) > 60).length;
    assert.ok(gates > 10 && late > 10 && later > late);
    const count = async (where: string) =>
      (await fixture.rows(`SELECT count(*) FROM events WHERE ${where}`))[0]?.[0];
    assert.equal(await count(`gate = 'B1'`), gates);
    assert.equal(await count('delay > 60'), late);
    const minutes = `try_cast(split_part(_clashes->>'delay', ' ', 1) AS BIGINT)`;
    assert.equal(await count(`coalesce(delay, ${minutes}) > 60`), later);
  });

  it('was compacted before, between and after the changes', () => {
    const compacted = fixture.files().filter((name) => name.includes('~')).length;
    assert.equal(compacted, DAYS);
    assert.ok(Object.values(CHANGES).every((day) => day > 6 && day < DAYS));
  });
});
