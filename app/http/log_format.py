"""How log lines are written: JSON or text, an object or a line each, the time in UTC."""

import json
import logging
import time
from typing import Any


class JsonFormatter(logging.Formatter):
    """A dict that is logged adds its own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, dict):
            line |= record.msg
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A dict that is logged is written as ``name=value`` pairs; texts with blanks are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, dict):
            words = " ".join(f"{name}={_quoted(value)}" for name, value in record.msg.items())
        else:
            words = record.getMessage()
        line = f"{_time_of(record)} {record.levelname} {record.name}: {words}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def _time_of(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isprintable() and text and not set(text) & set(' "=') else json.dumps(text)


def log_config(log_format: str, log_level: str) -> dict[str, Any]:
    """For ``logging.config.dictConfig``. The line of each request goes to stdout, the rest to
    stderr.
    """
    formatter = JsonFormatter if log_format == "json" else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "requests": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stdout",
            },
            "rest": {"class": "logging.StreamHandler", "formatter": "line"},
        },
        "root": {"level": log_level.upper(), "handlers": ["rest"]},
        "loggers": {
            "poegate.requests": {"level": "INFO", "handlers": ["requests"], "propagate": False},
            "poegate.start": {"level": "INFO", "handlers": ["rest"], "propagate": False},
        },
    }
