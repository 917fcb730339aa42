"""A service that checks JWTs of sessions by itself: with PyJWT and the public keys of sessiond, asking nobody.

Usage: service.py PORT ISSUER    (ISSUER: sessiond's HTTP address, as its JWTs name it)
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

PORT, ISSUER = int(sys.argv[1]), sys.argv[2]
AUDIENCE = "photos"
# Fetched once, then kept for five minutes. A key that it does not know makes it fetch again.
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300)
REQUIRED = ["iss", "sub", "aud", "exp", "sid", "cnf"]


def claims_of(authorization: str) -> dict:
    token = authorization.removeprefix("Bearer ")
    key = KEYS.get_signing_key_from_jwt(token).key
    options = {"require": REQUIRED}
    return jwt.decode(token, key, ["EdDSA"], options, audience=AUDIENCE, issuer=ISSUER)


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            claims = claims_of(self.headers.get("Authorization", ""))
            told = self.headers.get("X-Session-Owner")
            self.answer(200, {"owner": claims["sub"], "session": claims["sid"], "gateway": told})
        except jwt.PyJWTError as error:
            self.answer(401, {"error": type(error).__name__})

    def answer(self, status: int, body: dict):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Service)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
