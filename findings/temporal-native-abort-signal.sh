#!/usr/bin/env bash
# @temporalio/client and @temporalio/worker 1.24.0: withAbortSignal over a NativeConnection.
# Likely guess: a call is called off when the signal aborts, over either connection: the interface is the same.
# Behaviour: over Connection it rejects at once; over NativeConnection the signal is ignored, and the call waits on.
# Seen: Connection: called off; NativeConnection: still waiting after 3 s
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null
npm install --no-audit --no-fund --silent @temporalio/client@1.24.0 @temporalio/worker@1.24.0
cat > look.mjs <<'JS'
import { createServer } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';

// A frontend that says what it is, and takes its time for all else.
const server = createServer();
server.on('stream', (stream, headers) => {
  if (!String(headers[':path']).endsWith('/GetSystemInfo')) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.alloc(5));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = `127.0.0.1:${server.address().port}`;

async function callOff(connection) {
  const stop = new AbortController();
  const asked = connection.withAbortSignal(stop.signal, () =>
    connection.workflowService.describeNamespace({ namespace: 'default' }),
  );
  const ended = asked.then(() => 'answered', () => 'called off');
  await sleep(500);
  stop.abort();
  return Promise.race([ended, sleep(3_000, 'still waiting after 3 s')]);
}
const grpc = await callOff(await Connection.connect({ address }));
const native = await callOff(await NativeConnection.connect({ address }));
console.log(`Connection: ${grpc}; NativeConnection: ${native}`);
process.exit(grpc === 'called off' && native.startsWith('still') ? 0 : 1);
JS
node look.mjs 2> /dev/null
