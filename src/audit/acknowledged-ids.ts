import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HeadgateError } from '../errors.js';
import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { literal } from '../stores/warehouse/sql.js';
import { isTenantId } from '../tenants/ids.js';
import type { Workspace } from './workspace.js';

/** One id that the API has acknowledged: a line of the file that `headgate send --acknowledged` writes. */
interface AcknowledgedId {
  readonly tenant: string;
  readonly stream: InputStream;
  /** Absent in lines of version 0.1.0: events of whatever source are looked for then. */
  readonly source?: string;
  readonly id: string;
}

/** What a line leaves out. */
export interface IdDefaults {
  /** Whose ids are looked at; the lines of other tenants are passed over. */
  readonly tenant?: string;
  /** The stream of lines that name none. */
  readonly stream: InputStream;
}

/**
 * A line of acknowledged ids: `{"tenant": …, "stream": …, "source": …, "id": …}`, or the id alone, as it is.
 * @throws HeadgateError `FILE_UNREADABLE`: it is neither, or names no tenant and there is no default
 */
function parseAcknowledged(line: string, number: number, defaults: IdDefaults): AcknowledgedId {
  const { tenant = defaults.tenant, stream = defaults.stream, source, id } = fieldsOf(line);
  if (typeof id !== 'string' || id === '') throw unreadable(number, 'has no "id"');
  if (!isTenantId(tenant)) throw unreadable(number, 'names no tenant; say whose ids they are with --tenant');
  const known = INPUT_STREAMS.find((each) => each === stream);
  if (known === undefined) throw unreadable(number, `names no stream of ${INPUT_STREAMS.join(', ')}`);
  if (source !== undefined && typeof source !== 'string')
    throw unreadable(number, 'has a "source" that is not text');
  return { tenant, stream: known, ...(source !== undefined && { source }), id };
}

function fieldsOf(line: string): Partial<Record<keyof AcknowledgedId, unknown>> {
  if (!line.startsWith('{')) return { id: line };
  try {
    return JSON.parse(line) as Partial<Record<keyof AcknowledgedId, unknown>>;
  } catch {
    return {};
  }
}

function unreadable(number: number, problem: string): HeadgateError {
  return new HeadgateError('FILE_UNREADABLE', `Line ${number} of the acknowledged ids ${problem}.`);
}

/**
 * Reads lines of acknowledged ids into the table `given (tenant, stream, source, id)`, each once. The ids go by a file and not
 * by SQL text: they are whatever producers chose.
 * @returns the tenants among them
 * @throws HeadgateError `FILE_UNREADABLE`, naming the line
 */
export async function readAcknowledged(
  workspace: Workspace,
  lines: AsyncIterable<string>,
  defaults: IdDefaults,
): Promise<string[]> {
  const path = join(workspace.directory, 'acknowledged.ndjson');
  // A pipeline also ends the file, and hears its errors, where a line is refused: nobody else would.
  await pipeline(acknowledgedLines(lines, defaults), createWriteStream(path));
  await workspace.run(`CREATE TABLE given AS SELECT DISTINCT tenant, stream, source, id
    FROM read_json(${literal(path)}, format = 'newline_delimited',
      columns = {tenant: 'VARCHAR', stream: 'VARCHAR', source: 'VARCHAR', id: 'VARCHAR'})`);
  const tenants = await workspace.rows('SELECT DISTINCT tenant FROM given ORDER BY tenant');
  return tenants.map(([tenant]) => String(tenant));
}

async function* acknowledgedLines(
  lines: AsyncIterable<string>,
  defaults: IdDefaults,
): AsyncGenerator<string> {
  let number = 0;
  for await (const line of lines) {
    number++;
    const acknowledged = parseAcknowledged(line, number, defaults);
    if (defaults.tenant !== undefined && acknowledged.tenant !== defaults.tenant) continue;
    yield `${JSON.stringify(acknowledged)}\n`;
  }
}
