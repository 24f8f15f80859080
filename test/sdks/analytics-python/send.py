"""Tracks events with a published analytics SDK, as a shop's backend would.

    send.py CLIENT HOST KEY COUNT [MILLISECONDS BETWEEN EVENTS]

Prints a line `sent N` now and then, and in the end JSON: what the SDK says that it could not send.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

import rudderstack.analytics.client as rudder
import segment.analytics.client as segment

NAME, HOST, KEY, COUNT, *PAUSE = sys.argv[1:]
START = datetime(2026, 3, 1, 10, tzinfo=timezone.utc)
failures = []


def failed(error, batch):
    failures.extend({"id": each["messageId"], "reason": str(error)} for each in batch)


CLIENTS = {"segment-python": segment.Client, "rudder-python": rudder.Client}
client = CLIENTS[NAME](KEY, host=HOST, on_error=failed, max_retries=20)
client.identify("u-1", {"plan": "silver", "seats": 3}, anonymous_id="anonymous-u-1")
for number in range(int(COUNT)):
    client.track(
        f"u-{number % 50}",
        "Ticket Booked",
        {"number": number, "price": number + 0.5, "city": "Zürich ☃"},
        timestamp=START + timedelta(seconds=number),
        message_id=f"{NAME}-{number}",
    )
    if number % 20 == 19:
        print(f"sent {number + 1}", flush=True)
    time.sleep(float(PAUSE[0] if PAUSE else 0) / 1000)
client.shutdown()
print(json.dumps({"client": NAME, "failures": failures}), flush=True)
