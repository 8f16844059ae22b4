"""/admin: for whoever runs the gateway, under ADMIN_TOKEN."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import Blueprint, Response, jsonify, request

from app.access.pool import PoolKey
from app.access.rules import RuleError
from app.access.store import HOUR, Sums
from app.access.stored_tokens import StoredTokens, TokenExists, TokenNotStored, UnknownToken
from app.access.tokens import Token
from app.dialects.admin.answers import (
    DeletedTokenSchema,
    HealthSchema,
    KeySchema,
    KeysSchema,
    KeyTestSchema,
    RequestsSchema,
    TokenSchema,
    TokensSchema,
)
from app.dialects.admin.health import render_health
from app.dialects.admin.schemas import NewTokenSchema, RequestsQuerySchema, RulesSchema
from app.dialects.admin.translate import (
    last_hour_of,
    render_balance,
    render_key,
    render_token,
    select_requests,
)
from app.errors import InvalidRequest, NotFound, Unauthenticated, Unavailable
from app.http.json_bodies import read_json
from app.http.operations import operation
from app.http.services import services
from app.http.usage_reports import UsageQuerySchema, UsageSchema, usage_response
from app.http.wire_formats import WireFormat
from app.relay.probes import FACT_BALANCES
from app.schemas.loading import load_payload

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
FORMAT = WireFormat(blueprint)
_RULES_SCHEMA = RulesSchema()
_NEW_TOKEN_SCHEMA = NewTokenSchema()
_USAGE_SCHEMA = UsageQuerySchema()
_REQUESTS_SCHEMA = RequestsQuerySchema()

_NOT_STORED = {"environment": "ACCESS_TOKENS", "file": "the TOML file"}
_Result = TypeVar("_Result")


@blueprint.after_request
def _keep_from_caches(response: Response) -> Response:
    """A secret that is shown once is in no cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.before_request
def check_operator() -> None:
    """Without ADMIN_TOKEN there is nothing here."""
    if services().settings.admin_token is None:
        path = request.environ.get("poegate.path", request.path)
        raise NotFound(f"Unknown route: {request.method} {path}", code="unknown_url")
    if not services().access.gatekeeper.is_admin(request):
        raise Unauthenticated("The admin token is not the one of this gateway.")


# --- Tokens


@blueprint.get("/tokens")
@operation("All access tokens", TokensSchema, errors=(404,))
def list_tokens() -> Response:
    access = services().access
    if access.stored_tokens is not None:
        access.stored_tokens.reload()
    data = [_render(token) for token in access.tokens.all()]
    stored = access.stored_tokens is not None
    return jsonify({"object": "list", "data": data, "stored_tokens": stored})


@blueprint.post("/tokens")
@operation(
    "Makes an access token; its secret is shown this once",
    TokenSchema,
    body=NewTokenSchema,
    errors=(404,),
    status=201,
)
def create_token() -> tuple[Response, int]:
    payload = load_payload(_NEW_TOKEN_SCHEMA, read_json())
    name = payload.pop("name")
    with _errors_translated(name):
        token, secret = _stored_tokens().add(name, payload)
    return jsonify({**_render(token), "secret": secret}), 201


@blueprint.get("/tokens/<name>")
@operation("One access token", TokenSchema, errors=(404,))
def retrieve_token(name: str) -> Response:
    token = services().access.tokens.named(name)
    if token is None:
        raise _unknown(name)
    return jsonify(_render(token))


@blueprint.patch("/tokens/<name>")
@operation("Changes an access token's rules", TokenSchema, body=RulesSchema, errors=(404,))
def change_token(name: str) -> Response:
    return _changed(name, load_payload(_RULES_SCHEMA, read_json()))


@blueprint.post("/tokens/<name>/block")
@operation("Blocks an access token", TokenSchema, errors=(404,))
def block_token(name: str) -> Response:
    return _changed(name, {"blocked": True})


@blueprint.post("/tokens/<name>/unblock")
@operation("Unblocks an access token", TokenSchema, errors=(404,))
def unblock_token(name: str) -> Response:
    return _changed(name, {"blocked": False})


@blueprint.post("/tokens/<name>/rotate")
@operation("Gives an access token a new secret", TokenSchema, errors=(404,))
def rotate_token(name: str) -> Response:
    with _errors_translated(name):
        token, secret = _stored_tokens().rotate(name)
    return jsonify({**_render(token), "secret": secret})


@blueprint.delete("/tokens/<name>")
@operation("Deletes an access token", DeletedTokenSchema, errors=(404,))
def delete_token(name: str) -> Response:
    with _errors_translated(name):
        _stored_tokens().remove(name)
    return jsonify({"object": "token", "name": name, "deleted": True})


def _changed(name: str, rules: dict[str, Any]) -> Response:
    with _errors_translated(name):
        return jsonify(_render(_stored_tokens().change(name, rules)))


def _render(token: Token) -> dict[str, Any]:
    access = services().access
    points = access.ledger.points_of(token.name)
    no_times: dict[str, int] = {}
    last_used = _or(access.store.last_used, no_times).get(token.name)
    return render_token(token, points, last_used, time.time())


def _stored_tokens() -> StoredTokens:
    stored = services().access.stored_tokens
    if stored is None:
        raise InvalidRequest(
            "This gateway keeps no tokens of its own: set STORED_TOKENS=on.",
            param="name",
            code="stored_tokens_off",
        )
    return stored


@contextmanager
def _errors_translated(name: str) -> Iterator[None]:
    try:
        yield
    except RuleError as error:
        raise InvalidRequest(str(error), param=error.field) from error
    except TokenExists as error:
        message = f"There is a token called {name!r} already."
        raise InvalidRequest(message, param="name", code="token_exists") from error
    except TokenNotStored as error:
        message = f"The token {name!r} is one of {_NOT_STORED[error.source]}: change it there."
        raise InvalidRequest(message, param="name", code="token_not_stored") from error
    except UnknownToken as error:
        raise _unknown(name) from error
    except OSError as error:
        message = "The gateway cannot reach its stored access tokens at the moment."
        raise Unavailable(message, retry_after="5") from error


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no token called {name!r}.", param="name")


# --- Usage


@blueprint.get("/usage")
@operation("Who used how much", UsageSchema, "text/csv", query=(UsageQuerySchema,), errors=(404,))
def tell_usage() -> Response:
    return usage_response(_USAGE_SCHEMA)


# --- Keys


@blueprint.get("/keys")
@operation("The keys of the pool, never their texts", KeysSchema, errors=(404,))
def list_keys() -> Response:
    return jsonify({"object": "list", "data": _render_keys(services().access.pool.keys)})


@blueprint.post("/keys/<int:number>/test")
@operation("Asks Poe whether a key serves", KeyTestSchema, errors=(404,))
def test_key(number: int) -> Response:
    result = services().probes.test(_key(number))
    error = result.error
    return jsonify(
        {
            "object": "key_test",
            "number": number,
            "ok": error is None,
            "milliseconds": result.milliseconds,
            "balance": result.balance and render_balance(result.balance),
            "error": error
            and {
                "status": error.metadata.get("upstream_status", error.status),
                "type": error.type,
                "message": error.message,
            },
        }
    )


@blueprint.post("/keys/<int:number>/reset")
@operation("Forgets why a key rests", KeySchema, errors=(404,))
def reset_key(number: int) -> Response:
    key = _key(number)
    services().access.pool.reset(key)
    services().access.key_states.sync()
    return jsonify(_render_keys([key])[0])


def _key(number: int) -> PoolKey:
    key = services().access.pool.key_numbered(number)
    if key is None:
        raise NotFound(f"There is no key {number} in POE_API_KEYS.", param="number")
    return key


def _render_keys(keys: list[PoolKey]) -> list[dict[str, Any]]:
    access, now = services().access, time.time()
    since = int(now) // HOUR * HOUR
    sums = last_hour_of(_or(lambda: access.store.rows(since - HOUR, since + HOUR), []), now)
    balances = _or(lambda: access.store.fact(FACT_BALANCES), None) or {}
    return [
        render_key(
            key,
            access.pool.state_of(key),
            sums.get(key.number, Sums()),
            balances.get(key.digest),
            access.pool.rate_limits.get(key.digest),
            now,
        )
        for key in keys
    ]


# --- Requests and health


@blueprint.get("/requests")
@operation("The last requests", RequestsSchema, query=(RequestsQuerySchema,), errors=(404,))
def list_requests() -> Response:
    query = load_payload(_REQUESTS_SCHEMA, request.args.to_dict())
    try:
        rows = services().access.store.recent()
    except OSError as error:
        message = "The list of requests cannot be read at the moment."
        raise Unavailable(message, retry_after="5") from error
    return jsonify(select_requests(rows, query))


@blueprint.get("/health")
@operation("How the gateway stands", HealthSchema, errors=(404,))
def tell_health() -> Response:
    return jsonify(render_health(services(), request.scheme, request.host))


def _or(read: Callable[[], _Result], otherwise: _Result) -> _Result:
    """What is read, or that where the store cannot be reached: the rest is worth telling."""
    try:
        return read()
    except OSError:
        return otherwise
