"""Times as Anthropic writes them (RFC 3339); OpenAI's are seconds since the epoch."""

from datetime import UTC, datetime


def rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
