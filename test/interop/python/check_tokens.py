"""Checks session tokens with libraries that share no code with the server: protobuf and `cryptography`.

Reads test vectors (test/vectors/tokens.json) and prints, as one JSON list, the reason for which each token
is refused, or null. Then issues a token of its own, for the other side to check.

Usage: check_tokens.py VECTORS STUBS_DIRECTORY
"""

import hashlib
import json
import sys
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

VECTORS, STUBS = sys.argv[1:]
sys.path.insert(0, STUBS)

from refs import types_pb2 as refs  # noqa: E402
from service import meta_pb2 as meta, verify_pb2 as verify  # noqa: E402

MAX_TOKEN_BYTES = 1024
VERBS = meta.SessionToken.Body.Verb


class Refused(Exception):
    pass


def need(value, reason):
    if not value:
        raise Refused(reason)


def is_signed(key, sign, content):
    """The schemes of the protocol, told apart by the lengths."""
    try:
        if len(key) == 32 and len(sign) == 64:
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(sign, content)
        elif len(key) == 33 and (len(sign) == 64 or (len(sign) == 65 and sign[0] == 4)):
            digest = hashes.SHA256() if len(sign) == 64 else hashes.SHA512()
            r, s = (int.from_bytes(part, "big") for part in (sign[-64:-32], sign[-32:]))
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
            point.verify(utils.encode_dss_signature(r, s), content, ec.ECDSA(digest))
        else:
            return False
        return True
    except (InvalidSignature, ValueError):
        return False


def speaks_for(key, owner):
    if len(owner) == 32:
        return key == owner
    if len(owner) != 25 or len(key) != 33:
        return False
    script = b"\x0c\x21" + key + b"\x41\x56\xe7\xb3\x27"
    script_hash = hashlib.new("ripemd160", hashlib.sha256(script).digest()).digest()
    account = b"\x35" + script_hash
    return owner == account + hashlib.sha256(hashlib.sha256(account).digest()).digest()[:4]


def has_unknown(message):
    if len(UnknownFieldSet(message)) > 0:
        return True
    parts = [value for field, value in message.ListFields() if field.message_type is not None]
    return any(has_unknown(part) for part in parts)


def read(token):
    """The token, whose signed part is the very slice that stands in the received bytes."""
    need(len(token) <= MAX_TOKEN_BYTES, "MALFORMED")
    try:
        parsed = meta.SessionToken.FromString(token)
    except DecodeError:
        raise Refused("MALFORMED") from None
    need(not has_unknown(parsed), "MALFORMED")
    need(parsed.HasField("token") and parsed.HasField("signature"), "MISSING_FIELD")
    need(parsed.signature.key and parsed.signature.sign, "MISSING_FIELD")
    need(parsed.SerializeToString(deterministic=True) == token, "MALFORMED")
    body = parsed.token
    need(body.id, "MISSING_FIELD")
    need(len(body.id) == 16 and uuid.UUID(bytes=body.id).version == 4, "INVALID_FIELD")
    need(body.owner_id.value, "MISSING_FIELD")
    need(len(body.owner_id.value) <= 64 and body.verb in VERBS.values(), "INVALID_FIELD")
    need(body.HasField("lifetime"), "MISSING_FIELD")
    need(body.lifetime.nbf <= body.lifetime.exp, "INVALID_FIELD")
    need(body.session_key, "MISSING_FIELD")
    need(len(body.session_key) in (32, 33), "INVALID_FIELD")
    if body.HasField("object_address"):
        address = body.object_address
        need(address.container_id.value, "MISSING_FIELD")
        need(address.object_id.value or not address.HasField("object_id"), "MISSING_FIELD")
    return parsed


def allows(body, container, object_id):
    if not body.HasField("object_address"):
        return True
    address = body.object_address
    return address.container_id.value == container and (
        not address.HasField("object_id") or address.object_id.value == object_id
    )


def check(token, use):
    parsed = read(token)
    body, signature = parsed.token, parsed.signature
    epoch = int(use["epoch"])
    need(body.lifetime.nbf <= epoch, "NOT_YET_VALID")
    need(epoch <= body.lifetime.exp, "EXPIRED")
    need(VERBS.Name(body.verb) == use["verb"], "VERB_NOT_ALLOWED")
    container, object_id = (use[name] and bytes.fromhex(use[name]) for name in ("container", "object"))
    need(allows(body, container, object_id), "OBJECT_NOT_ALLOWED")
    need(speaks_for(signature.key, body.owner_id.value), "OWNER_KEY_MISMATCH")
    # The token has one form, so that serializing its body gives the bytes that were signed.
    need(is_signed(signature.key, signature.sign, body.SerializeToString(deterministic=True)), "BAD_SIGNATURE")
    if use["proof"]:
        content, sign = (bytes.fromhex(use["proof"][name]) for name in ("content", "signature"))
        need(is_signed(body.session_key, sign, content), "BAD_PROOF")


def reason(vector):
    try:
        check(bytes.fromhex(vector["token"]), vector["use"])
        return None
    except Refused as refused:
        return str(refused)


def issue(now):
    """A token that this library signs, with a proof by its session key."""
    owner, session_key = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    public = [
        key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for key in (owner, session_key)
    ]
    body = meta.SessionToken.Body(
        id=uuid.uuid4().bytes,
        owner_id=refs.OwnerID(value=public[0]),
        verb=VERBS.Value("OBJECT_SEARCH"),
        lifetime=meta.TokenLifetime(exp=now + 10, nbf=now, iat=now),
        session_key=public[1],
        object_address=refs.Address(container_id=refs.ContainerID(value=b"c" * 32)),
    )
    signature = verify.Signature(key=public[0], sign=owner.sign(body.SerializeToString(deterministic=True)))
    token = meta.SessionToken(token=body, signature=signature).SerializeToString(deterministic=True)
    return {"token": token.hex(), "proof": session_key.sign(b"a request").hex()}


with open(VECTORS, encoding="utf-8") as file:
    vectors = json.load(file)
print(json.dumps({"reasons": [reason(vector) for vector in vectors], "issued": issue(1_700_000_000)}))
