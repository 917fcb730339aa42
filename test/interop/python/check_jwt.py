"""Requires a session's JWT as a gateway in Python does: PyJWT, with the keys of the server's JWKS.

Prints the claims as JSON, or the name of the exception with which PyJWT refuses the JWT.

Usage: check_jwt.py JWKS_URL ISSUER AUDIENCE JWT
"""

import json
import sys

import jwt

JWKS_URL, ISSUER, AUDIENCE, TOKEN = sys.argv[1:]

try:
    key = jwt.PyJWKClient(JWKS_URL).get_signing_key_from_jwt(TOKEN)
    options = {"require": ["iss", "sub", "aud", "iat", "nbf", "exp", "jti"]}
    claims = jwt.decode(
        TOKEN, key, algorithms=["EdDSA"], issuer=ISSUER, audience=AUDIENCE, options=options
    )
    print(json.dumps(claims))
except jwt.PyJWTError as error:
    print(json.dumps(type(error).__name__))
