import assert from 'node:assert/strict';
import { join } from 'node:path';
import { rowsInFiles, type ParquetTable } from './parquet.js';
import { tokenFor } from './producer.js';
import { outcomeOf, WORKLOAD_RULES, type Workload } from './workload.js';

/**
 * Asserts that the Parquet files themselves hold every event that was sent once, and every decision once and as the
 * workload says.
 */
export async function assertOnceInFiles(dataDir: string, workload: Workload): Promise<void> {
  const { tenant } = workload;
  const warehouse = join(dataDir, 'warehouse');
  const ids = async (table: ParquetTable) => (await rowsInFiles(warehouse, tenant, table, 'id')).map(String);
  assertSameOnce(await ids('events'), workload.ids.events, `events of ${tenant}`);
  assertSameOnce(
    await ids('user_properties'),
    workload.ids['user-properties'],
    `user properties of ${tenant}`,
  );
  const rows = await rowsInFiles(warehouse, tenant, 'decisions', 'event_id, rule, outcome, reason');
  const found = rows.map(([event, rule]) => `${event} ${rule}`);
  assertSameOnce(found, [...workload.decisions.keys()], `decisions of ${tenant}`);
  const wrong = rows.filter(
    ([event, rule, outcome]) => workload.decisions.get(`${event} ${rule}`) !== outcome,
  );
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} decisions of ${tenant} with the wrong outcome`);
}

/** Says how many are missing, unknown and there twice, and some of each; a diff of thousands says nothing. */
function assertSameOnce(found: readonly string[], wanted: readonly string[], what: string): void {
  const [distinct, expected] = [new Set(found), new Set(wanted)];
  const missing = wanted.filter((each) => !distinct.has(each));
  const unknown = [...distinct].filter((each) => !expected.has(each));
  const report = {
    missing: [missing.length, ...missing.slice(0, 5)],
    unknown: [unknown.length, ...unknown.slice(0, 5)],
    twice: found.length - distinct.size,
  };
  assert.deepEqual(report, { missing: [0], unknown: [0], twice: 0 }, `${what}, of ${expected.size}`);
}

interface Eligibility {
  readonly profile: { readonly revision?: number };
  readonly decisions: readonly {
    readonly rule: string;
    readonly outcome: string;
    readonly eventId: string;
  }[];
}

/** Asserts that `GET /v1/eligibility/:subject` says of every subject what the workload says of its latest order. */
export async function assertCurrent(url: string, dataDir: string, workload: Workload): Promise<void> {
  const authorization = `Bearer ${await tokenFor(dataDir, workload.tenant, 'decisions:read')}`;
  for (const [subject, { last, revision }] of workload.subjects) {
    if (revision === 0) continue;
    const response = await fetch(`${url}/v1/eligibility/${encodeURIComponent(subject)}`, {
      headers: { authorization },
    });
    assert.equal(response.status, 200, subject);
    const { profile, decisions } = (await response.json()) as Eligibility;
    assert.equal(profile.revision, revision, `revision of ${subject}`);
    if (last === undefined) continue;
    const rules = Object.fromEntries(
      decisions.map(({ rule, outcome, eventId }) => [rule, `${eventId} ${outcome}`]),
    );
    const wanted = WORKLOAD_RULES.map((rule) => [rule, `${last.id} ${outcomeOf(rule, last.large)}`]);
    assert.deepEqual(rules, Object.fromEntries(wanted), subject);
  }
}
