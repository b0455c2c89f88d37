"""A real OpenID provider: the npm package oidc-provider as a process, with keys that tests choose."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.auth.forge import encode

VERSION = "8.8.1"
SCRIPT = Path(__file__).with_name("provider.mjs")
STARTS_WITHIN_S = 30
AUDIENCE = "movie-marts"
SCOPES = ("catalog.read", "marts:read", "runs:read")
READER = ("reader", "reader-secret")
CALLBACK = "https://reader.example/callback"


def modules() -> Path:
    """Return the folder of the package, which is installed once for all, outside the repository."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "movie-marts"
    folder = cache / f"oidc-provider-{VERSION}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = tempfile.mkdtemp(dir=cache)
        options = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        package = f"oidc-provider@{VERSION}"
        subprocess.run(["npm", "install", *options, "--prefix", unfinished, package], check=True)
        try:
            Path(unfinished).rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return folder


def private_jwk(algorithm: str, kid: str) -> dict[str, str]:
    """Make a private key as a JWK (RFC 7518, section 6)."""
    key: dict[str, int]
    if algorithm == "ES256":
        point = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        public = point.public_numbers
        key = {"x": public.x, "y": public.y, "d": point.private_value}
        members = {"kty": "EC", "crv": "P-256"} | {
            name: encode(value.to_bytes(32, "big")) for name, value in key.items()
        }
    else:
        whole = rsa.generate_private_key(65537, 2048).private_numbers()
        key = {"n": whole.public_numbers.n, "e": 65537, "d": whole.d, "p": whole.p, "q": whole.q}
        key |= {"dp": whole.dmp1, "dq": whole.dmq1, "qi": whole.iqmp}
        members = {"kty": "RSA"} | {
            name: encode(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in key.items()
        }
    return {**members, "kid": kid, "alg": algorithm, "use": "sig"}


@dataclass
class Provider:
    """A provider that can be stopped and started again under the same URL, with the same keys or others."""

    folder: Path
    audience: str = AUDIENCE
    keys: Sequence[dict[str, str]] = field(
        default_factory=lambda: [private_jwk(algorithm, f"{algorithm}-1") for algorithm in ("ES256", "RS256")]
    )
    issuer: str = ""
    _process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        config = {
            "modules": str(modules()),
            "port": urlsplit(self.issuer).port or 0,
            "keys": list(self.keys),
            "audience": self.audience,
            "scopes": SCOPES,
            "lifetime": 600,
        }
        (self.folder / "provider.json").write_text(json.dumps(config))
        before = len(self._lines())
        with (self.folder / "provider.log").open("a") as log, (self.folder / "provider.err").open("a") as err:
            self._process = subprocess.Popen(
                ["node", SCRIPT, self.folder / "provider.json"], stdout=log, stderr=err, text=True
            )
        until = time.monotonic() + STARTS_WITHIN_S
        while len(self._lines()) == before:
            assert self._process.poll() is None, (self.folder / "provider.err").read_text()
            assert time.monotonic() < until, "the provider does not come up"
            time.sleep(0.02)
        self.issuer = self._lines()[before]

    def stop(self) -> None:
        """Stop it: nobody listens at its URL any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def rotate(self, *keys: dict[str, str]) -> None:
        """Start it again with other keys."""
        self.stop()
        self.keys = keys
        self.start()

    def fetches(self, path: str = "/jwks") -> int:
        """Return how often a path of it was asked for."""
        return self._lines().count(f"GET {path}")

    def token(self, algorithm: str = "ES256", scope: str = "marts:read") -> str:
        """Get an access token as a client of it does, by client credentials (RFC 6749, section 4.4)."""
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "resource": f"https://marts.example/{algorithm}",
        }
        answer = httpx.post(f"{self.issuer}/token", data=form, auth=READER)
        text: str = answer.raise_for_status().json()["access_token"]
        return text

    def id_token(self) -> str:
        """Log in as a person does, by the authorization code flow, and return the ID token."""
        query = {"client_id": READER[0], "response_type": "code", "scope": "openid", "redirect_uri": CALLBACK}
        with httpx.Client(base_url=self.issuer) as browser:
            answer = browser.get("/auth", params=query)
            for prompt in (
                {"prompt": "login", "login": "somebody", "password": "any"},
                {"prompt": "consent"},
            ):
                page = _follow(browser, answer)
                answer = browser.post(page.url, data=prompt)
            code = parse_qs(urlsplit(_follow(browser, answer).headers["location"]).query)["code"][0]
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
            tokens = browser.post("/token", data=form, auth=READER).raise_for_status().json()
        text: str = tokens["id_token"]
        return text

    def _lines(self) -> list[str]:
        log = self.folder / "provider.log"
        return log.read_text().splitlines() if log.exists() else []


def _follow(browser: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """Follow redirects as far as the provider's own pages."""
    while answer.is_redirect and not answer.headers["location"].startswith(CALLBACK):
        answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
    return answer


def configured(provider: Provider, **changes: Any) -> dict[str, Any]:
    """Return the provider as ``APP_TRUSTED_ISSUERS`` names it."""
    return {"issuer": provider.issuer, "audience": provider.audience, **changes}


@contextmanager
def providing(folder: Path, **options: Any) -> Iterator[Provider]:
    """Run a provider until the end of the block; its log is kept in the folder."""
    provider = Provider(folder, **options)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
