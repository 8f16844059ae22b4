"""The ledger's reports as answers: for the operator all of them, for a token its own."""

import time
from typing import Any

import gevent
from flask import Response, jsonify, request
from marshmallow import ValidationError, fields, post_load, pre_load, validate

from app.access.rules import RuleError, read_time
from app.access.store import DAY, HOUR, TooManyRows
from app.access.usage_report import (
    GROUPS,
    PERIODS,
    RECONCILED,
    Question,
    Report,
    TooLong,
    as_csv,
    make_report,
)
from app.core.dates import rfc3339
from app.errors import InvalidRequest, Unavailable
from app.http.services import services
from app.schemas.answers import AnswerSchema, count, listed, sometimes, word
from app.schemas.fields import Flag, Number, Whole
from app.schemas.loading import load_payload
from app.schemas.paging import QuerySchema

DEFAULT_DAYS = 30
MAX_DAYS = 3_660


class UsageQuerySchema(QuerySchema):
    """``from`` and ``to``: dates, date-times or seconds since the epoch."""

    by = fields.String(load_default=None)
    since = fields.String(data_key="from", load_default=None)
    until = fields.String(data_key="to", load_default=None)
    token = fields.String(load_default=None)
    model = fields.String(load_default=None)
    key = fields.Integer(load_default=None, validate=validate.Range(0))
    dialect = fields.String(load_default=None)
    format = fields.String(load_default=None, validate=validate.OneOf(("json", "csv")))

    @pre_load
    def keep_empty_by(self, query: dict[str, str], **options: Any) -> dict[str, str]:
        """``by=`` asks for the totals alone."""
        return {**query, "by": ","} if query.get("by") == "" else query

    @post_load
    def split_by(self, query: dict[str, Any], **options: Any) -> dict[str, Any]:
        names = "day" if query["by"] is None else query["by"]
        query["by"] = tuple(dict.fromkeys(filter(None, map(str.strip, names.split(",")))))
        unknown = [name for name in query["by"] if name not in (*GROUPS, *PERIODS)]
        if unknown or sum(name in PERIODS for name in query["by"]) > 1:
            raise ValidationError(
                f"Expected some of {', '.join(GROUPS)} and at most one of {', '.join(PERIODS)}.",
                "by",
            )
        return query


class TotalsSchema(AnswerSchema):
    """``first_token_ms`` is a mean; ``points_estimated``: not all are in Poe's history yet."""

    requests = count()
    errors = count()
    prompt_tokens = count()
    completion_tokens = count()
    points = Number()
    points_estimated = Flag()
    first_token_ms = Whole(allow_none=True)


class UsageRowSchema(TotalsSchema):
    """With those fields by which it was asked."""

    token = sometimes(fields.String())
    key = sometimes(Whole())
    model = sometimes(fields.String())
    dialect = sometimes(fields.String())
    hour = sometimes(fields.String())
    day = sometimes(fields.String())
    month = sometimes(fields.String())


class UsageSchema(AnswerSchema):
    object = word("usage")
    by = listed(fields.String())
    since = fields.String(data_key="from")
    to = fields.String()
    data = listed(UsageRowSchema)
    totals = fields.Nested(TotalsSchema)


def usage_response(query_schema: UsageQuerySchema, **only: str | int) -> Response:
    """What the request's query string asks for, of ``only`` those rows. JSON or CSV."""
    query = load_payload(query_schema, request.args.to_dict())
    question = _question(query, only)
    report = read_report(question)
    if query["format"] == "csv" or (query["format"] is None and _prefers_csv()):
        headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
        text = as_csv(report, question.by)
        return Response(text, content_type="text/csv; charset=utf-8", headers=headers)
    return jsonify(
        {
            "object": "usage",
            "by": list(question.by),
            "from": rfc3339(question.since),
            "to": rfc3339(question.until),
            "data": report.rows,
            "totals": report.totals,
        }
    )


def read_report(question: Question) -> Report:
    """Raises InvalidRequest for one that is too long, and Unavailable."""
    store = services().access.store
    try:
        rows = store.rows(question.since, question.until)
        spent = store.spent(question.since, question.until)
        reconciled = store.fact(RECONCILED) or {}
        # In a native thread: a year of rows takes a while to add up.
        report: Report = gevent.get_hub().threadpool.apply(
            make_report, (rows, spent, reconciled, question)
        )
    except OSError as error:
        message = "The ledger cannot be read at the moment."
        raise Unavailable(message, retry_after="5") from error
    except TooManyRows as error:
        raise InvalidRequest(
            "from: The period has too many rows; ask for a shorter one.", param="from"
        ) from error
    except TooLong as error:
        raise InvalidRequest(f"by: {error}; ask for less.", param="by") from error
    return report


def _question(query: dict[str, Any], only: dict[str, str | int]) -> Question:
    """Whole hours. Raises InvalidRequest."""
    now = int(time.time())
    until = _time(query, "until", "to", now)
    since = _time(query, "since", "from", until - DEFAULT_DAYS * DAY)
    since, until = since // HOUR * HOUR, -(-until // HOUR) * HOUR
    if not 0 < until - since <= MAX_DAYS * DAY:
        raise InvalidRequest(
            f"from: It must be before 'to', by at most {MAX_DAYS} days.", param="from"
        )
    wanted = {name: query[name] for name in GROUPS if query[name] is not None}
    return Question(since, until, query["by"], wanted | only)


def _time(query: dict[str, Any], name: str, param: str, default: int) -> int:
    text = query[name]
    if text is None:
        return default
    try:
        return read_time(param, int(text) if text.isdecimal() else text)
    except RuleError as error:
        raise InvalidRequest(str(error), param=param) from error


def _prefers_csv() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv"
