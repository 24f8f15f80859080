#!/usr/bin/env bash
# ajv 8.17.1: multipleOf 0.01, for amounts of money.
# Likely guess: 19.99 and 4.35 are multiples of 0.01; JSON Schema means the numbers as they are written.
# Behaviour: the quotient of the two doubles has to be whole, so one amount in nine from 0.00 to 1000.00 is refused.
# Seen: 19.99: false; 4.35: false; refused from 0.00 to 1000.00: 11426 of 100001
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent ajv@8.17.1
cat > look.mjs <<'JS'
import { Ajv } from 'ajv';
const isAmount = new Ajv().compile({ type: 'number', multipleOf: 0.01 });
let refused = 0;
for (let cents = 0; cents <= 100_000; cents++) if (!isAmount(Number((cents / 100).toFixed(2)))) refused++;
console.log(`19.99: ${isAmount(19.99)}; 4.35: ${isAmount(4.35)}; refused from 0.00 to 1000.00: ${refused} of 100001`);
process.exit(!isAmount(19.99) && !isAmount(4.35) && refused === 11426 ? 0 : 1);
JS
node look.mjs
