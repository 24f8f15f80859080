/** A process that starts a development server, says its process id, and stays until it is killed. */
import { startDevServer } from '../../../src/temporal/dev-server/dev-server.js';
import type { DevServerOptions } from '../../../src/temporal/dev-server/dev-server-arguments.js';

const server = await startDevServer(JSON.parse(process.argv[2] as string) as DevServerOptions);
console.log(server.pid);
setInterval(() => {}, 60_000);
