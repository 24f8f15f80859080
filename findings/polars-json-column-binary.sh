#!/usr/bin/env bash
# polars 2.1.0: a Parquet column with the logical type JSON, here written by DuckDB 1.5.6.
# Likely guess: String, as a column of the logical type STRING; Parquet says that JSON is UTF-8 text.
# Behaviour: Binary, so that .str fails until the column is cast; pl.selectors.binary() finds them all.
# Seen: json: Binary; text: String; .str of json: SchemaError; cast: {"a":1}
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv; venv/bin/pip install --quiet --disable-pip-version-check polars==2.1.0 duckdb==1.5.6
cat > look.py <<'PY'
import duckdb, polars as pl, sys
duckdb.sql("COPY (SELECT CAST('{\"a\":1}' AS JSON) AS json, 'b' AS text) TO 'f.parquet'")
frame = pl.read_parquet('f.parquet')
try:
    of_json = str(frame.select(pl.col('json').str.len_chars()).item())
except pl.exceptions.PolarsError as error:
    of_json = type(error).__name__
cast = frame.select(pl.selectors.binary().cast(pl.String)).item()
seen = f"json: {frame.schema['json']}; text: {frame.schema['text']}; .str of json: {of_json}; cast: {cast}"
print(seen)
sys.exit(seen != 'json: Binary; text: String; .str of json: SchemaError; cast: {"a":1}')
PY
venv/bin/python look.py
