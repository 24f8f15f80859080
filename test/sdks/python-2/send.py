"""Sends events as cloudevents 2 makes them: `send.py URL TOKEN` prints each one's id and status."""

import sys
from datetime import datetime, timedelta, timezone

import requests
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

URL, TOKEN = sys.argv[1:]


def send(to_message, event_id, data, **attributes):
    required = {"id": event_id, "source": "/python-2", "type": "sent"}
    message = to_message(CloudEvent({**required, **attributes}, data))
    headers = {**message.headers, "authorization": f"Bearer {TOKEN}"}
    answer = requests.post(URL, data=message.body, headers=headers)
    print(event_id, answer.status_code, "" if answer.ok else answer.text)


india = timezone(timedelta(hours=5, minutes=30))
full = {
    "subject": 'é ☃ 100% "5%25"',
    "time": datetime(2026, 3, 1, 11, 0, 0, 123456, india),
    "place": '"Zürich ☃"',
    "number": 42,
    "flag": True,
}
utc = datetime(2026, 3, 1, 11, 0, 0, tzinfo=timezone.utc)
json_octets = '{"città": 1.5}'.encode()

send(to_binary_event, "binary é %", {"n": 1.5, "city": "Zürich ☃"}, **full)
send(to_binary_event, "binary-typed", {"n": 1}, datacontenttype="application/json", time=utc)
send(to_binary_event, "binary-text", "héllo ☃", datacontenttype="text/plain")
send(to_binary_event, "binary-text-as-json", "hello", datacontenttype="application/json")
send(to_binary_event, "binary-untyped-text", "[draft] héllo")
send(to_binary_event, "binary-octets", bytes([0, 255, 128]))
send(to_binary_event, "binary-png", bytes([0, 255]), datacontenttype="image/png")
send(to_binary_event, "binary-empty", None)
send(to_structured_event, "structured é %", {"n": 1.5, "city": "Zürich ☃"}, **full)
send(to_structured_event, "structured-text", "héllo", datacontenttype="text/plain")
send(to_structured_event, "structured-octets", bytes([0, 255, 128]))
send(to_structured_event, "structured-json-octets", json_octets, datacontenttype="application/json")
send(to_structured_event, "structured-empty", None)
