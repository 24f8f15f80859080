import Table from 'cli-table3';
import { DAY_MS } from '../platform/time.js';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import { printable } from '../platform/printable.js';
import { checkKept, type KeptCheck, type SchemaTally } from '../schema-trials/check-kept.js';
import { openBatchStore } from '../roles/stores.js';
import { readConfigFile } from '../tenants/config/tenant-file.js';
import { cell, print } from './terminal-text.js';

/** Options of `headgate schema check`. */
export interface CheckOptions {
  readonly from?: number;
  readonly to?: number;
  readonly show: number;
  readonly json: boolean;
}

/** Checks a tenant's kept events against the schemas of a file. */
export async function runCheck(file: string, options: CheckOptions): Promise<void> {
  const { config, schemas } = await readConfigFile(file);
  const { tenant } = config;
  if (schemas === undefined)
    throw new HeadgateError('TENANT_CONFIG_INVALID', `${file} has no schemas to check events against.`);
  const { to = Date.now(), show, json } = options;
  const { from = to - DAY_MS } = options;
  if (from >= to) throw new HeadgateError('PARAMETER_INVALID', '--from must be before --to.');
  const store = await openBatchStore(loadConfig());
  const found = await checkKept({ store, tenant, schemas, from, to, show });
  const range = { tenant, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  print(
    json
      ? `${JSON.stringify({ ...range, ...found }, undefined, 2)}\n`
      : `${tenant}: ${number(found.events)} events received from ${range.from} to ${range.to}\n${report(found)}`,
  );
  if (found.schemas.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

function report({ schemas, withoutSchema, unreadable }: KeptCheck): string {
  const table = new Table({
    head: ['type', 'dataschema', 'mode', 'pass', 'fail'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'left', 'right', 'right'],
  });
  for (const { type, dataschema, mode, passed, failed } of schemas)
    table.push([cell(type), cell(dataschema ?? 'any other'), mode, number(passed), number(failed)]);
  const rest = [
    ...(withoutSchema === 0 ? [] : [`${number(withoutSchema)} have no schema.`]),
    ...(unreadable === 0 ? [] : [`${number(unreadable)} batch files could not be read.`]),
  ];
  return [table.toString(), ...schemas.flatMap(problemLines), ...rest, ''].join('\n');
}

/** Ids and keys are other people's text, so they are shown as JSON. */
function problemLines({ type, problems }: SchemaTally): string[] {
  return problems.map(({ id, stream, batchId, pointer, message }) =>
    printable(
      `${type}: ${JSON.stringify(id)} of ${stream}, batch ${batchId}: ${JSON.stringify(`data${pointer}`)} ${message}`,
    ),
  );
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
