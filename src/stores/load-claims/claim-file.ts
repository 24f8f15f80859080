import { LRUCache } from 'lru-cache';
import { STREAMS, type Stream } from '../../events/event.js';
import { assertTenantId } from '../../tenants/ids.js';
import type { ClaimPlace, LoadClaim } from './load-claims.js';
import { isDayName } from '../../platform/time.js';

/** Batch ids remembered over all tenants: about 25 MB at most. Beyond it, claims are read again. */
const MAX_REMEMBERED = 250_000;

/** Beside the directories of a tenant's streams; no stream has this name. */
const CLAIMS = 'load-claims';

/** What the name of a claim's file ends with. */
const ENDING = '.json';

const NAME = /^[A-Za-z0-9_-]{1,240}$/;

/** The parts of the path of a stream's claims below a store's root. */
export function streamParts(tenant: string, stream: Stream): readonly string[] {
  if (!STREAMS.includes(stream)) throw new Error(`there is no stream ${JSON.stringify(stream)}`);
  return [assertTenantId(tenant), CLAIMS, stream];
}

/** The parts of a claim's path below a store's root; checked here, where they become a path. */
export function claimParts({ tenant, stream, day, name }: ClaimPlace): readonly string[] {
  if (!isDayName(day) || !NAME.test(name))
    throw new Error(`no claim can be at ${JSON.stringify([day, name])}`);
  return [...streamParts(tenant, stream), day, `${name}${ENDING}`];
}

/** The name of the claim in a file; undefined for any other file. */
export function claimNameOf(fileName: string): string | undefined {
  const name = fileName.endsWith(ENDING) ? fileName.slice(0, -ENDING.length) : '';
  return NAME.test(name) ? name : undefined;
}

/** A claim as it is kept. */
export function encodeClaim(claim: LoadClaim): Buffer {
  return Buffer.from(`${JSON.stringify(claim)}\n`);
}

/** A claim as it was kept. Files appear whole, so one that cannot be read has been damaged: that is no claim to pass over. */
export function decodeClaim(path: string, bytes: Buffer): LoadClaim {
  try {
    const claim = JSON.parse(bytes.toString('utf8')) as LoadClaim;
    if (Array.isArray(claim.batchIds) && typeof claim.loadId === 'string') return claim;
  } catch {
    // Said below.
  }
  throw new Error(
    `the claim ${path} is damaged; put it back from a backup, for it says what has been loaded`,
  );
}

/** What has been read of claims: they never change. */
export function rememberedClaims(): LRUCache<string, LoadClaim> {
  return new LRUCache({ maxSize: MAX_REMEMBERED, sizeCalculation: ({ batchIds }) => 1 + batchIds.length });
}
