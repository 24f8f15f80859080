#!/usr/bin/env bash
# DuckDB 1.5.5 (@duckdb/node-api 1.5.5-r.5): numbers in a column of type JSON that read_json reads.
# Likely guess: a JSON column holds the text that the file has, as the objects of read_json_objects do.
# Behaviour: numbers go through a double and are printed anew: digits are lost, 1.10 becomes 1.1 and 1E2 becomes 100.0.
# Seen: read_json: [12345678901234567000.0,1.1,100.0]; read_json_objects: {"data":[12345678901234567890.12,1.10,1E2]}
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null; npm install --no-audit --no-fund --silent @duckdb/node-api@1.5.5-r.5
printf '{"data":[12345678901234567890.12,1.10,1E2]}\n' > rows.ndjson
cat > look.mjs <<'JS'
import { DuckDBInstance } from '@duckdb/node-api';
const connection = await (await DuckDBInstance.create()).connect();
const one = async (sql) => String((await connection.runAndReadAll(sql)).getRows()[0][0]);
const read = await one("SELECT data FROM read_json('rows.ndjson', columns = {data: 'JSON'})");
const objects = await one("SELECT json FROM read_json_objects('rows.ndjson')");
console.log(`read_json: ${read}; read_json_objects: ${objects}`);
const sent = '[12345678901234567890.12,1.10,1E2]';
process.exit(read !== sent && objects === `{"data":${sent}}` ? 0 : 1);
JS
node look.mjs
