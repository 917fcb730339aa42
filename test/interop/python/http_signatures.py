"""Signs HTTP requests (RFC 9421) with the package `http-message-signatures`, and verifies what others signed.

Standard input is JSON: {"action": "sign" | "verify", "key": HEX, "method": …, "url": …, "body": TEXT or null, "headers": {…}}; `key`
is the Ed25519 seed or the public key. Prints the headers of the signed request, or what a verified signature covers.

Usage: http_signatures.py
"""

import datetime
import json
import secrets
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric import ed25519
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

TAG = "sessiond"
asked = json.load(sys.stdin)
KEY = bytes.fromhex(asked["key"])
body = None if asked["body"] is None else asked["body"].encode()
message = SimpleNamespace(method=asked["method"], url=asked["url"], headers=dict(asked["headers"]))


class OneKey(HTTPSignatureKeyResolver):
    """Knows the one key, whatever it is called."""

    def resolve_private_key(self, key_id):
        return ed25519.Ed25519PrivateKey.from_private_bytes(KEY)

    def resolve_public_key(self, key_id):
        return ed25519.Ed25519PublicKey.from_public_bytes(KEY)


if asked["action"] == "sign":
    private = ed25519.Ed25519PrivateKey.from_private_bytes(KEY)
    covered = ["@method", "@authority", "@path", "@query", "authorization"]
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=OneKey()).sign(
        message,
        key_id=private.public_key().public_bytes_raw().hex(),
        created=datetime.datetime.now(tz=datetime.timezone.utc),
        nonce=secrets.token_urlsafe(16),
        label="from-python",
        tag=TAG,
        covered_component_ids=covered + (["content-digest"] if body is not None else []),
        body=body,
    )
    print(json.dumps(message.headers))
else:
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=OneKey())
    (result,) = verifier.verify(message, expect_tag=TAG, body=body)
    print(json.dumps(list(result.covered_components.keys())))
