#!/usr/bin/env bash
# DuckDB 1.5.5 (@duckdb/node-api 1.5.5-r.5): TRY_CAST of a text that is no whole number to BIGINT.
# Likely guess: NULL for '30.7' and '1e3', as for 'two'; TRY_CAST is how one asks whether a text is of a type.
# Behaviour: the text is read as a decimal and rounded; to ask for whole numbers, ask json_type or a pattern.
# Seen: 30.7: 31; 1e3: 1000; 0.4: 0; two: null
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent @duckdb/node-api@1.5.5-r.5
cat > look.mjs <<'JS'
import { DuckDBInstance } from '@duckdb/node-api';
const connection = await (await DuckDBInstance.create()).connect();
const cast = async (text) => (await connection.runAndReadAll(`SELECT TRY_CAST('${text}' AS BIGINT)`)).getRows()[0][0];
const seen = [];
for (const text of ['30.7', '1e3', '0.4', 'two']) seen.push(`${text}: ${await cast(text)}`);
console.log(seen.join('; '));
process.exit(seen.join('; ') === '30.7: 31; 1e3: 1000; 0.4: 0; two: null' ? 0 : 1);
JS
node look.mjs
