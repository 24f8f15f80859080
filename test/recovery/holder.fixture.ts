/** A process that opens its holdings in a directory, says its name, and waits to be killed: `<address> <namespace> <root>`. */
import { Client, Connection } from '@temporalio/client';
import { openHoldings } from '../../src/recovery/holdings.js';
import { SILENT } from '../support/pipeline.js';

const [address, namespace, root = ''] = process.argv.slice(2);
const client = new Client({ connection: await Connection.connect({ address }), namespace });
const holdings = await openHoldings({ root, client, log: SILENT });
holdings.taken(Buffer.from('a task'));
process.stdout.write(`${holdings.identity}\n`);
setInterval(() => undefined, 60_000);
