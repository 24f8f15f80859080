#!/usr/bin/env bash
# @marcbachmann/cel-js 8.0.0: timestamp() and the microseconds that Python writes.
# Likely guess: every RFC 3339 time is taken, however it is written; Python's datetime.isoformat() of a UTC time is one.
# Behaviour: texts of more than 30 characters are refused with an error that calls them no ISO 8601.
# Seen: Z form: taken; +00:00 form of the same time: refused
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent @marcbachmann/cel-js@8.0.0
cat > look.mjs <<'JS'
import { evaluate } from '@marcbachmann/cel-js';
const taken = (text) => {
  try {
    return evaluate(`timestamp("${text}") > timestamp("2020-01-01T00:00:00Z")`) === true ? 'taken' : 'wrong';
  } catch {
    return 'refused';
  }
};
const [short, long] = ['2026-11-28T10:00:00.123456Z', '2026-11-28T10:00:00.123456+00:00'].map(taken);
console.log(`Z form: ${short}; +00:00 form of the same time: ${long}`);
process.exit(short === 'taken' && long === 'refused' ? 0 : 1);
JS
node look.mjs
