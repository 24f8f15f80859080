#!/usr/bin/env bash
# @marcbachmann/cel-js 8.0.0: durations below zero with a fraction.
# Likely guess: duration("-0.5s") + duration("1s") is half a second, as in cel-go, and so more than zero.
# Behaviour: the sum is minus half a second: the fraction loses its sign when two durations are added.
# Seen: more than zero: false; equal to -0.5s: true
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent @marcbachmann/cel-js@8.0.0
cat > look.mjs <<'JS'
import { evaluate } from '@marcbachmann/cel-js';
const positive = evaluate('duration("-0.5s") + duration("1s") > duration("0s")');
const negative = evaluate('duration("-0.5s") + duration("1s") == duration("-0.5s")');
console.log(`more than zero: ${positive}; equal to -0.5s: ${negative}`);
process.exit(positive === false && negative === true ? 0 : 1);
JS
node look.mjs
