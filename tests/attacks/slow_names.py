"""gunicorn on a machine whose names in ``.slow.test`` take ten seconds to resolve.

Run as ``python -m tests.attacks.slow_names``, with gunicorn's own arguments.
"""

import socket
import sys
import time
from typing import Any

SECONDS = 10.0

_getaddrinfo, _sleep = socket.getaddrinfo, time.sleep  # before gevent replaces them


def _resolve(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> Any:
    name = host if isinstance(host, str) else str(host or b"", "latin-1")
    if name.endswith(".slow.test") and not flags & socket.AI_NUMERICHOST:
        _sleep(SECONDS)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")
    return _getaddrinfo(host, port, family, type, proto, flags)


if __name__ == "__main__":
    socket.getaddrinfo = _resolve
    from gunicorn.app.wsgiapp import run

    sys.argv[0] = "gunicorn"
    run()
