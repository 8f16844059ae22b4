"""The tasks of a worker's background, with their intervals in seconds."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from app.access.key_states import SYNC_SECONDS
from app.access.limits import RENEW_SECONDS
from app.access.parts import Access
from app.access.store import BEAT_SECONDS
from app.access.stored_tokens import RELOAD_SECONDS
from app.config import Settings
from app.poe.catalog import Catalog
from app.relay.background import Background, Task
from app.relay.config_file import LOOK_SECONDS, ConfigFile
from app.relay.probes import PROBE_SECONDS, RECONCILE_SECONDS, KeyProbes

FLUSH_SECONDS = 1.0
CATALOG_SECONDS = 60.0
PRUNE_SECONDS = 3_600.0


def background_of(
    access: Access,
    catalog: Catalog,
    probes: KeyProbes,
    config_file: ConfigFile,
    settings: Settings,
    requests_now: Callable[[], int],
) -> Background:
    """Those that these settings need. ``requests_now``: that this worker serves."""
    name = f"{socket.gethostname()}/{os.getpid()}"

    def beat() -> None:
        with suppress(OSError):  # who looks for workers is told that the store is lost
            access.store.beat(name, requests_now(), time.time())

    def write_all() -> None:
        access.key_states.sync()
        access.ledger.flush()

    def refresh_list() -> None:
        if settings.asks_poe:
            catalog.refresh_if_due()

    tasks = [
        Task("beat", BEAT_SECONDS, beat),
        Task("ledger", FLUSH_SECONDS, access.ledger.flush),
        Task("parallel requests", RENEW_SECONDS, access.limits.renew),
        Task("old rows", PRUNE_SECONDS, lambda: access.ledger.prune(settings.ledger_days), 60.0),
        Task("TOML file", LOOK_SECONDS, config_file.look),
        Task("list of models", CATALOG_SECONDS, refresh_list),
    ]
    if access.stored_tokens is not None:
        tasks.append(Task("stored tokens", RELOAD_SECONDS, access.stored_tokens.reload))
    if access.pool.keys:
        tasks += [
            Task("key states", SYNC_SECONDS, access.key_states.sync),
            Task("refused keys", PROBE_SECONDS, probes.try_refused, PROBE_SECONDS),
            Task("points", RECONCILE_SECONDS, probes.reconcile, 5.0),
        ]
    return Background(tasks, write_all)
