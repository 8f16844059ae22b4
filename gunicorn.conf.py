"""gunicorn's settings; those that people change are the gateway's own (docs/settings.md)."""

from gevent import monkey

# Before anything imports ssl or sockets, the settings below included.
monkey.patch_all()

import logging  # noqa: E402 - only after the patch
import os  # noqa: E402
import resource  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from logging.config import dictConfig  # noqa: E402
from typing import Any  # noqa: E402

from gunicorn import systemd  # noqa: E402
from gunicorn.arbiter import Arbiter  # noqa: E402

# SIGHUP executes this file again in gunicorn's master: without what it has imported before, new
# code is read too.
for _name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
    del sys.modules[_name]

from app import memory  # noqa: E402
from app.config import ConfigError, load_settings, misspelt_settings  # noqa: E402
from app.log_format import log_config  # noqa: E402
from app.startup import start_line  # noqa: E402

memory.tune_allocator()

EX_CONFIG = 78
"""sysexits.h: what deploy/poegate.service does not start again after."""

# Also where a worker finds the fault (wsgi.py): gunicorn's master ends with the same code.
Arbiter.APP_LOAD_ERROR = EX_CONFIG


def _end(message: str) -> None:
    sys.stderr.write(f"poegate: {message}\n")
    sys.exit(EX_CONFIG)


try:
    _settings = load_settings()
except ConfigError as error:
    _end(str(error))

for _name, _meant in misspelt_settings(os.environ).items():
    sys.stderr.write(f"poegate: {_name}: there is no such setting. Did you mean {_meant}?\n")

wsgi_app = "wsgi:application"
worker_class = "app.worker.DrainingWorker"
workers = _settings.web_concurrency


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _socket_name(descriptor: int) -> str:
    """The address of a listening socket that was inherited, in gunicorn's form."""
    with socket.socket(fileno=os.dup(descriptor)) as held:
        name = held.getsockname()
    return f"unix:{name}" if isinstance(name, str) else _address(name[0], name[1])


_FROM_SYSTEMD = "POEGATE_SOCKETS"
"""The addresses of poegate.socket, in the environment for the reloads: systemd tells only once."""

if _held := systemd.listen_fds(unset_environment=False):
    _first = systemd.SD_LISTEN_FDS_START
    os.environ[_FROM_SYSTEMD] = ",".join(map(_socket_name, range(_first, _first + _held)))

_wanted = _address(_settings.host, _settings.port)
# An address that changed at a reload would make gunicorn close systemd's socket.
bind = os.environ.get(_FROM_SYSTEMD, _wanted).split(",")

# Two descriptors a stream; the usual soft limit of 1,024 would end at 500 of them.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_most = 65_536 if _hard == resource.RLIM_INFINITY else min(65_536, _hard)
if resource.RLIM_INFINITY != _soft < _most:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _hard))

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

logger_class = "app.worker.UniformLogger"
# What no line of ours shows is not looked up (Python's logging HOWTO, "Optimization").
logging._srcfile = None  # type: ignore[assignment]
logging.logThreads = logging.logMultiprocessing = False

# Not gunicorn's logconfig_dict: with it gunicorn prepares an access line of its own per request.
dictConfig(log_config(_settings.log_format, _settings.log_level))


def on_reload(server: Any) -> None:
    """Workers write their numbers into one folder, and any of them gives out the sum."""
    if _settings.metrics_token and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="poegate-metrics-")


def child_exit(server: Any, worker: Any) -> None:
    """What a worker that is gone was at is no longer in progress; what it counted stays."""
    if _settings.metrics_token:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)


def on_starting(server: Any) -> None:
    """Ends where nobody, or not this user, can listen: trying again would not help."""
    on_reload(server)
    if _FROM_SYSTEMD in os.environ or "GUNICORN_FD" in os.environ:
        return
    family = socket.AF_INET6 if ":" in _settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((_settings.host, _settings.port))
        except PermissionError:
            _end(
                f"PORT: only root may listen on port {_settings.port}, below 1024. Take 8000 and "
                "put nginx before it, or let systemd listen there by poegate.socket."
            )
        except socket.gaierror as error:
            if error.errno == socket.EAI_NONAME:
                _end(f"HOST: {_settings.host!r} is neither an address nor the name of one.")
        except OSError:
            return  # gunicorn tries again, and says what is wrong


def when_ready(server: Any) -> None:
    """Says how the gateway was started, and where its address is not the one of the settings."""
    logging.getLogger("poegate.start").info(start_line(_settings))
    if _settings.is_exposed:
        logging.getLogger("poegate").warning(
            "whoever reaches %s may ask the bots of BOT_URLS: set ACCESS_TOKENS", _wanted
        )
    if bind != [_wanted]:
        logging.getLogger("poegate").warning(
            "poegate.socket decides the address, %s: HOST and PORT (%s) are not used",
            ", ".join(bind),
            _wanted,
        )
