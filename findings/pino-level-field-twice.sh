#!/usr/bin/env bash
# pino 10.4.0: a field of a line that is called `level`, as of a breaker, a battery or a log that is passed on.
# Likely guess: the logger's own `level` wins, or the field is renamed or refused: it is what every reader filters by.
# Behaviour: the line has the key twice, first pino's, then the field's. JSON.parse, jq and most collectors take the last:
# a warning appears at the level that the field says. `time` and `msg` in an object are written twice as well.
# Seen: {"level":40,"level":75,"msg":"breaker"} is read as level 75
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null && npm install --no-audit --no-fund --silent pino@10.4.0
cat > look.mjs <<'JS'
import pino from 'pino';
const lines = [];
const log = pino({ base: undefined, timestamp: false }, { write: (line) => lines.push(line.trim()) });
log.warn({ level: 75 }, 'breaker');
log.warn({ msg: 'mine' }, 'pino’s');
console.log(lines.join('\n'), '\nread as level', JSON.parse(lines[0]).level);
const keys = (line, key) => line.split(`"${key}":`).length - 1;
process.exit(keys(lines[0], 'level') === 2 && JSON.parse(lines[0]).level === 75 ? 0 : 1);
JS
node look.mjs || { echo changed; exit 1; }
