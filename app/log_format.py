"""The log's lines: JSON or text, each with a time, a level and who speaks."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

REQUESTS = "poegate.requests"
"""The logger of requests: its messages are JSON objects already."""


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message"}``, and ``trace`` where an exception is logged.

    A request's line has its facts in place of ``message``. ``time`` is UTC, RFC 3339.
    """

    def format(self, record: logging.LogRecord) -> str:
        head = {"time": _time_of(record), "level": record.levelname}
        if record.name == REQUESTS:
            return f"{json.dumps(head)[:-1]}, {record.getMessage()[1:]}"
        line = {**head, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextLines(logging.Formatter):
    """``TIME LEVEL LOGGER: message``; a request's facts are ``name=value`` pairs."""

    def format(self, record: logging.LogRecord) -> str:
        words = record.getMessage()
        if record.name == REQUESTS:
            words = " ".join(f"{name}={_quoted(fact)}" for name, fact in json.loads(words).items())
        line = f"{_time_of(record)} {record.levelname} {record.name}: {words}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time_of(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")


def _quoted(fact: Any) -> str:
    """Texts with blanks, quotes or equals signs as JSON, others as they are."""
    text = fact if isinstance(fact, str) else json.dumps(fact)
    return text if text.isprintable() and text and not set(text) & set(' "=') else json.dumps(text)


def log_config(log_format: str, log_level: str) -> dict[str, Any]:
    """For ``logging.config.dictConfig``: requests go to stdout, all else to stderr.

    ``log_level`` holds for the gateway's own lines, but for those of requests; libraries are heard
    from WARNING on.
    """
    lines = "JsonLines" if log_format == "json" else "TextLines"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": f"app.log_format.{lines}"}},
        "handlers": {
            "requests": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "stream": "ext://sys.stdout",
            },
            "others": {"class": "logging.StreamHandler", "formatter": "lines"},
        },
        "root": {"level": "WARNING", "handlers": ["others"]},
        "loggers": {
            "poegate": {"level": log_level.upper()},
            "poegate.start": {"level": "INFO"},
            REQUESTS: {"level": "INFO", "handlers": ["requests"], "propagate": False},
        },
    }
