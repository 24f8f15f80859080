#!/usr/bin/env bash
# CloudEvents SDK for Python 1.13.0: a text as text/plain, in binary mode.
# Likely guess: the body is the text, as its type says, and as version 2 sends it.
# Behaviour: the text is put into JSON, quotes and escapes included, under text/plain.
# Seen: 1.13.0: "h\u00e9llo"; 2.2.0: héllo
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
for version in 1.13.0 2.2.0; do
  python3 -m venv $version; $version/bin/pip install --quiet --disable-pip-version-check cloudevents==$version
done
cat > one.py <<'PY'
from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent

attributes = {"source": "/s", "type": "t", "datacontenttype": "text/plain"}
print(to_binary(CloudEvent(attributes, "héllo"))[1].decode())
PY
cat > two.py <<'PY'
from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.v1.event import CloudEvent

attributes = {"source": "/s", "type": "t", "datacontenttype": "text/plain"}
print(to_binary_event(CloudEvent(attributes, "héllo")).body.decode())
PY
one=$(1.13.0/bin/python -X utf8 one.py 2> /dev/null); two=$(2.2.0/bin/python -X utf8 two.py)
echo "1.13.0: $one; 2.2.0: $two"
[ "$one" = '"h\u00e9llo"' ] && [ "$two" = héllo ]
