import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import Table from 'cli-table3';
import { HeadgateError, messageOf } from '../errors.js';
import type { ChangedSecret, ShownSecret } from '../tenant-changes/secrets.js';
import { overlapSecondsOf } from './overlap-option.js';
import { changeTenants, readTenants, reasonOf, tenantPath, type ManagingOptions } from './tenants-api.js';
import { cell, print, printError } from './terminal-text.js';

/** Options of `headgate secret`. */
export interface SecretOptions extends ManagingOptions {
  readonly tenant: string;
  readonly json?: boolean;
  readonly kind?: string;
  /** A path, or `-`. */
  readonly valueFrom?: string;
  readonly overlap?: string;
  readonly id?: string;
}

/** Lists the secrets of a tenant. */
export async function listSecrets(options: SecretOptions): Promise<void> {
  const answer = await readTenants(options).call<{ secrets: ShownSecret[] }>('GET', pathOf(options));
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2));
  const table = new Table({
    head: ['name', 'kind', 'id', 'made', 'by', 'valid until', 'used by'],
    style: { head: [], border: [] },
  });
  for (const { name, kind, values, usedBy } of answer.secrets)
    for (const { id, madeAt, by, validUntil = '' } of values)
      table.push([name, kind, id, madeAt, cell(by), validUntil, usedBy.join(', ')]);
  print(table.toString());
}

/** Makes a secret. */
export async function makeSecret(name: string, options: SecretOptions): Promise<void> {
  const { kind } = options;
  const body = { name, kind, ...(await valueOf(options)), ...reasonOf(options) };
  report(await changeTenants(options).call<ChangedSecret>('POST', pathOf(options), body));
}

/** Gives a secret a new value. */
export async function rotateSecret(name: string, options: SecretOptions): Promise<void> {
  const body = {
    overlapSeconds: overlapSecondsOf(options),
    ...(await valueOf(options)),
    ...reasonOf(options),
  };
  const path = `${pathOf(options)}/${encodeURIComponent(name)}/rotate`;
  report(await changeTenants(options).call<ChangedSecret>('POST', path, body));
}

/** Ends a secret. */
export async function revokeSecret(name: string, options: SecretOptions): Promise<void> {
  const { id } = options;
  const query = new URLSearchParams({ ...(id !== undefined && { id }), ...reasonOf(options) });
  const path = `${pathOf(options)}/${encodeURIComponent(name)}?${query.toString()}`;
  report(await changeTenants(options).call<ChangedSecret>('DELETE', path));
}

function pathOf({ tenant }: SecretOptions): string {
  return `${tenantPath(tenant)}/secrets`;
}

/** Never an argument: every user of a machine can read those of a process. */
async function valueOf({ valueFrom }: SecretOptions): Promise<{ value?: string }> {
  if (valueFrom === undefined) return {};
  try {
    const read = valueFrom === '-' ? await text(process.stdin) : await readFile(valueFrom, 'utf8');
    // Editors and `echo` end a file with a line break.
    return { value: read.replace(/\r?\n$/, '') };
  } catch (error) {
    const message = `Cannot read ${valueFrom}: ${messageOf(error)}.`;
    throw new HeadgateError('FILE_UNREADABLE', message, { cause: error });
  }
}

/** The value alone goes to stdout, for a pipe into where it is needed. */
function report({ name, change, value, values, usedBy }: ChangedSecret): void {
  const ids = values.map(({ id, validUntil }) =>
    validUntil === undefined ? id : `${id} until ${validUntil}`,
  );
  printError(`${name} ${change}; valid: ${ids.join(', ') || 'none'}`);
  const [{ publicKey } = {} as { publicKey?: string }] = values;
  if (publicKey !== undefined) printError(`receivers verify by ${publicKey}`);
  if (values.length === 0 && usedBy.length > 0)
    printError(`what is to be delivered by ${usedBy.join(', ')} waits until there is one again`);
  if (value === undefined) return;
  printError('This is its value. Nobody can read it again:');
  print(value);
}
