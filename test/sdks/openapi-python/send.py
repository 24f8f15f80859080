"""Makes a client from the OpenAPI document of a node, and uses it: send.py URL TOKEN FOLDER.

Prints JSON: what the generator said, and what the calls gave.
"""

import json
import pathlib
import subprocess
import sys

url, token, folder = sys.argv[1:]
root = pathlib.Path(folder)
config = root / "config.yaml"
# What it makes is not formatted.
config.write_text("post_hooks: []\n")
command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{url}/openapi.json"]
command += ["--output-path", str(root / "generated"), "--config", str(config)]
made = subprocess.run(command, capture_output=True, text=True)
said = made.stdout + made.stderr
if made.returncode != 0:
    sys.exit(said)
sys.path.insert(0, str(root / "generated"))

from headgate_client import AuthenticatedClient
from headgate_client.api.decisions import get_eligibility
from headgate_client.api.events import send_events, send_user_properties
from headgate_client.api.pull import ack, pull
from headgate_client.models import AckRequest, CloudEvent, PullRequest

client = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)


def event(id, type_, data):
    made = CloudEvent(specversion="1.0", id=id, source="/py", type_=type_, subject="c-7", data=data)
    made["channel"] = "web"
    return made


known = send_user_properties.sync(client=client, body=event("p1", "known", {"plan": "gold"}))
several = [event("e1", "order.paid", {"amount": 60}), event("e2", "order.paid", {"amount": 7})]
sent = send_events.sync(client=client, body=several)
again = send_events.sync(client=client, body=several[0])
refused = send_events.sync(client=client, body=event("", "order.paid", None))
decided = get_eligibility.sync("c-7", client=client)
unknown = get_eligibility.sync("nobody", client=client)

handled = []
acknowledged = []
# Two events: each answer may have one of them.
for _ in range(10):
    messages = pull.sync("crm", client=client, body=PullRequest(max_messages=10, wait_ms=5000)).messages
    if messages:
        handled += [[each.event.id, each.event.data, each.event["channel"]] for each in messages]
        settled = ack.sync("crm", client=client, body=AckRequest(ack_ids=[each.ack_id for each in messages]))
        acknowledged += [each.status for each in settled.results]
    if len(handled) >= 2:
        break

print(
    json.dumps(
        {
            "said": said,
            "known": known.accepted,
            "sent": [[each.id, each.status] for each in sent.results],
            "again": [each.status for each in again.results],
            "refused": [each.code for each in refused.results],
            "profile": decided.profile.to_dict(),
            "decisions": [[each.rule, each.outcome, each.event_id] for each in decided.decisions],
            "unknown": [unknown.status, unknown.code],
            "handled": handled,
            "acknowledged": acknowledged,
        }
    )
)
