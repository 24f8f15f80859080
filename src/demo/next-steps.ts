import type { Config } from '../config.js';
import { HeadgateError } from '../errors.js';
import { signToken } from '../keys/key-set.js';
import { queryTenant } from '../stores/warehouse/parquet/query.js';

/** Three things to try, with real names from the data: a request, a query, and a batch in the Temporal UI. */
export async function nextSteps(
  config: Config,
  url: string,
  warehouseRoot: string,
  tenant: string,
): Promise<string> {
  const sql =
    "SELECT subject, batch_id FROM decisions WHERE rule = 'compensation' AND outcome = 'eligible' ORDER BY time LIMIT 1";
  const { rows } = await queryTenant({ root: warehouseRoot, tenant, sql });
  const [subject, batchId] = (rows[0] ?? []).map(String);
  if (subject === undefined || batchId === undefined)
    throw new HeadgateError('NOT_FOUND', `No decision of ${tenant} is in the warehouse.`);
  const claims = {
    tenant,
    scope: 'decisions:read batches:read',
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
  };
  const token = await signToken(config.dataDir, { ...claims, expiresInSeconds: 24 * 3600 });
  const link = await batchLink(url, batchId, token);
  return `Three things to try:

1. What has been decided about aircraft ${subject}:
   curl -s ${url}/v1/eligibility/${encodeURIComponent(subject)} -H "Authorization: Bearer ${token}"

2. The most delayed departures in ${tenant}'s warehouse:
   npx headgate query ${tenant} "SELECT subject, time, data->>'dest' AS dest, (data->>'delay_minutes')::INT AS delay FROM events WHERE type = 'flight.departed' ORDER BY delay DESC LIMIT 5"

3. The history of batch ${batchId} in the Temporal UI:
   ${link}
`;
}

async function batchLink(url: string, batchId: string, token: string): Promise<string> {
  const response = await fetch(`${url}/v1/batches/${batchId}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const receipt = (await response.json()) as { workflow?: { url?: string; workflowId?: string } };
  return (
    receipt.workflow?.url ?? `workflow ${receipt.workflow?.workflowId ?? batchId}; TEMPORAL_UI_URL is not set`
  );
}
