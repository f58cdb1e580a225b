"""A participant's key: 128 random bits in the link, of which only a hash is stored."""

import hashlib
import hmac
import secrets


def new_token() -> str:
    """Return 128 random bits as 32 hex digits."""
    return secrets.token_hex(16)


def token_hash(token: str) -> str:
    """What the database keeps of a token. Its 128 bits are random, so a plain hash suffices."""
    return hashlib.sha256(token.encode()).hexdigest()


def seal(secret_key: str, *parts: str | int) -> str:
    """HMAC-SHA256 of the parts, which proves that a form came from this server."""
    message = "\x00".join(str(part) for part in parts).encode()
    return hmac.new(secret_key.encode(), message, "sha256").hexdigest()


def sealed(seal_given: str, secret_key: str, *parts: str | int) -> bool:
    """Whether a seal is the right one for the parts, compared in constant time."""
    return hmac.compare_digest(seal_given.encode(), seal(secret_key, *parts).encode())
