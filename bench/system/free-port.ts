import { randomInt } from 'node:crypto';
import { isPortFree } from '../../src/platform/ports.js';

/**
 * Above 10,080, the highest port that `fetch` refuses to talk to, and below what systems give to outgoing connections
 * (from 32,768 on in Linux), one of which could take the port again.
 * @see https://fetch.spec.whatwg.org/#port-blocking
 */
const PORTS = [10_081, 32_768] as const;

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    if (await isPortFree('127.0.0.1', port)) return port;
  }
}
