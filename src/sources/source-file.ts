import { join } from 'node:path';
import { HeadgateError } from '../errors.js';
import { integer, list, map, object, optional, text, type Wire } from '../platform/json-schema.js';
import { ownSchema, whatIsWrong } from '../platform/own-schema.js';
import { assertTenantId, isTenantId } from '../tenants/ids.js';

/** What the name of a source is like. */
export const SOURCE_NAME = '[a-z][a-z0-9_-]{0,62}';

/** Most sources of a tenant. */
export const MOST_SOURCES = 100;
/** Most keys of a source that are valid at once. */
export const MOST_KEYS = 10;
/** As many sources with as many keys, origins and types as there may be take 1.5 MB. */
export const MOST_FILE_BYTES = 2 * 1024 * 1024;

// As browsers send it: in lower case, without a path, and without a port that is the scheme's own.
const ORIGIN = '^(?!https:.*:443$|http:.*:80$)https?://([a-z0-9.-]+|\\[[0-9a-f:.]+\\])(:[1-9][0-9]{0,4})?$';

/** Origins of pages that may send with the keys of a source. */
export const ALLOWED_ORIGINS = list(
  text({
    pattern: ORIGIN,
    maxLength: 255,
    $comment:
      'an origin as browsers send it, such as https://shop.example or http://localhost:3000: in lower case, without a path',
  }),
  { minItems: 1, maxItems: 20, uniqueItems: true },
);

/** Types of events that a source may send. */
export const EVENT_TYPES = list(
  text({
    pattern: '^[^*]*\\*?$',
    minLength: 1,
    maxLength: 255,
    $comment: 'an event type, or its beginning with a star at the end: track.*',
  }),
  { minItems: 1, maxItems: 20, uniqueItems: true },
);

/** A key of a source: all that is kept of it. */
const KEY = object({
  /** No two of a tenant have the same. */
  id: integer({ minimum: 1 }),
  hash: text({ pattern: '^[0-9a-f]{64}$' }),
  /** Its last characters, by which people tell it from others. */
  ends: text({ maxLength: 4 }),
  madeAt: text(),
  by: text(),
  validUntil: optional(text()),
});

const SOURCE = object({
  madeAt: text(),
  by: text(),
  allowedOrigins: optional(ALLOWED_ORIGINS),
  eventTypes: optional(EVENT_TYPES),
  /** The newest first. */
  keys: list(KEY, { maxItems: MOST_KEYS }),
});

const FILE = object({
  /** Whose it is: a copy under another name is nobody's. */
  tenant: text(),
  /** Keys that were made, which are their ids. */
  made: integer({ minimum: 0 }),
  sources: map(SOURCE, { maxProperties: MOST_SOURCES, propertyNames: { pattern: `^${SOURCE_NAME}$` } }),
});

/** A key of a source, without the key itself. */
export type KeptKey = Wire<typeof KEY>;

/** A source of a tenant. */
export type KeptSource = Wire<typeof SOURCE>;

/** The sources of a tenant. */
export type SourceFile = Wire<typeof FILE>;

const isSourceFile = ownSchema<SourceFile>(FILE, { verbose: true });

/** Where a tenant's sources are. */
export function sourcePath(dir: string, tenant: string): string {
  return join(dir, `${assertTenantId(tenant)}.json`);
}

/** The tenant whose file has this name; undefined for the name of another file. */
export function tenantOfSourceFile(name: string): string | undefined {
  const tenant = name.slice(0, -'.json'.length);
  return name.endsWith('.json') && isTenantId(tenant) ? tenant : undefined;
}

/**
 * Reads the text of a file; none is that of a tenant without sources.
 * @throws HeadgateError `SOURCES_DAMAGED` (retryable): it may be put back
 */
export function decodeSourceFile(tenant: string, content: string | undefined): SourceFile {
  if (content === undefined) return { tenant, made: 0, sources: {} };
  if (content.length > MOST_FILE_BYTES) throw damaged(tenant, `it is longer than ${MOST_FILE_BYTES} bytes`);
  const file = parsed(tenant, content);
  if (!isSourceFile(file)) throw damaged(tenant, whatIsWrong(isSourceFile.errors));
  if (file.tenant !== tenant) throw damaged(tenant, `it is the file of ${file.tenant.slice(0, 63)}`);
  return file;
}

/** The text of a file. @throws HeadgateError `STATE_CONFLICT`: it would be larger than one may be */
export function encodeSourceFile(file: SourceFile): string {
  const content = `${JSON.stringify(file, undefined, 1)}\n`;
  if (Buffer.byteLength(content) <= MOST_FILE_BYTES) return content;
  const message = `The sources of ${file.tenant} would take more than ${MOST_FILE_BYTES} bytes: delete some first.`;
  throw new HeadgateError('STATE_CONFLICT', message);
}

function parsed(tenant: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // The message of the parser would repeat what is in it.
    throw damaged(tenant, 'it is not JSON');
  }
}

function damaged(tenant: string, problem: string): HeadgateError {
  const message = `The write keys of ${tenant} are damaged, in sources/${tenant}.json of the data directory: ${problem}. Put the file back from a backup, or delete it and make the sources again.`;
  return new HeadgateError('SOURCES_DAMAGED', message, { retryable: true });
}
