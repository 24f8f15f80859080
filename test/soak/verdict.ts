import type { TenantAudit } from '../../src/audit/tenant-audit.js';
import { runHeadgate } from '../support/headgate.js';
import { WORKLOAD_RULES } from '../support/workload.js';

type Env = Readonly<Record<string, string>>;

/** What is wrong after a soak; nothing, if all is well. */
export interface Verdict {
  readonly missing: number;
  readonly doubled: number;
  readonly decisionsMissing: number;
  readonly decisionsDoubled: number;
  /** Decisions that say that a state was not what its event expected. */
  readonly decisionsWrong: number;
}

/** Asks `headgate audit` about the acknowledged ids, and the warehouse about decisions that must all be eligible. */
export async function judge(env: Env, idsFile: string, tenants: readonly string[]): Promise<Verdict> {
  const audited = await runHeadgate(['audit', '--ids', idsFile, '--json'], env);
  if (audited.stdout === '') throw new Error(`headgate audit failed: ${audited.stderr}`);
  const results = (JSON.parse(audited.stdout) as { tenants: TenantAudit[] }).tenants;
  const sum = (kind: 'missing' | 'doubled' | 'decisionsMissing' | 'decisionsDoubled'): number =>
    results.reduce((total, result) => total + result[kind].count, 0);
  let decisionsWrong = 0;
  for (const tenant of tenants) decisionsWrong += await wrongDecisions(env, tenant);
  return {
    missing: sum('missing'),
    doubled: sum('doubled'),
    decisionsMissing: sum('decisionsMissing'),
    decisionsDoubled: sum('decisionsDoubled'),
    decisionsWrong,
  };
}

/** True when there is nothing wrong. */
export function isSound(verdict: Verdict): boolean {
  return Object.values(verdict).every((count) => count === 0);
}

async function wrongDecisions(env: Env, tenant: string): Promise<number> {
  const always = WORKLOAD_RULES.filter((rule) => rule !== 'large').map((rule) => `'${rule}'`);
  const sql = `SELECT count(*) AS wrong FROM decisions WHERE outcome <> 'eligible' AND rule IN (${always.join()})`;
  const { code, stdout, stderr } = await runHeadgate(['query', tenant, sql, '--json'], env);
  if (code !== 0) throw new Error(`headgate query failed: ${stderr}`);
  return Number((JSON.parse(stdout) as { wrong: number }[])[0]?.wrong);
}
