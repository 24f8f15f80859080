"""Verifies signed requests, a JSON object a line on stdin, with the Python packages standardwebhooks and svix, and ed25519
signatures with cryptography; prints "ok" or what is wrong, a line each."""

import base64
import json
import sys

import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verify(request):
    headers, body = request["headers"], request["body"]
    if request.get("publicKey"):
        return verify_ed25519(request["publicKey"], headers, body)
    for library in (standardwebhooks, svix.webhooks):
        library.Webhook(request["secret"]).verify(body, headers)


def verify_ed25519(public_key, headers, body):
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for each in headers["webhook-signature"].split():
        version, signature = each.split(",", 1)
        if version == "v1a":
            try:
                return key.verify(base64.b64decode(signature), content)
            except InvalidSignature:
                pass
    raise ValueError("no signature fits")


for line in sys.stdin:
    try:
        verify(json.loads(line))
        print("ok")
    except Exception as error:
        print(repr(error))
