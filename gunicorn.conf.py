"""gunicorn's settings; those that people change are the gateway's own (docs/settings.md)."""

from gevent import monkey

# Before anything imports ssl or sockets, the settings below included.
monkey.patch_all()

import logging  # noqa: E402 - only after the patch
import os  # noqa: E402
import resource  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from logging.config import dictConfig  # noqa: E402

from app.config import ConfigError, load_settings  # noqa: E402
from app.http.log_format import log_config  # noqa: E402
from app.startup import start_line  # noqa: E402

try:
    _settings = load_settings()
except ConfigError as error:
    sys.exit(f"poegate: {error}")

wsgi_app = "wsgi:application"
worker_class = "app.worker.DrainingWorker"
workers = _settings.web_concurrency
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"

# Two descriptors a stream; the usual soft limit of 1,024 would end at 500 of them.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 65_536 if _hard == resource.RLIM_INFINITY else min(65_536, _hard)
if resource.RLIM_INFINITY != _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))

# A stream is a connection held open; the default of 1,000 would queue the next client.
worker_connections = 20_000
backlog = 2_048

# Longer than nginx (deploy/nginx.conf) and the platforms' routers (90 s) keep an idle connection,
# so that none writes into one that is being closed.
keepalive = 100

# How long a stopping worker lets running streams go on; systemd and platforms wait as long.
graceful_timeout = 30
# For the worker's own heartbeat only: a gevent worker beats while its streams run.
timeout = 60

# gunicorn 27 would open a socket for its own control tool in the home of whoever runs it.
control_socket_disable = True

# Not gunicorn's logconfig_dict: with it gunicorn prepares an access line of its own per request.
dictConfig(log_config(_settings.log_format, _settings.log_level))

if _settings.metrics_token and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # Workers write their numbers here, and any of them gives out the sum.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="poegate-metrics-")


def when_ready(server):
    logging.getLogger("poegate.start").info(start_line(_settings))


def child_exit(server, worker):
    """What a worker that is gone was at is no longer in progress; what it counted stays."""
    if _settings.metrics_token:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
