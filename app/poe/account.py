"""Poe's account API, by ``requests``: the points of a key.

The payloads are Poe's own: https://creator.poe.com/api-reference/getCurrentBalance and
getPointsHistory.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypedDict, TypeVar, cast

import gevent
import requests
from cachetools import TTLCache
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from app.config import Settings
from app.core import strict_json
from app.errors import ApiError, Unreachable, UpstreamError
from app.poe.error_mapping import Asked, status_error

log = logging.getLogger("poegate.poe")

_reachable: TTLCache[str, bool] = TTLCache(maxsize=8, ttl=5.0)

TIMEOUT_SECONDS = (3.05, 15.0)

MAX_CONNECTIONS = 1_000
"""Kept open. requests logs a warning for each connection above this number."""

MAX_ANSWER_BYTES = 4_000_000
MAX_ERROR_BYTES = 65_536
TOTAL_SECONDS = 30.0
"""How long the body of an answer may take, however slowly its bytes arrive."""

_Answer = TypeVar("_Answer")


class Balance(TypedDict):
    """https://creator.poe.com/api-reference/getCurrentBalance; Poe's other fields are kept."""

    current_point_balance: int | float


class HistoryEntry(TypedDict):
    """One query. ``creation_time`` is in microseconds; Poe's other fields are kept."""

    creation_time: int
    query_id: str


class HistoryPage(TypedDict):
    """https://creator.poe.com/api-reference/getPointsHistory: the newest entry first."""

    has_more: bool
    length: int
    data: list[HistoryEntry]


class Account:
    """The points of a key: Poe's own answers, not checked, or ApiError."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.poe_api_url}/usage"
        self._session = account_session(settings)
        self._pool = settings.poe_api_keys

    def balance(self, key: str) -> Balance:
        return cast(Balance, self._get("current_balance", key, {}))

    def history(self, key: str, limit: int, starting_after: str | None) -> HistoryPage:
        """At most ``limit`` entries, after the query of the id ``starting_after``."""
        cursor = {} if starting_after is None else {"starting_after": starting_after}
        page = self._get("points_history", key, {"limit": str(limit), **cursor})
        return cast(HistoryPage, page)

    def total_balance(self, keys: Sequence[str]) -> int | float:
        """The sum over the keys. Raises UpstreamError unless all of them answer."""
        asks = {number: partial(self._points, key) for number, key in enumerate(keys, 1)}
        return sum(ask_together(asks))

    def _points(self, key: str) -> int | float:
        points: object = self.balance(key).get("current_point_balance")
        if isinstance(points, bool) or not isinstance(points, int | float):
            raise UpstreamError("Poe's account API sent a balance without its points.")
        return points

    def _get(self, name: str, key: str, query: dict[str, str]) -> dict[str, Any]:
        if not key:
            raise UpstreamError("This gateway has no Poe key (POE_API_KEYS): it has no points.")
        try:
            answer = self._session.get(
                f"{self._url}/{name}",
                params=query,
                auth=_Bearer(key),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            limit = MAX_ANSWER_BYTES if answer.status_code == 200 else MAX_ERROR_BYTES
            body = read_body(answer, limit)
        except requests.Timeout as error:
            raise UpstreamError("Poe's account API did not answer in time.") from error
        except requests.RequestException as error:
            raise Unreachable("Poe's account API cannot be reached.") from error
        pooled = key in self._pool
        return _read(answer, body, Asked("Poe's account API", key=key, pooled=pooled))


class _Bearer(AuthBase):
    """As ``auth``, because with a plain header requests would look for a key in ~/.netrc."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def read_body(answer: requests.Response, limit: int) -> bytes:
    """At most ``limit`` bytes of an answer that was asked for with ``stream=True``; closes it.

    An error's body is cut there. Raises requests' exceptions for a longer answer of status 200, and
    for an encoding, because none was asked for.
    """
    body = bytearray()
    too_slow = requests.Timeout(f"not within {TOTAL_SECONDS:g} seconds")
    with answer, gevent.Timeout(TOTAL_SECONDS, too_slow):
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            if answer.status_code != 200:
                return b""
            raise requests.exceptions.ContentDecodingError("an encoding that was not asked for")
        for piece in answer.iter_content(MAX_ERROR_BYTES):
            body += piece
            if len(body) > limit and answer.status_code == 200:
                raise requests.exceptions.ContentDecodingError(f"more than {limit:,} bytes")
            if len(body) > limit:
                break
    return bytes(body[:limit])


def _read(answer: requests.Response, body: bytes, asked: Asked) -> dict[str, Any]:
    """Poe's JSON object. Raises ApiError, whose message does not contain the key."""
    if answer.status_code != 200:
        retry_after = answer.headers.get("Retry-After")
        text = body.decode(errors="replace")
        raise status_error(answer.status_code, text, retry_after, asked)
    try:
        payload = strict_json.loads(body)
    except ValueError as error:
        raise UpstreamError("Poe's account API sent an answer that is not JSON.") from error
    if not isinstance(payload, dict):
        raise UpstreamError("Poe's account API sent an answer that is no JSON object.")
    return payload


def ask_together(asks: Mapping[int, Callable[[], _Answer]]) -> list[_Answer]:
    """The answers for all keys of the pool, asked in parallel; keys are numbered from 1.

    Raises UpstreamError unless all of them answer: a sum or a history without one key would be
    wrong without looking wrong. A key that Poe refuses is the gateway's fault and never a 401.
    """
    jobs = {number: gevent.spawn(_attempt, ask) for number, ask in asks.items()}
    try:
        outcomes = {number: job.get() for number, job in jobs.items()}
    finally:
        gevent.killall(list(jobs.values()))
    failures = {n: outcome for n, outcome in outcomes.items() if isinstance(outcome, ApiError)}
    if failures:
        raise _pool_error(failures, len(asks))
    return [outcome for outcome in outcomes.values() if not isinstance(outcome, ApiError)]


def _attempt(ask: Callable[[], _Answer]) -> _Answer | ApiError:
    """Returns an error, because gevent prints the traceback of what a greenlet raises."""
    try:
        return ask()
    except ApiError as error:
        return error


def _pool_error(failures: dict[int, ApiError], asked: int) -> UpstreamError:
    number, first = next(iter(failures.items()))
    answered = asked - len(failures)
    words = f"{answered} of {asked} Poe keys answered; key {number} of this gateway's did not"
    status = first.metadata.get("upstream_status")
    reason = f"HTTP {status} from Poe" if status else first.message
    log.warning("%s: %s", words, reason)
    return UpstreamError(
        f"{words}: {reason}",
        retry_after=first.retry_after,
        metadata={"keys": asked, "answered": answered},
    )


def poe_is_reachable(settings: Settings) -> bool:
    """Whether Poe's address answers with any status. Asked at most once in five seconds."""
    known = _reachable.get(settings.poe_api_url)
    if known is None:
        known = _reachable[settings.poe_api_url] = _answers(settings)
    return known


def _answers(settings: Settings) -> bool:
    with account_session(settings) as session:
        try:
            session.head(settings.poe_api_url, timeout=TIMEOUT_SECONDS[0], stream=True)
        except requests.RequestException:
            return False
    return True


def account_session(settings: Settings) -> requests.Session:
    """One connection a question: they are rare, and one that Poe has closed meanwhile would stay
    half open until the next. No cookies are kept."""
    session = requests.Session()
    session.headers["Connection"] = "close"
    session.proxies = _proxies(settings)
    session.headers["Accept-Encoding"] = "identity"
    session.trust_env = False  # POE_PROXY is the setting; no ~/.netrc, no HTTP_PROXY
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_maxsize=MAX_CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _proxies(settings: Settings) -> dict[str, str]:
    proxy = settings.poe_proxy
    return {"http": proxy, "https": proxy} if proxy else {}
