"""Endpoints of OpenAI's API that Poe's bots cannot serve: a 404 that says why."""

from typing import NoReturn

from flask import Blueprint, request

from app.errors import NotFound

blueprint = Blueprint("unsupported", __name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_TALK = "send the conversation to /v1/responses or /v1/chat/completions"
_BATCHES = "Poe has no batches; send the requests one by one, they may run side by side"
_TUNING = (
    "Poe has no fine-tuning; choose a bot on poe.com, or make one there with a prompt of its own"
)
FILMED = (
    "bots cannot go on from a video by its id; send /v1/videos a new prompt, and what it is to "
    "start from as the input_reference"
)

UNSUPPORTED = {
    "assistants": f"Poe has no assistants; {_TALK}",
    "batches": _BATCHES,
    "containers": "Poe has no containers that run code",
    "embeddings": "Poe has no embedding models; take another provider for them",
    "evals": "Poe has no evaluations",
    "fine-tunes": _TUNING,
    "fine_tuning": _TUNING,
    "messages/batches": _BATCHES,
    "moderations": "Poe has no moderation models; ask any chat bot to judge the text",
    "realtime": f"Poe has no realtime sessions; {_TALK} and have the answer streamed",
    "responses/compact": "bots of Poe compact nothing; ask one to sum the conversation up",
    "threads": f"Poe has no threads; {_TALK}",
    "uploads": "Poe takes no uploads in parts; send the whole file to /v1/files",
    "vector_stores": "Poe has no vector stores; send the files with the question, by their ids "
    "if you like",
    "videos/characters": "bots know no characters; describe them in the prompt",
    "videos/edits": FILMED,
}
"""The beginning of a path, and the reason why it is not served, for people."""


def refuse(why: str, **_rest_of_path: str) -> NoReturn:
    """Needs no credential, because the answer is the same for everyone."""
    path = request.environ.get("poegate.path", request.path)
    raise NotFound(f"{request.method} {path}: {why}.", code="unsupported_endpoint")


for _start, _why in UNSUPPORTED.items():
    for _rule in (f"/{_start}", f"/{_start}/<path:rest>"):
        blueprint.add_url_rule(
            _rule,
            endpoint=_rule,
            view_func=refuse,
            methods=METHODS,
            defaults={"why": _why},
            strict_slashes=False,
        )
