import { isIPv6, type Socket } from 'node:net';

const IPV4_IN_IPV6 = '::ffff:';
/** What one holder of IPv6 addresses usually has: 64 bits, four of the eight groups. @see RFC 6177 */
const NETWORK_GROUPS = 4;

/**
 * Who is at the other end of a connection, as far as bounds per address go: its IPv4 address, or the /64 network of its
 * IPv6 address, since one host may use all addresses of that. Behind a proxy it is the proxy.
 */
export function addressOf({ remoteAddress = 'unknown' }: Pick<Socket, 'remoteAddress'>): string {
  if (remoteAddress.startsWith(IPV4_IN_IPV6)) return remoteAddress.slice(IPV4_IN_IPV6.length);
  return isIPv6(remoteAddress) ? networkOf(remoteAddress) : remoteAddress;
}

/** The address at the other end of a connection, whole. Behind a proxy it is the proxy's. */
export function peerOf({ remoteAddress = 'unknown' }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress.startsWith(IPV4_IN_IPV6) ? remoteAddress.slice(IPV4_IN_IPV6.length) : remoteAddress;
}

function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - rest.length }, () => '0');
  return `${[...groups, ...zeros, ...rest].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
