import type { Entry } from './entry.js';
import type { AuditLogPlaces } from './files.js';
import { AuditPageTokens } from './page-tokens.js';
import { readEntries, type EntryFilter, type ReadPosition } from './read.js';

/** What is asked of the log. */
interface AuditLogQuestion extends EntryFilter {
  readonly limit: number;
  readonly pageToken?: string;
  /** Who asks, and for what: a page token is good for that alone. */
  readonly about: readonly unknown[];
}

/** Reads the log by page. */
export interface AuditLogReader {
  /** @throws HeadgateError `PAGE_TOKEN_INVALID` */
  list(question: AuditLogQuestion): Promise<{ entries: readonly Entry[]; nextPageToken?: string }>;
}

/** Looked through for one page: a tenth of a second of work, in turns. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Makes what reads the log for clients. A page may be empty and have one after it, as its cost is bounded. */
export function createAuditLogReader(places: AuditLogPlaces): AuditLogReader {
  const tokens = new AuditPageTokens(places.keys);
  return {
    list: async ({ limit, pageToken, about, ...filter }) => {
      let after: ReadPosition | undefined;
      if (pageToken !== undefined) after = await tokens.open(pageToken, about);
      const { entries, next } = await readEntries(
        places,
        filter,
        { maxEntries: limit, maxBytes: MAX_BYTES },
        after,
      );
      return { entries, ...(next && { nextPageToken: await tokens.seal(next, about) }) };
    },
  };
}
