"""Checks the JWTs of test/vectors/jwts.json with PyJWT and the package `cryptography`, at the times that stand there.

Prints, for each, the name of the exception with which PyJWT refuses it, or null.

Usage: check_jwts.py VECTORS
"""

import datetime
import json
import sys
from unittest import mock

import jwt

with open(sys.argv[1], encoding="utf-8") as file:
    vectors = json.load(file)
KEYS = jwt.PyJWKSet.from_dict(vectors["jwks"])
OPTIONS = {"require": ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "sid"]}


class UnknownKeyError(jwt.PyJWTError):
    """The JWT names no key of the JWKS."""


def decode(token, now):
    # PyJWT has no parameter for the time.
    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(now, tz)

    kid = jwt.get_unverified_header(token).get("kid")
    key = next((key for key in KEYS.keys if key.key_id == kid), None)
    if key is None:
        raise UnknownKeyError
    with mock.patch("jwt.api_jwt.datetime", Clock):
        jwt.decode(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=vectors["issuer"],
            audience=vectors["audience"],
            options=OPTIONS,
        )


def refusal(vector):
    try:
        decode(vector["jwt"], vector["now"])
        return None
    except jwt.PyJWTError as error:
        return type(error).__name__


print(json.dumps([refusal(vector) for vector in vectors["jwts"]]))
