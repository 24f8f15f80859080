import { CALLS, type AnalyticsCall } from '../../analytics/calls.js';

/** A path, and others that do the same: each client has its own. */
interface Paths {
  readonly path: string;
  readonly aliases: readonly string[];
}

/** Where a batch is sent. `/v1/import` is of Segment for Java, the beacon of RudderStack's browser client. */
export const BATCH_PATHS: Paths = {
  path: '/v1/batch',
  aliases: ['/v1/b', '/v1/import', '/beacon/v1/batch'],
};

/** Where one event is sent: by name, by the letter of Segment's browser client, and as Jitsu does. */
export function pathsOf(call: AnalyticsCall): Paths {
  return { path: `/v1/${call}`, aliases: [`/v1/${call.charAt(0)}`, `/api/s/${call}`] };
}

/** What Segment's browser client asks for before it sends anything. */
export const SETTINGS_PATH = '/v1/projects/{key}/settings';

/** What RudderStack's asks for. */
export const SOURCE_CONFIG_PATH = '/sourceConfig';

const ALL = [BATCH_PATHS, ...CALLS.map(pathsOf)].flatMap(({ path, aliases }) => [path, ...aliases]);
const FIXED: ReadonlySet<string> = new Set([...ALL, SOURCE_CONFIG_PATH]);
const SETTINGS = /^\/v1\/projects\/[^/]+\/settings$/;

/**
 * The path of these clients that a request means: some end it with a slash, and where the host they are given ends in one,
 * Segment for Java doubles it. Undefined for what is none of theirs.
 */
export function analyticsPath(path: string): string | undefined {
  if (path.length > 2_000) return undefined;
  const plain = path.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '');
  return FIXED.has(plain) || SETTINGS.test(plain) ? plain : undefined;
}
