"""``Auth`` as a whole: tokens that others can verify, and revocations that every process sees."""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.auth import keyring, revocations, watcher
from app.auth.clients import Client, create_client, revoke_client
from app.auth.errors import OAuthError
from app.auth.keys import Algorithm
from app.auth.service import Auth
from app.auth.tables import revoked_token_table
from app.auth.trust import TrustedIssuer
from app.database import transaction
from app.errors import StoreFailure
from app.settings import Settings
from tests.auth.conftest import on_every_database
from tests.auth.followed import DEADLINE_S, refused, within_a_second
from tests.auth.forge import decode, forger

pytestmark = on_every_database


def _public_key(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    number = {name: int.from_bytes(decode(jwk[name]), "big") for name in ("x", "y", "n", "e") if name in jwk}
    if jwk["kty"] == "EC":
        return ec.EllipticCurvePublicNumbers(number["x"], number["y"], ec.SECP256R1()).public_key()
    return rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()


def _verify(public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, message: bytes, signature: bytes) -> None:
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, message, padding.PKCS1v15(), SHA256())
        return
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_anyone_can_verify_a_token_from_the_published_keys(
    auth: Auth, client: Client, algorithm: Algorithm
) -> None:
    """With ``cryptography`` alone: what RFC 7515 and RFC 9068 say, not what our own code does."""
    signs_from = keyring.rotate(auth.engine, algorithm).signs_from.timestamp()
    auth.watcher.refresh()
    now = signs_from + 1.9
    issued = auth.issue(client, "marts:read", now)
    header, payload, signature = issued.access_token.split(".")
    parameters = json.loads(decode(header))
    (jwk,) = (key for key in auth.jwks()["keys"] if key["kid"] == parameters["kid"])
    assert parameters == {"typ": "at+jwt", "alg": algorithm, "kid": jwk["kid"]}
    _verify(_public_key(jwk), f"{header}.{payload}".encode(), decode(signature))
    claims: dict[str, Any] = json.loads(decode(payload))
    assert len(decode(claims.pop("jti"))) == 16
    assert claims == {
        "iss": "https://marts.example",
        "aud": "movie-marts",
        "sub": client.client_id,
        "client_id": client.client_id,
        "iat": int(now),
        "exp": int(now) + 3600,
        "scope": "marts:read",
    }


def test_our_own_verifier_accepts_it(auth: Auth, client: Client) -> None:
    issued = auth.issue(client)
    claims = auth.verifier.verify(issued.access_token)
    assert (claims.client_id, claims.subject) == (client.client_id, client.client_id)
    assert claims.scopes == {"marts:read", "runs:read"}
    assert issued.access_token not in repr(issued)


def test_no_two_tokens_are_the_same(auth: Auth, client: Client) -> None:
    now = time.time()
    tokens = [auth.issue(client, now=now).access_token for _ in range(20)]
    assert len({auth.verifier.verify(token).jti for token in tokens}) == 20


def test_a_revoked_client_loses_its_tokens_in_every_worker(
    auth: Auth, elsewhere: Auth, client: Client
) -> None:
    token = auth.issue(client).access_token
    assert not refused(elsewhere, token)
    revoke_client(auth.engine, client.client_id)
    assert within_a_second(lambda: refused(auth, token) and refused(elsewhere, token))


def test_a_revoked_token_is_refused_at_once_here_and_within_a_second_elsewhere(
    auth: Auth, elsewhere: Auth, client: Client
) -> None:
    token, other = (auth.issue(client).access_token for _ in range(2))
    assert not refused(elsewhere, token)
    auth.revoke(client, token)
    assert refused(auth, token)
    assert within_a_second(lambda: refused(elsewhere, token))
    assert not refused(elsewhere, other)
    auth.revoke(client, token)


def test_a_new_key_is_known_everywhere_before_it_signs(auth: Auth, elsewhere: Auth, client: Client) -> None:
    old = auth.issue(client).access_token
    new = keyring.rotate(auth.engine, "RS256")
    assert within_a_second(lambda: new.kid in {key["kid"] for key in elsewhere.jwks()["keys"]})
    assert auth.verifier.verify(auth.issue(client).access_token).key_id != new.kid
    auth.watcher.refresh()
    later = auth.issue(client, now=new.signs_from.timestamp()).access_token
    assert elsewhere.verifier.verify(later).key_id == new.kid
    assert not refused(elsewhere, old)


def test_a_leaked_key_loses_its_tokens_everywhere(auth: Auth, elsewhere: Auth, client: Client) -> None:
    token = auth.issue(client).access_token
    keyring.replace_leaked(auth.engine)
    assert within_a_second(lambda: refused(auth, token) and refused(elsewhere, token))


def test_only_its_own_client_may_revoke_a_token(auth: Auth, client: Client) -> None:
    other = create_client(auth.engine, "other", ["marts:read"]).client
    token = auth.issue(client).access_token
    with pytest.raises(OAuthError) as caught:
        auth.revoke(other, token)
    assert caught.value.body["error"] == "unauthorized_client"
    assert not refused(auth, token)


def test_a_forged_token_revokes_nothing(auth: Auth, client: Client) -> None:
    token = auth.issue(client).access_token
    head, payload, signature = token.split(".")
    auth.revoke(client, f"{head}.{payload}.{signature[::-1]}")
    auth.revoke(client, "nonsense")
    assert not refused(auth, token)


def test_revoking_a_token_that_another_worker_just_revoked_is_no_error(auth: Auth, client: Client) -> None:
    claims = auth.verifier.verify(auth.issue(client).access_token)
    revocations.revoke_token(auth.engine, claims)
    revocations.revoke_token(auth.engine, claims)
    auth.watcher.refresh()
    assert auth.watcher.trust.revoked_tokens == {f"{claims.issuer}#{claims.jti}"}


def test_revocations_are_forgotten_when_their_tokens_have_expired(auth: Auth, client: Client) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    with transaction(auth.engine) as connection:
        connection.execute(revoked_token_table.insert().values(jti="old", revoked_at=past, expires_at=past))
    issued = auth.issue(client)
    expiry = auth.verifier.verify(issued.access_token).expires_at
    auth.revoke(client, issued.access_token)
    with auth.engine.connect() as connection:
        (row,) = connection.execute(revoked_token_table.select())
    assert row.jti != "old"
    assert row.expires_at.timestamp() == expiry + 30


def test_introspection_describes_what_is_valid(auth: Auth, client: Client) -> None:
    issued = auth.issue(client)
    claims = json.loads(decode(issued.access_token.split(".")[1]))
    assert auth.introspect(issued.access_token) == {"active": True, "token_type": "Bearer", **claims}
    auth.revoke(client, issued.access_token)
    assert auth.introspect(issued.access_token) == {"active": False}
    assert auth.introspect("nonsense") == {"active": False}


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, ("marts:read", "runs:read")),
        ("runs:read", ("runs:read",)),
        ("runs:read marts:read", ("marts:read", "runs:read")),
        ("runs:read runs:read", ("runs:read",)),
    ],
)
def test_scopes_are_those_asked_for_or_all(
    auth: Auth, client: Client, asked: str | None, granted: tuple[str, ...]
) -> None:
    issued = auth.issue(client, asked)
    assert issued.scopes == granted
    assert auth.verifier.verify(issued.access_token).scopes == set(granted)


def test_the_cursor_secret_is_one_for_all(auth: Auth, elsewhere: Auth) -> None:
    assert auth.cursor_secret() == elsewhere.cursor_secret() == auth.cursor_secret()
    assert len(auth.cursor_secret()) == 32


def test_verifying_asks_no_database(auth: Auth, client: Client, tmp_path: Path) -> None:
    token = auth.issue(client).access_token
    auth.close()
    for file in tmp_path.iterdir():
        file.unlink()
    assert auth.verifier.verify(token).client_id == client.client_id


def test_while_the_database_is_away_the_last_state_stays(
    auth: Auth, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    token = auth.issue(client).access_token
    with caplog.at_level(logging.WARNING, watcher.__name__):
        with transaction(auth.engine) as connection:
            connection.exec_driver_sql("ALTER TABLE client RENAME TO gone")
        assert within_a_second(lambda: "cannot be read" in caplog.text)
    assert not refused(auth, token)
    assert auth.watcher.lag_s > 0
    with transaction(auth.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO client")
    revoke_client(auth.engine, client.client_id)
    assert within_a_second(lambda: refused(auth, token))


def test_a_database_that_fails_is_no_refusal(auth: Auth, client: Client) -> None:
    token = auth.issue(client).access_token
    for table in ("client", "revoked_token"):
        with transaction(auth.engine) as connection:
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_gone")
    with pytest.raises(StoreFailure, match="accounts database"):
        auth.authenticate(client.client_id, "x")
    with pytest.raises(StoreFailure, match="accounts database"):
        auth.revoke(client, token)


def test_the_lag_is_that_of_the_last_reading(auth: Auth) -> None:
    assert auth.watcher.lag_s < DEADLINE_S
    auth.close()
    before = auth.watcher.lag_s
    assert within_a_second(lambda: auth.watcher.lag_s > before + 0.1)


def test_a_stolen_key_of_another_home_opens_nothing(auth: Auth, tmp_path: Path) -> None:
    stranger = Auth.open(Settings(home=tmp_path / "other", issuer=auth.settings.issuer))
    forged = forger(stranger.watcher.trust.signing_keys[0], time.time()).token()
    stranger.close()
    assert refused(auth, forged)
    mine = forger(auth.watcher.trust.signing_keys[0], time.time()).token()
    assert not refused(auth, mine)


def test_another_issuer_is_trusted_beside_this_server(auth: Auth, client: Client) -> None:
    """Whatever happens in the accounts database; and it never takes this server's place."""
    token = auth.issue(client).access_token
    auth.watcher.include(TrustedIssuer("https://login.example", "x", {}))
    auth.watcher.include(TrustedIssuer(auth.settings.issuer, "x", {}))
    auth.watcher.refresh()
    assert set(auth.watcher.trust.issuers) == {auth.settings.issuer, "https://login.example"}
    assert not refused(auth, token)


def test_a_service_that_never_started_to_follow_can_be_closed(auth: Auth) -> None:
    trusted = '[{"issuer": "https://login.example", "audience": "x"}]'
    idle = Auth(auth.settings.model_copy(update={"trusted_issuers": trusted}), auth.engine)
    idle.close()
    assert [state.status for state in idle.issuers.states()] == ["unavailable"]
