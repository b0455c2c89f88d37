"""Private signing keys at rest: as they are, or encrypted with ``APP_KEY_ENCRYPTION_SECRET``."""

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from app.errors import ConfigurationError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
#: How an encrypted key begins (RFC 7468, section 11).
ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----"
SETTING = "APP_KEY_ENCRYPTION_SECRET"
ADVICE = f"set the {SETTING} that it was stored with, or make a new key sign: 'app keys rotate'"


def to_pem(private: PrivateKey, secret: str | None = None) -> str:
    """Return a key as PKCS #8 (RFC 5958), encrypted where there is a secret to do it with."""
    how: KeySerializationEncryption = BestAvailableEncryption(secret.encode()) if secret else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


@lru_cache(maxsize=4)  # checking an RSA key as it is loaded takes 35 ms
def from_pem(pem: str, secret: str | None = None) -> PrivateKey:
    """Return the key of a PEM; the secret is needed for an encrypted one only.

    Raises:
        ConfigurationError: it is encrypted, and there is no secret or not the right one.
    """
    encrypted = is_encrypted(pem)
    if encrypted and not secret:
        raise ConfigurationError(f"a signing key is encrypted, and {SETTING} is not set", ADVICE)
    try:
        key = load_pem_private_key(pem.encode(), secret.encode() if encrypted and secret else None)
    except ValueError:
        raise ConfigurationError(f"a signing key cannot be decrypted with {SETTING}", ADVICE) from None
    assert isinstance(key, PrivateKey)  # noqa: S101 - no other kind is ever stored
    return key


def is_encrypted(pem: str) -> bool:
    """Say whether a secret is needed to read a key."""
    return pem.startswith(ENCRYPTED)


def encrypted(pem: str, secret: str) -> str:
    """Return a PEM that is not encrypted as one that is."""
    return to_pem(from_pem(pem), secret)
