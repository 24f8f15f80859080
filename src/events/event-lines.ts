import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { HeadgateError, messageOf } from '../errors.js';
import { textLinesOf } from './ndjson.js';

/** A line of a file and how far into the file (bytes as stored) reading has come. */
export interface FileLine {
  readonly text: string;
  readonly position: number;
}

/**
 * Reads a file of UTF-8 line by line, inflating it if it begins as gzip does. Empty lines and a byte order mark are left out.
 * @throws HeadgateError `FILE_UNREADABLE`
 */
export async function* readLines(path: string): AsyncIterable<FileLine> {
  try {
    const zipped = await isGzip(path);
    const source = createReadStream(path);
    const content = zipped ? source.pipe(createGunzip()) : source;
    source.once('error', (error) => content.destroy(error));
    try {
      for await (const line of textLinesOf(content)) {
        if (line.trim() !== '') yield { text: line, position: source.bytesRead };
      }
    } finally {
      source.destroy();
    }
  } catch (error) {
    throw new HeadgateError('FILE_UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * The event on a line for `tenant`: a line is a CloudEvent, or `{"tenant": …, "event": …}`, which counts for its tenant
 * alone. Undefined for another tenant's. What is not JSON is passed on as it is: the server says what is wrong with it.
 */
export function eventFor(tenant: string, line: string): string | undefined {
  if (!line.includes('"event"') || !line.includes('"tenant"')) return line;
  let parsed: { tenant?: unknown; event?: unknown };
  try {
    parsed = JSON.parse(line) as typeof parsed;
  } catch {
    return line;
  }
  if (typeof parsed.tenant !== 'string' || typeof parsed.event !== 'object') return line;
  return parsed.tenant === tenant ? JSON.stringify(parsed.event) : undefined;
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}
