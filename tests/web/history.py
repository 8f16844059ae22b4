"""A month in the life of a gateway, for charts to show: written as the gateway itself writes it."""

import time
from pathlib import Path
from random import Random

from app.access.ledger import Entry, Ledger
from app.access.sqlite_store import SqliteStore
from app.access.store import Sums

DAYS = 30
TOKENS = ("dev", "alice", "ci")
MODELS = {  # points a request, and prompt and completion tokens
    "Claude-Sonnet-4.5": (21.0, 2_400, 620),
    "GPT-5": (12.0, 1_900, 540),
    "Gemini-2.5-Pro": (7.0, 3_100, 480),
    "GPT-Image-1": (360.0, 40, 12),
    "demo-story": (0.0, 8, 251),
}
SHARES = {
    "Claude-Sonnet-4.5": 1.0,
    "GPT-5": 0.8,
    "Gemini-2.5-Pro": 0.7,
    "GPT-Image-1": 0.05,
    "demo-story": 0.2,
}


def write_history(state_dir: Path) -> None:
    """Some two hundred requests a day, fewer at weekends; those of the last hours are listed."""
    state_dir.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(state_dir)
    ledger = Ledger(store)
    now, random = time.time(), Random(4)
    for hours in range(DAYS * 24, 0, -1):
        at = now - hours * 3600
        clock = time.gmtime(at)
        busy = 0.3 if clock.tm_wday > 4 else 1.0
        asked = [
            request(at + random.random() * 3500, model, random, listed=hours <= 8)
            for model, share in SHARES.items()
            for _ in range(int(random.random() * 7 * busy * share + random.random() * 0.8))
        ]
        for entry in sorted(asked, key=lambda entry: entry.started_at):
            ledger.add(entry)
        ledger.flush()
    store.close()


def request(at: float, model: str, random: Random, *, listed: bool) -> Entry:
    points, prompt, completion = MODELS[model]
    size = 0.4 + random.random() * 1.4
    failed = random.random() < 0.03
    token = random.choice(TOKENS)
    first = int(400 + random.random() * 900)
    sums = Sums(1, int(failed), int(prompt * size), int(completion * size), points * size, first, 1)
    facts = {
        "time": round(at, 3),
        "request_id": f"req_{random.getrandbits(128):032x}",
        "token": token,
        "address": "10.0.0.7",
        "method": "POST",
        "path": "/v1/chat/completions",
        "dialect": "chat",
        "model": model,
        "stream": True,
        "status": 429 if failed else 200,
        "error": "rate_limit_error" if failed else None,
        "key": 1,
        "attempts": 1,
        "first_token_ms": first,
        "total_ms": int(first + completion * size * 14),
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "points": round(sums.points, 1),
        "points_estimated": True,
        "bytes_in": prompt * 4,
        "bytes_out": completion * 40,
    }
    return Entry(at, token, 1, model, "chat", sums, facts if listed else None)
