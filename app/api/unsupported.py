"""What OpenAI's API has and Poe cannot do: a 404 that says so, whatever is sent."""

from typing import NoReturn

from flask import Blueprint, request

from app.errors import NotFound

blueprint = Blueprint("unsupported", __name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_TALK = "send the conversation to /v1/responses or /v1/chat/completions"
_BATCHES = "batches; send the requests one by one, they may run side by side"
_TUNING = "fine-tuning; choose a bot on poe.com, or make one there with a prompt of its own"

UNSUPPORTED = {
    "assistants": f"assistants; {_TALK}",
    "batches": _BATCHES,
    "containers": "containers that run code",
    "embeddings": "embedding models; take another provider for them",
    "evals": "evaluations",
    "fine-tunes": _TUNING,
    "fine_tuning": _TUNING,
    "messages/batches": _BATCHES,
    "moderations": "moderation models; ask any chat bot to judge the text",
    "realtime": "realtime sessions; stream from /v1/responses or /v1/chat/completions",
    "threads": f"threads; {_TALK}",
    "uploads": "uploads in parts; send the whole file to /v1/files",
    "vector_stores": "vector stores; send the files with the question, by their ids if you like",
}
"""The first parts of a path, and what Poe does not have; for a person to read."""


def refuse(lack: str, rest: str = "") -> NoReturn:
    """No credential is asked for: the answer is the same for everyone."""
    path = request.environ.get("poegate.path", request.path)
    raise NotFound(f"{request.method} {path}: Poe has no {lack}.", code="unsupported_endpoint")


for _start, _lack in UNSUPPORTED.items():
    for _rule in (f"/{_start}", f"/{_start}/<path:rest>"):
        blueprint.add_url_rule(
            _rule,
            endpoint=_rule,
            view_func=refuse,
            methods=METHODS,
            defaults={"lack": _lack},
            strict_slashes=False,
        )
