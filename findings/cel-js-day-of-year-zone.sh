#!/usr/bin/env bash
# @marcbachmann/cel-js 8.0.0: getDayOfYear() without a zone.
# Likely guess: UTC, as CEL defines for accessors without a zone, wherever the process runs.
# Behaviour: the answer depends on the TZ of the process on days after a change of summer time.
# Seen: UTC: 181; America/New_York: 180
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent @marcbachmann/cel-js@8.0.0
cat > look.mjs <<'JS'
import { evaluate } from '@marcbachmann/cel-js';
console.log(String(evaluate('timestamp("2026-07-01T12:00:00Z").getDayOfYear()')));
JS
utc=$(TZ=UTC node look.mjs); york=$(TZ=America/New_York node look.mjs)
echo "UTC: $utc; America/New_York: $york"
[ "$utc" = 181 ] && [ "$york" = 180 ]
