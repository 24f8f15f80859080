#!/usr/bin/env bash
# mocha 12.0.3: SIGTERM to `mocha`, where an option for Node (here --import=) makes it start a process of its own.
# Likely guess: the run ends, as it does with Ctrl-C; a CI that gives up on a run sends SIGTERM.
# Behaviour: the command ends and the run goes on as an orphan: SIGINT is passed on, SIGTERM is not.
# Seen: the command has ended: yes; its tests went on: yes
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent mocha@12.0.3
echo > nothing.mjs
cat > slow.test.cjs <<'JS'
const { writeFileSync } = require('node:fs');
it('takes five seconds', function (done) {
  this.timeout(10_000);
  writeFileSync('began', '');
  setTimeout(() => done(writeFileSync('ended', '')), 5_000);
});
JS
node node_modules/mocha/bin/mocha.js --import=./nothing.mjs slow.test.cjs > out 2>&1 &
command=$!
for _ in $(seq 100); do [ -e began ] && break; sleep 0.1; done
[ -e began ] || { cat out; exit 1; }
kill -TERM "$command"; wait "$command" || true
ended=no; kill -0 "$command" 2> /dev/null || ended=yes
sleep 6
went_on=no; [ -e ended ] && went_on=yes
echo "the command has ended: $ended; its tests went on: $went_on"
[ "$ended" = yes ] && [ "$went_on" = yes ]
