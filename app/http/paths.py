"""Normalizes paths: base URLs are written with and without /v1, and with extra slashes."""

import re
from collections.abc import Callable, Iterable
from typing import Any

_VERSIONS = re.compile(r"(?:/v1)+(?=/|\Z)")


class ForgivingPaths:
    """WSGI middleware: routes are declared without /v1 and answer with it too.

    ``environ["poegate.path"]`` keeps the path that the client sent, for logs and errors.
    """

    def __init__(self, wsgi_app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["poegate.path"] = environ.get("PATH_INFO", "")
        path = re.sub(r"/{2,}", "/", path)
        versions = _VERSIONS.match(path)
        environ["PATH_INFO"] = (path[versions.end() :] if versions else path) or "/"
        return self._wsgi_app(environ, start_response)
