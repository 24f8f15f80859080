/** Publishes, and ends without having closed its publisher: `URL EVENTS EXIT_WITHIN_MS [crowd]`. */
import { createClient } from '../../packages/client/src/index.js';

const [url = '', events = '0', exitWithinMs = '0', crowd] = process.argv.slice(2);
const client = createClient({ url, token: 't0k3n' });
const options = { source: '/forgetful', maxDelayMs: 600_000, exitWithinMs: Number(exitWithinMs) };
const publisher = client.publisher(options);
// More than the listeners that Node finds too many.
if (crowd !== undefined) for (let n = 0; n < 20; n += 1) client.publisher(options);
for (let n = 0; n < Number(events); n += 1) void publisher.publish({ id: `e${n}`, type: 'left' });
