"""Sends events as cloudevents 1 makes them: `send.py URL TOKEN` prints each one's id and status."""

import sys

import requests
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

URL, TOKEN = sys.argv[1:]


def send(to_message, event_id, data, **attributes):
    required = {"id": event_id, "source": "/python-1", "type": "sent"}
    headers, body = to_message(CloudEvent({**required, **attributes}, data))
    answer = requests.post(URL, data=body, headers={**headers, "authorization": f"Bearer {TOKEN}"})
    print(event_id, answer.status_code, "" if answer.ok else answer.text)


json = "application/json"
# In a header it sends Latin-1 alone, and no numbers.
latin = {"subject": "été 100%", "place": "Zürich", "time": "2026-03-01T11:00:00.123456+05:30"}
full = {**latin, "subject": "é ☃ 100%", "number": 42, "flag": True}

send(to_binary, "binary", {"n": 1.5, "city": "Zürich ☃"}, **latin)
send(to_binary, "binary-default-time", {"n": 1})
send(to_binary, "binary-typed", {"n": 1}, datacontenttype=json, time="2026-03-01t10:00:00.5z")
send(to_binary, "binary-leap-second", {"n": 1}, time="2016-12-31T23:59:60Z")
send(to_binary, "binary-text", "héllo", datacontenttype="text/plain")
send(to_binary, "binary-octets", bytes([0, 255, 128]))
send(to_binary, "binary-empty", None)
send(to_structured, "structured", {"n": 1.5, "city": "Zürich ☃"}, **full)
send(to_structured, "structured-octets", bytes([0, 255, 128]))
send(to_structured, "structured-empty", None)
