import { claimedLoads } from '../activities/warehouse/load-control/claimed-loads.js';
import type { BudgetedTenant, ProjectUsage } from '../activities/warehouse/load-control/job-counts.js';
import { LoadBudget } from '../activities/warehouse/load-control/load-budget.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import { LOAD_JOBS } from '../stores/warehouse/load-quotas.js';
import type { Finding } from './finding.js';

const CHECK = 'load jobs';
/** From this share of a quota on it deserves a look. */
const WARN_AT = 0.7;
/** Projects that have a line of their own: those that have used most. */
const MAX_PROJECTS = 10;

/** Looks how many load jobs each project of the tenants in BigQuery has had in 24 hours; no finding where none is there. */
export async function checkLoadJobs(
  tenants: readonly BudgetedTenant[],
  claims: Pick<LoadClaims, 'times'>,
): Promise<Finding[]> {
  if (tenants.length === 0) return [];
  const unknown: unknown[] = [];
  const budget = new LoadBudget({
    tenants: () => tenants,
    loadsSince: claimedLoads(claims),
    log: { warn: (...line) => void unknown.push(line), info: () => undefined },
  });
  await budget.refresh();
  const usages = budget.usage().sort((left, right) => shareOf(right) - shareOf(left));
  const findings = usages.slice(0, MAX_PROJECTS).map(findingOf);
  if (usages.length > MAX_PROJECTS) {
    const found = `${usages.length - MAX_PROJECTS} more projects have used less of their quotas`;
    findings.push({ check: CHECK, verdict: 'ok', found });
  }
  if (unknown.length > 0) {
    const found = `not known of ${unknown.length} of ${tenants.length} tenants, so that these are too few`;
    findings.push({ check: CHECK, verdict: 'warn', found, fix: 'see that the batches can be read' });
  }
  return findings;
}

function findingOf(usage: ProjectUsage): Finding {
  const { project, used, busiest } = usage;
  const ofTable = busiest
    ? `; most of one table: ${busiest.tenant} ${busiest.stream}, ${amount(busiest.used, LOAD_JOBS.perTable)}`
    : '';
  const found = `project ${project}: ${amount(used, LOAD_JOBS.perProject)} in 24 hours${ofTable}`;
  if (shareOf(usage) < WARN_AT) return { check: CHECK, verdict: 'ok', found };
  const fix =
    'before a quota is reached, loads wait; give tenants longer windows (warehouse.window) or projects of their own (warehouse.project)';
  return { check: CHECK, verdict: 'warn', found, fix };
}

/** The larger of the shares of the two quotas. */
function shareOf({ used, busiest }: ProjectUsage): number {
  return Math.max(used / LOAD_JOBS.perProject, (busiest?.used ?? 0) / LOAD_JOBS.perTable);
}

function amount(used: number, of: number): string {
  return `${Math.round(used).toLocaleString('en-US')} of ${of.toLocaleString('en-US')}`;
}
