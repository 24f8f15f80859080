#!/usr/bin/env bash
# ClickHouse 26.9 (chdb 4.4.0): a Parquet column with the logical type JSON, here written by DuckDB 1.5.6.
# Likely guess: the JSON that is in the file, as JSONExtract would read it from a String.
# Behaviour: it becomes the type JSON: members that are null are gone, keys are sorted, and one value that is an array
# or a number fails the whole query. input_format_parquet_enable_json_parsing = 0 gives the text.
# Seen: {"a":1,"b":2}; parsing off: {"b":2,"n":null,"a":1}; of [1]: Code: 117
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check chdb==4.4.0 chdb-core==26.9.0 duckdb==1.5.6
for json in '{"b":2,"n":null,"a":1}' '[1]'; do
  venv/bin/python -c "import duckdb, sys
duckdb.sql(f\"COPY (SELECT CAST('{sys.argv[1]}' AS JSON) AS json) TO '{sys.argv[2]}'\")" "$json" "${#json}.parquet"
done
cat > look.py <<'PY'
import chdb, re, sys
def read(file, settings=''):
    try:
        return str(chdb.query(f"SELECT json FROM file('{file}') {settings}", 'TSVRaw')).strip()
    except Exception as error:
        return re.search(r'Code: \d+', str(error)).group()
text = read('22.parquet', 'SETTINGS input_format_parquet_enable_json_parsing = 0')
seen = f"{read('22.parquet')}; parsing off: {text}; of [1]: {read('3.parquet')}"
print(seen)
sys.exit(seen != '{"a":1,"b":2}; parsing off: {"b":2,"n":null,"a":1}; of [1]: Code: 117')
PY
venv/bin/python look.py
