#!/usr/bin/env bash
# RudderStack's SDK for Node 3.0.13: 25 events are tracked in a row, then flush() is awaited.
# Likely guess: once it resolves, all of them have been sent and answered, so that the process may exit.
# Behaviour: each event from the 20th on begins a flush of its own; the one that is awaited finds an empty queue, and
# resolves while the others' requests are under way. A process that exits then loses events.
# Seen: of 25, 1 was answered when flush() resolved; of 15, 15
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init --yes > /dev/null
npm install --silent --ignore-scripts --no-audit --no-fund @rudderstack/rudder-sdk-node@3.0.13
cat > run.mjs <<'JS'
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import Analytics from '@rudderstack/rudder-sdk-node';

let answered = 0;
const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => setTimeout(() => {
    answered += JSON.parse(gunzipSync(Buffer.concat(chunks))).batch.length;
    response.end('OK');
  }, 300));
}).listen(0, '127.0.0.1', async () => {
  const dataPlaneUrl = `http://127.0.0.1:${server.address().port}`;
  const seen = [];
  for (const count of [25, 15]) {
    answered = 0;
    const analytics = new Analytics('key', { dataPlaneUrl, flushInterval: 500 });
    for (let n = 0; n < count; n++) analytics.track({ userId: 'u', event: 'e', properties: { n } });
    await analytics.flush();
    seen.push(`of ${count}, ${answered}`);
    // What is under way still is not the next one's.
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  console.log(`answered when flush() resolved: ${seen.join('; ')}`);
  process.exit();
});
JS
seen=$(node run.mjs); echo "$seen"
[ "$seen" = 'answered when flush() resolved: of 25, 1; of 15, 15' ]
