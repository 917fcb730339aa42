"""A client of session.Session that shares no code with the server.

It speaks through grpcio, with stubs that are made from the contracts, and signs and verifies with
the package `cryptography`. Runs every scenario once and prints what it saw as one JSON object, by
the scenario's name.

Usage: client.py ADDRESS STUBS_DIRECTORY
"""

import hashlib
import json
import sys
import time
import uuid

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from grpc_health.v1 import health_pb2, health_pb2_grpc

ADDRESS, STUBS = sys.argv[1:]
sys.path.insert(0, STUBS)

from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from refs import types_pb2 as refs  # noqa: E402
from service import meta_pb2 as meta, verify_pb2 as verify  # noqa: E402
from session import service_pb2 as session, service_pb2_grpc  # noqa: E402


CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class Ed25519Key:
    """Signs in 64 bytes; its own owner id."""

    def __init__(self):
        self._key = ed25519.Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.owner = self.public

    def sign(self, content):
        return self._key.sign(content)


class P256Key:
    """An N3 account. Signs in 65 bytes with SHA-512, or in 64 with SHA-256."""

    def __init__(self, digest):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._digest = digest
        self.public = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.CompressedPoint
        )
        script = b"\x0c\x21" + self.public + b"\x41\x56\xe7\xb3\x27"
        script_hash = hashlib.new("ripemd160", hashlib.sha256(script).digest()).digest()
        account = b"\x35" + script_hash
        checksum = hashlib.sha256(hashlib.sha256(account).digest()).digest()[:4]
        self.owner = account + checksum

    def sign(self, content):
        r, s = utils.decode_dss_signature(self._key.sign(content, ec.ECDSA(self._digest)))
        tag = b"\x04" if self._digest.name == "sha512" else b""
        return tag + r.to_bytes(32, "big") + s.to_bytes(32, "big")


def stable(message):
    return message.SerializeToString(deterministic=True)


def signature(key, content):
    return verify.Signature(key=key.public, sign=key.sign(content))


def build_request(key, owner=None, idempotency_key=None, issued_ago_s=0, valid_s=3600):
    now = int(time.time())
    body = session.CreateRequest.Body(
        owner_id=refs.OwnerID(value=owner or key.owner),
        lifetime=meta.TokenLifetime(exp=now + valid_s, nbf=now, iat=now - issued_ago_s),
    )
    name = idempotency_key or str(uuid.uuid4())
    header = meta.RequestMetaHeader(
        version=meta.Version(major=2),
        epoch=now,
        ttl=2,
        x_headers=[meta.XHeader(key="idempotency-key", value=name)],
    )
    return session.CreateRequest(
        body=body,
        meta_header=header,
        verify_header=verify.RequestVerificationHeader(
            body_signature=signature(key, stable(body)),
            meta_signature=signature(key, stable(header)),
            origin_signature=signature(key, b""),
        ),
    )


def forward(request, hop):
    """What a node on the way makes of a request."""
    header = meta.RequestMetaHeader(
        version=meta.Version(major=2),
        epoch=request.meta_header.epoch,
        ttl=request.meta_header.ttl - 1,
        origin=request.meta_header,
    )
    return session.CreateRequest(
        body=request.body,
        meta_header=header,
        verify_header=verify.RequestVerificationHeader(
            meta_signature=signature(hop, stable(header)),
            origin_signature=signature(hop, stable(request.verify_header)),
            origin=request.verify_header,
        ),
    )


def verify_response(response):
    """Checks the three signatures; returns their key. Raises InvalidSignature."""
    header = response.verify_header
    server_key = header.body_signature.key
    for signed, content in [
        (header.body_signature, stable(response.body)),
        (header.meta_signature, stable(response.meta_header)),
        (header.origin_signature, b""),
    ]:
        if signed.key != server_key:
            raise InvalidSignature("one level, two keys")
        ed25519.Ed25519PublicKey.from_public_bytes(server_key).verify(signed.sign, content)
    return server_key


def request_digest(request):
    """What the x-header `request` of the answer must be."""
    innermost = request.meta_header
    while innermost.HasField("origin"):
        innermost = innermost.origin
    return hashlib.sha256(stable(request.body) + stable(innermost)).hexdigest()


def opened(request):
    """A session that the server must open, and what its answer says."""
    response = stub.Create(request, timeout=10)
    answers = {header.key: header.value for header in response.meta_header.x_headers}
    return {
        "id": response.body.id.hex(),
        "session_key": response.body.session_key.hex(),
        "server_key": verify_response(response).hex(),
        "answers": answers.get("request"),
        "digest": request_digest(request),
    }


def refused(request):
    """A request that the server must refuse, and what it says of that."""
    try:
        stub.Create(request, timeout=10)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        facts = {"code": error.code().name, "status_code": CODE_NAMES[status.code]}
        for detail in status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                if detail.Is(kind.DESCRIPTOR):
                    message = kind()
                    detail.Unpack(message)
                    facts |= read_detail(message)
        return facts
    raise AssertionError("the server accepted what it must refuse")


def read_detail(message):
    if isinstance(message, error_details_pb2.ErrorInfo):
        return {"reason": message.reason, "metadata": dict(message.metadata)}
    return {"fields": [violation.field for violation in message.field_violations]}


def wrong_signature():
    request = build_request(Ed25519Key())
    request.body.lifetime.exp += 1
    return refused(request)


def idempotency():
    key, name = Ed25519Key(), str(uuid.uuid4())
    request = build_request(key, idempotency_key=name)
    return {
        "first": opened(request),
        "repeat": opened(request),
        "reuse": refused(build_request(key, idempotency_key=name, valid_s=60)),
    }


def tampered_response():
    """Shows that this client's own checks can fail."""
    response = stub.Create(build_request(Ed25519Key()), timeout=10)
    response.body.id = bytes(16)
    try:
        verify_response(response)
    except InvalidSignature:
        return "rejected"
    return "accepted"


def health():
    statuses = {}
    checker = health_pb2_grpc.HealthStub(channel)
    for service in ("", "session.Session", "no.Such"):
        try:
            answer = checker.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            statuses[service] = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        except grpc.RpcError as error:
            statuses[service] = error.code().name
    return statuses


SCENARIOS = {
    "ed25519": lambda: opened(build_request(Ed25519Key())),
    "p256_sha512": lambda: opened(build_request(P256Key(hashes.SHA512()))),
    "p256_sha256": lambda: opened(build_request(P256Key(hashes.SHA256()))),
    "forwarded": lambda: opened(forward(build_request(Ed25519Key()), P256Key(hashes.SHA512()))),
    "idempotency": idempotency,
    "wrong_signature": wrong_signature,
    "strangers_key": lambda: refused(build_request(Ed25519Key(), owner=Ed25519Key().owner)),
    "strangers_p256_key": lambda: refused(
        build_request(P256Key(hashes.SHA256()), owner=P256Key(hashes.SHA256()).owner)
    ),
    "stale": lambda: refused(build_request(Ed25519Key(), issued_ago_s=3600)),
    "nbf_after_exp": lambda: refused(build_request(Ed25519Key(), valid_s=-1)),
    "empty": lambda: refused(session.CreateRequest()),
    "tampered_response": tampered_response,
    "health": health,
}


def seen(scenario):
    """One that goes wrong leaves the others be."""
    try:
        return scenario()
    except Exception as error:
        return {"error": repr(error)}


with grpc.insecure_channel(ADDRESS) as channel:
    stub = service_pb2_grpc.SessionStub(channel)
    json.dump({name: seen(scenario) for name, scenario in SCENARIOS.items()}, sys.stdout)
