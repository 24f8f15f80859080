import assert from 'node:assert/strict';
import { checkLoadJobs } from '../../src/commands/check-load-jobs.js';

describe('what the doctor says of load jobs', () => {
  /** A number of claims of each table, all of the last minutes. */
  const claimsOf = (counts: Record<string, number>) => ({
    times: async ({ tenant, stream }: { tenant: string; stream: string }) => {
      const count = counts[`${tenant}/${stream}`];
      if (count === undefined && tenant === 'gone') throw new Error('the bucket does not answer');
      return Array.from({ length: count ?? 0 }, () => Date.now() - 60_000);
    },
  });
  const tenants = [
    { tenant: 'UA', project: 'one' },
    { tenant: 'DL', project: 'one' },
    { tenant: 'BA', project: 'two' },
  ];

  it('is nothing where no tenant is in BigQuery', async () => {
    assert.deepEqual(await checkLoadJobs([], claimsOf({})), []);
  });

  it('is how much of its quota each project has used, and the table that is nearest to its own', async () => {
    const counts = { 'UA/events': 288, 'UA/decisions': 200, 'DL/events': 1_000, 'BA/events': 7 };
    assert.deepEqual(await checkLoadJobs(tenants, claimsOf(counts)), [
      {
        check: 'load jobs',
        verdict: 'ok',
        found: 'project one: 1,488 of 100,000 in 24 hours; most of one table: DL events, 1,000 of 1,500',
      },
      {
        check: 'load jobs',
        verdict: 'ok',
        found: 'project two: 7 of 100,000 in 24 hours; most of one table: BA events, 7 of 1,500',
      },
    ]);
  });

  it('is a warning from 70 % on, of a table or of a project', async () => {
    const [table] = await checkLoadJobs(tenants, claimsOf({ 'BA/events': 1_050 }));
    assert.equal(table?.verdict, 'warn');
    assert.match(table?.found ?? '', /^project two: /);
    assert.match(table?.fix ?? '', /warehouse\.window/);
    const many = Array.from({ length: 100 }, (_, n) => ({ tenant: `t${n}`, project: 'full' }));
    const counts = Object.fromEntries(many.map(({ tenant }) => [`${tenant}/events`, 700]));
    const [project] = await checkLoadJobs(many, claimsOf(counts));
    assert.equal(project?.verdict, 'warn');
    assert.match(project?.found ?? '', /^project full: 70,000 of 100,000 in 24 hours/);
  });

  it('names the ten projects that have used most, and counts the others', async () => {
    const many = Array.from({ length: 30 }, (_, n) => ({ tenant: `t${n}`, project: `p${n}` }));
    const findings = await checkLoadJobs(many, claimsOf({ 't20/events': 500 }));
    assert.equal(findings.length, 11);
    assert.match(findings[0]?.found ?? '', /^project p20: 500 of/);
    assert.equal(findings[10]?.found, '20 more projects have used less of their quotas');
  });

  it('says so when it cannot know', async () => {
    const findings = await checkLoadJobs([...tenants, { tenant: 'gone', project: 'one' }], claimsOf({}));
    const last = findings.at(-1);
    assert.equal(last?.verdict, 'warn');
    assert.match(last?.found ?? '', /^not known of 1 of 4 tenants/);
  });
});
