"""gunicorn's settings; those that people change come from the gateway's own (README)."""

from gevent import monkey

# Before anything imports ssl or sockets, the settings below included.
monkey.patch_all()

import logging  # noqa: E402 - only after the patch
import resource  # noqa: E402
import sys  # noqa: E402
from logging.config import dictConfig  # noqa: E402

from app.config import ConfigError, load_settings  # noqa: E402

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

# What no line of ours shows is not looked up for each line (Python's logging HOWTO, "Optimization").
logging._srcfile = None
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

# Not gunicorn's logconfig_dict: with it gunicorn prepares an access line of its own per request.
dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "bare": {"format": "%(message)s"},
            "told": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        },
        "handlers": {
            "access": {
                "class": "logging.StreamHandler",
                "formatter": "bare",
                "stream": "ext://sys.stdout",
            },
            "told": {"class": "logging.StreamHandler", "formatter": "told"},
        },
        "root": {"level": "WARNING", "handlers": ["told"]},
        "loggers": {
            "poegate.access": {"level": "INFO", "handlers": ["access"], "propagate": False}
        },
    }
)
