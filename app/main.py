"""The HTTP application: the one place that wires everything together."""

import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy.engine import make_url

from app.auth.addresses import networks
from app.auth.gate import Gate
from app.auth.rate_limits import RateLimits
from app.auth.service import Auth
from app.database import open_engine, open_warehouse_engine, ready
from app.errors import StoreFailure
from app.ops.access_log import AccessLog
from app.ops.audit import Audit
from app.ops.metrics import Metrics
from app.routers import docs, listings, oauth, operations, problems, runs
from app.routers.application import Application
from app.routers.front import Front
from app.routers.guard import Guard
from app.routers.origin import client_address
from app.routers.protection import protection
from app.routers.requests import Requests
from app.serving.answers import Answers
from app.serving.cache import Cache
from app.serving.catalogue import Catalogue
from app.serving.cursor import Cursors
from app.serving.direct import Direct
from app.serving.reader import Reader
from app.serving.replica import Freshness, Keeper, Place, place_of
from app.serving.store import MartStore
from app.settings import Settings, listed, load_settings
from app.warehouse.opening import serves

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application. It starts even where the warehouse cannot be read yet: ``/readyz`` says so.

    Raises:
        ConfigurationError, SchemaError: the settings or a database cannot be used by this program.
        StoreFailure: the audit log cannot be written.
    """
    chosen = settings or load_settings()
    audit = Audit.open(chosen.audit_file)
    auth = Auth.open(chosen)
    place = (
        None
        if serves(chosen.warehouse)
        else place_of(chosen.home, chosen.warehouse_given, chosen.copies_marts)
    )
    direct = _direct(chosen) if place and not chosen.copies_marts else None
    store = MartStore(place.store, chosen.statement_timeout, direct) if place else _open_store(chosen)
    freshness = None if place is None else Freshness(place, chosen.replica_poll)
    cursors = Cursors(auth.cursor_secret())
    limits = RateLimits.open(chosen, lambda: auth.watcher.trust.policies)
    gate = Gate(auth.verifier, limits.clients)
    cache = Cache(chosen.cache_bytes)
    answers = Answers(store, Reader(store, cursors), cache)
    metrics = Metrics(chosen.shared_folder)
    access_log = AccessLog(metrics.dropped) if chosen.access_log == "on" else None
    app = Application(
        title="Movie marts",
        summary="Movies by year, genre and production company: releases, money, popularity.",
        version="1",
        lifespan=_lifespan,
        openapi_url=None,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    address = client_address(networks(listed(chosen.trusted_proxies)))
    hosts, origins = listed(chosen.allowed_hosts), listed(chosen.cors_origins)
    app.enter_by(
        lambda inner: Requests(
            Guard(Front(inner, gate, answers, metrics), hosts, origins),
            metrics,
            access_log,
            audit,
            protection(chosen),
            address,
            *(() if freshness is None else (freshness.line,)),
        )
    )
    app.state.limits, app.state.client_address = limits, address
    app.state.auth, app.state.gate, app.state.metrics = auth, gate, metrics
    app.state.store, app.state.answers, app.state.audit = store, answers, audit
    app.state.catalogue, app.state.freshness = Catalogue(store, cursors), freshness
    app.state.keeper = None if place is None else Keeper(place, chosen)
    app.state.open = ExitStack()
    for close_it in (limits.close, auth.close, store.close, metrics.close, audit.close):
        app.state.open.callback(close_it)
    if direct:
        app.state.open.callback(direct.close)
    if access_log:
        app.state.open.callback(access_log.close)
    _watch(metrics, cache, store, limits)
    metrics.gauge("trusted_issuers_failing", auth.issuers.failing)
    problems.install(app)
    for module in (listings, runs, oauth, operations, docs):
        app.include_router(module.router)
    return app


def _open_store(settings: Settings) -> MartStore:
    try:
        ready(open_engine(settings.warehouse), "warehouse")
    except StoreFailure as error:
        log.warning("starting without a store: %s", error)
    return MartStore(Path(make_url(settings.warehouse).database or ""), settings.statement_timeout)


def _place(settings: Settings) -> Place | None:
    """Return where the local copy is of what cannot be read itself."""
    if serves(settings.warehouse):
        return None
    return place_of(settings.home, settings.warehouse_given, settings.copies_marts)


def _direct(settings: Settings) -> Direct:
    return Direct(open_warehouse_engine(settings.warehouse), settings.statement_timeout)


def _watch(metrics: Metrics, cache: Cache, store: MartStore, limits: RateLimits) -> None:
    metrics.gauge("answer_cache_bytes", lambda: cache.size)
    metrics.gauge("answer_cache_entries", lambda: len(cache))
    metrics.gauge("store_reads_running", lambda: store.running)
    metrics.gauge("store_reads_waiting", lambda: store.waiting)
    metrics.gauge("rate_limits_alone", lambda: limits.alone)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    if app.state.keeper is not None:
        app.state.keeper.start()
        app.state.open.callback(app.state.keeper.close)
    yield
    await app.state.limits.aclose()
    close(app)


def close(app: FastAPI) -> None:
    """Let go of what the application holds open."""
    app.state.open.close()
