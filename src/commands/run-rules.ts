import Table from 'cli-table3';
import { loadConfig } from '../config.js';
import { HeadgateError, messageOf } from '../errors.js';
import { OTHER_TENANTS } from '../observability/tenant-labels.js';
import { assertTenantId } from '../tenants/ids.js';
import { warnOfUnknownTenant } from './unknown-tenant.js';

/** Options of `headgate rules errors`. */
export interface RulesOptions {
  readonly tenant: string;
  /** Default: this machine, `HEADGATE_PORT`. */
  readonly url?: string;
  readonly json: boolean;
}

interface Failing {
  readonly owner: string;
  readonly name: string;
  readonly code: string;
  readonly count: number;
}

const LINE =
  /^headgate_expression_failures_total\{tenant="([^"]*)",owner="([^"]*)",name="([^"]*)",code="([^"]*)"\} (\S+)$/gm;

const UNKNOWN =
  'Expressions have failed of tenants that metrics do not name, maybe of this one: raise HEADGATE_METRICS_TENANTS.';

/**
 * Shows which expressions of a tenant fail, the most frequent first.
 * @throws HeadgateError `REQUEST_FAILED`: nobody answers, or the node has no metrics
 */
export async function errors({ tenant, url, json }: RulesOptions): Promise<void> {
  const config = loadConfig();
  const text = await scrape(url ?? `http://${config.host}:${config.port}`);
  assertTenantId(tenant);
  if (url === undefined) await warnOfUnknownTenant(config.dataDir, tenant, 'nothing of it can have failed');
  const lines = [...text.matchAll(LINE)];
  const failing = lines
    .filter((found) => found[1] === tenant)
    .map(([, , owner, name, code, count]) => ({ owner, name, code, count: Number(count) }) as Failing)
    .sort((left, right) => right.count - left.count);
  // What is counted for tenants without a label may be this one's, or not.
  const isUnknown = failing.length === 0 && lines.some((found) => found[1] === OTHER_TENANTS);
  const said = isUnknown ? UNKNOWN : report(failing);
  process.stdout.write(`${json ? JSON.stringify({ errors: failing }, undefined, 2) : said}\n`);
}

async function scrape(base: string): Promise<string> {
  const refused = (reason: string, cause?: unknown) =>
    new HeadgateError('REQUEST_FAILED', `${base}/metrics does not answer (${reason}).`, { cause });
  const response = await fetch(new URL('/metrics', base)).catch((error: unknown) => {
    throw refused(messageOf(error instanceof Error ? (error.cause ?? error) : error), error);
  });
  if (!response.ok) throw refused(`${response.status}; is HEADGATE_METRICS off?`);
  return response.text();
}

function report(failing: readonly Failing[]): string {
  if (failing.length === 0) return 'No expression has failed since the node was started.';
  const table = new Table({ head: ['of', 'name', 'kind', 'times'], style: { head: [], border: [] } });
  for (const { owner, name, code, count } of failing) table.push([owner, name, code, count]);
  return table.toString();
}
