import { lookup as dnsLookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import type { AddressRange } from '../../platform/env-reader.js';

/** Resolves a host name to all its addresses. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** What {@link createGuardedConnector} needs. */
export interface AddressGuardOptions {
  /** Ranges that may be connected to though they are not public, and by plain http. */
  readonly allow: readonly AddressRange[];
  /** Default: as Node resolves names. */
  readonly resolve?: Resolve;
  /** Until a connection is there, TLS included, milliseconds. */
  readonly connectTimeoutMs: number;
}

/** `code` of the error when an address must not be connected to. */
export const ADDRESS_REFUSED = 'HEADGATE_ADDRESS_REFUSED';

/** An address, or all addresses of a name, must not be connected to. */
class AddressRefused extends Error {
  readonly code = ADDRESS_REFUSED;
}

/** Public, but inside each virtual machine of Azure it is the host's own agent. */
const AZURE_AGENT = '168.63.129.16';
/** What IPv6 has given out as global unicast until now. */
const GLOBAL_V6: AddressRange = ipaddr.parseCIDR('2000::/3');

/**
 * Why an address must not be connected to; undefined if it may. Public addresses may by https; others, and plain http,
 * only where they are in an allowed range. An IPv4 address inside an IPv6 one counts as the former.
 */
export function refusalOf(
  address: string,
  protocol: string,
  allow: readonly AddressRange[],
): string | undefined {
  if (!ipaddr.isValid(address)) return 'it is no IP address';
  const ip = ipaddr.process(address);
  if (allow.some((range) => ip.kind() === range[0].kind() && ip.match(range))) return undefined;
  if (protocol !== 'https:') return 'plain http is for allowed ranges only';
  const global = ip.kind() === 'ipv4' || ip.match(GLOBAL_V6);
  if (ip.range() === 'unicast' && global && ip.toString() !== AZURE_AGENT) return undefined;
  return `its range is ${ip.range() === 'unicast' ? 'reserved' : ip.range()}`;
}

/**
 * A connector for undici that goes to public addresses alone. The check is made where the connection is: on what the name
 * was resolved to for this very connection (so that a name cannot change its address in between), on addresses that
 * stand in the URL themselves, and once more on the address that was connected to, before anything is sent.
 */
export function createGuardedConnector(options: AddressGuardOptions): buildConnector.connector {
  const { allow, connectTimeoutMs, resolve = resolveAll } = options;
  const connectors = new Map<string, buildConnector.connector>();
  const connectorOf = (protocol: string): buildConnector.connector => {
    const lookup = guardedLookup(resolve, (address) => refusalOf(address, protocol, allow));
    // Tries the next address when one does not answer: an IPv6 address that leads nowhere, above all.
    return buildConnector({ lookup, timeout: connectTimeoutMs, autoSelectFamily: true } as object);
  };
  for (const protocol of ['https:', 'http:']) connectors.set(protocol, connectorOf(protocol));

  return (target, callback) => {
    const { hostname, protocol } = target;
    const connect = connectors.get(protocol);
    const literal = isIP(hostname) === 0 ? undefined : refusalOf(hostname, protocol, allow);
    const refused = connect === undefined ? `its protocol is ${protocol}` : literal;
    if (refused !== undefined || connect === undefined)
      return void callback(new AddressRefused(`${hostname}: ${refused}`), null);
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null);
      const reached = refusalOf(socket.remoteAddress ?? '', protocol, allow);
      if (reached === undefined) return callback(null, socket);
      socket.destroy();
      callback(new AddressRefused(`${hostname}: ${reached}`), null);
    });
  };
}

type LookupCallback = (error: Error | null, address: LookupAddress[] | string, family?: number) => void;
type Lookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => void;

/** Of a name's addresses those that may be connected to; an error if there is none. */
function guardedLookup(resolve: Resolve, refusal: (address: string) => string | undefined): Lookup {
  const allowed = async (hostname: string): Promise<LookupAddress[]> => {
    const found = await resolve(hostname);
    const addresses = found.filter(({ address }) => refusal(address) === undefined);
    if (addresses.length > 0) return addresses;
    const reason = found[0] === undefined ? 'it has no address' : refusal(found[0].address);
    throw new AddressRefused(`${hostname}: ${reason}`);
  };
  return (hostname, { all }, callback) => {
    allowed(hostname).then(
      (addresses) =>
        all === true
          ? callback(null, addresses)
          : callback(null, addresses[0]!.address, addresses[0]!.family),
      (error: Error) => callback(error, []),
    );
  };
}

function resolveAll(hostname: string): Promise<LookupAddress[]> {
  return new Promise((done, failed) => {
    dnsLookup(hostname, { all: true }, (error, addresses) =>
      error === null ? done(addresses) : failed(error),
    );
  });
}
