#!/usr/bin/env bash
# openapi-python-client 0.29.1: a request body that is a list, in two media types.
# Likely guess: the function sends the list, in one of the two.
# Behaviour: the client is made without a warning, and each call raises: it asks isinstance(body, list[Thing]).
# Seen: warnings: 0; one type: 1 thing; two types: TypeError
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv; venv/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1
cat > look.py <<'PY'
import json, subprocess, sys
things = {'type': 'array', 'items': {'$ref': '#/components/schemas/Thing'}}
def operation(name, *types):
    content = {each: {'schema': things} for each in types}
    # Without an optional parameter the module with two types does not even import.
    mode = {'name': 'mode', 'in': 'query', 'schema': {'type': 'string'}}
    return {'operationId': name, 'parameters': [mode], 'requestBody': {'required': True, 'content': content}, 'responses': {'204': {'description': 'done'}}}
thing = {'type': 'object', 'required': ['id'], 'properties': {'id': {'type': 'string'}}}
paths = {'/one': {'post': operation('one', 'application/json')},
         '/two': {'post': operation('two', 'application/json', 'application/vnd.things+json')}}
document = {'openapi': '3.1.0', 'info': {'title': 'things', 'version': '1'}, 'paths': paths, 'components': {'schemas': {'Thing': thing}}}
json.dump(document, open('openapi.json', 'w'))
open('config.yaml', 'w').write('post_hooks: []\n')
made = subprocess.run([sys.executable, '-m', 'openapi_python_client', 'generate', '--path', 'openapi.json',
                       '--config', 'config.yaml', '--output-path', 'made'], capture_output=True, text=True, check=True)
sys.path.insert(0, 'made')
from things_client.api.default import one, two
from things_client.models import Thing
def of(module):
    try:
        return f"{len(module._get_kwargs(body=[Thing(id='a')])['json'])} thing"
    except TypeError as error:
        return type(error).__name__
seen = f"warnings: {(made.stdout + made.stderr).count('WARNING')}; one type: {of(one)}; two types: {of(two)}"
print(seen)
sys.exit(seen != 'warnings: 0; one type: 1 thing; two types: TypeError')
PY
venv/bin/python look.py
