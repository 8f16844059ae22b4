"""The log's one form: a line of JSON with a time, a level and who speaks."""

import json
import logging
from datetime import UTC, datetime

REQUESTS = "poegate.access"
"""The logger of requests: its messages are JSON objects already."""


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message"}``, and ``trace`` where an exception is logged.

    A request's line has its facts in place of ``message``. ``time`` is UTC, RFC 3339.
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": time.replace("+00:00", "Z"), "level": record.levelname}
        if record.name == REQUESTS:
            return f"{json.dumps(head)[:-1]}, {record.getMessage()[1:]}"
        line = {**head, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
