"""Base URLs as people write them: with /v1 or without, with a slash too many."""

import re
from collections.abc import Callable, Iterable
from typing import Any

_VERSIONS = re.compile(r"(?:/v1)+(?=/|\Z)")


class ForgivingPaths:
    """WSGI middleware: routes are declared without /v1, and answer under it too.

    The path that the client sent stays in ``environ["poegate.path"]``, for logs and errors.
    """

    def __init__(self, wsgi_app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["poegate.path"] = environ.get("PATH_INFO", "")
        path = re.sub(r"/{2,}", "/", path)
        versions = _VERSIONS.match(path)
        environ["PATH_INFO"] = (path[versions.end() :] if versions else path) or "/"
        return self._wsgi_app(environ, start_response)
