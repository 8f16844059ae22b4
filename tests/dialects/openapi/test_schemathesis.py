"""Requests as schemathesis makes them up from the OpenAPI document, to a real gateway.

Each must be answered as the document says: its status, headers, content type and body. What the
document allows must be accepted, what it forbids refused.
"""

import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

from app.config import Settings
from app.dialects.openapi.routes import describe
from app.factory import create_app
from tests.servers import Server, free_port, running
from tests.upload_server import FOLDER

pytestmark = pytest.mark.long

TOKEN = "schemathesis-token"
CREDENTIAL = {"Authorization": f"Bearer {TOKEN}"}
ADMIN_TOKEN = "schemathesis-admin"
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "8"))
"""For each operation, beside those that cover each word of its schema."""

MANY, ONE_IN = 200, 4
"""Requests to one operation after which one in some must do: blocks have a thousand words."""

TALKERS = (
    *("demo-echo", "demo-echo", "demo-agent", "demo-reasoner", "demo-search"),
    *("demo-error", "status-529", "no-such-bot"),
)
PAINTERS = ("demo-image", "demo-image", "demo-image", "status-503", "no-such-bot")
SPEAKERS = ("demo-speech", "demo-speech", "demo-speech", "demo-echo", "no-such-bot")
LISTENERS = ("demo-transcriber", "demo-transcriber", "status-402", "no-such-bot")
FILMERS = ("demo-image", "demo-image", "demo-video", "no-such-bot")
BOTS = {
    "/images": PAINTERS,
    "/audio/speech": SPEAKERS,
    "/audio/tr": LISTENERS,
    "/videos": FILMERS,
    "/": TALKERS,
}
"""Who is asked, by how the path begins. Those that are left out have a default."""

ONLY_AT_POE = ("POST /videos/{video_id}/remix", "POST /videos/extensions")
"""Only what Poe's own API made can be changed; the bots here make all of it."""

BEYOND_SCHEMA = re.compile(
    r"There is no file with the id"
    r"|Poe keeps no video of yours"
    r"|Nothing with the id .* is in this list"
    r"|No query with the id"
    r"|Item with id .* not found"
    r"|No tool of the name"
    r"|There are no tools to choose from"
    r"|There is nothing to answer"
    r"|Not valid base64"  # a plain base64 text or a data URL, or under a mere annotation
    r"|The file is empty"
    r"|At most 8 choices in all"
    r"|seconds: Must be above 0 and at most"  # a number within a text
    r"|purpose: Missing data"  # needed by OpenAI's clients alone: a header tells them apart
    r"|by: The keys of the gateway are its operator's"
    r"|There is a token called .* already"
    r"|(from|to): expected a date"
    r"|models: expected a list of at most 100 names or globs"
    r"|limit: Must be .* less than or equal to 1000\."  # of Anthropic's clients alone
)
"""Faults that no JSON Schema can tell: they lie between fields, in a header or in what is kept."""

DOCUMENT = describe(create_app(Settings()))
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.seed = 20
schema.config.generation.deterministic = True
schema.config.generation.max_examples = EXAMPLES
schema.config.generation.allow_extra_parameters = False  # unknown names in a query do no harm
schema.config.checks.not_a_server_error.expected_statuses = ["2xx", "3xx", "4xx", "502", "529"]
schema.config.checks.positive_data_acceptance.expected_statuses = [
    *("2xx", "402", "404", "429", "502", "529"),
]


@schema.hook
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Whether a failure is one."""
    if isinstance(failure, RejectedPositiveData):
        only_errors = "200" not in documented(case.operation.label)["responses"]
        return not only_errors and not BEYOND_SCHEMA.search(response.text)
    shared = ("POST /responses/input_tokens", "POST /videos/extensions")
    if case.operation.label in shared and "Allow" in failure.title:
        return False  # its path is also that of a response or a video of this name
    if isinstance(failure, AcceptedNegativeData):
        return not is_not_read(case) and not cannot_be_formed(case, failure)
    return True


def documented(label: str) -> dict[str, Any]:
    """What the document says of ``GET /files``."""
    method, _, path = label.partition(" ")
    operation: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return operation


def is_not_read(case: Case[Any]) -> bool:
    """The first of several values counts; in lists of both vendors a header tells what is read."""
    if any(isinstance(value, list) for value in (case.query or {}).values()):
        return True
    parameters = documented(case.operation.label)["parameters"]
    names = {parameter["name"] for parameter in parameters}
    return "anthropic-version" in names and case.method == "GET"


def cannot_be_formed(case: Case[Any], failure: Failure) -> bool:
    """A form cannot write an empty list, its nulls count as not given, and any bytes are a file."""
    form = case.body if case.media_type == "multipart/form-data" else None
    if not isinstance(form, dict):
        return False
    no_file = re.search(
        "violates `format`|object with (valid|only|all) |positive test case", failure.message
    )
    return bool(no_file) or any(value in ([], {}, None) for value in form.values())


class Tally:
    """What came of the requests to each operation, by whether the document allowed them."""

    def __init__(self) -> None:
        self.statuses: defaultdict[str, Counter[tuple[bool, int]]] = defaultdict(Counter)
        self._turns: Counter[str] = Counter()

    def turn(self, label: str) -> int:
        """How many requests to the operation there were before."""
        self._turns[label] += 1
        return self._turns[label] - 1

    def note(self, label: str, allowed: bool, status: int) -> None:
        self.statuses[label][allowed, status] += 1

    def check(self) -> None:
        assert [item for item in self.statuses.items() if self._lacks(item[0])] == []

    def _lacks(self, label: str) -> bool:
        """Whether an answer was never seen that an operation should have given.

        Few of the bodies made up for a PATCH are right, and only then is its name looked up.
        """
        statuses, told = self.statuses[label], documented(label)["responses"]
        missing = sum(count for (_, status), count in statuses.items() if status == 404)
        return (
            ("200" in told and statuses[True, 200] < 2 and label not in ONLY_AT_POE)
            or ("400" in told and "200" in told and statuses[False, 400] < 4)
            or ("{" in label and not missing and not label.startswith("PATCH"))
            or any(status == 500 for _, status in statuses)
        )


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """Checked at the end: a test whose requests all failed early has tested nothing."""
    tally = Tally()
    yield tally
    tally.check()


@pytest.fixture(scope="module")
def place(start_gateway: Callable[..., Server], logs: Path) -> Iterator[Server]:
    """A gateway that knows its clients, so that a wrong credential can be told."""
    port = free_port()
    with running(["-m", "tests.file_server", str(port)], port, logs / "links.log") as files:
        yield start_gateway(
            ACCESS_TOKENS=TOKEN,
            ADMIN_TOKEN=ADMIN_TOKEN,
            STORED_TOKENS="on",
            POOL_HISTORY="all",
            POE_API_KEYS="points-100-30-5,points-20-10-7",
            POE_UPLOAD_URL=files.url + FOLDER,
            IMAGE_MODEL="demo-image",
            FIRST_EVENT_TIMEOUT="5",
            IDLE_TIMEOUT="5",
        )


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def aim_body(case: Case[Any], turn: int) -> None:
    """Names bots that there are, mostly, and a day."""
    body = case.body if isinstance(case.body, dict) else {}
    if "model" in body or (case.path.startswith(("/images", "/videos")) and turn % 8):
        bots = next(bots for start, bots in BOTS.items() if case.path.startswith(start))
        body["model"] = bots[turn % len(bots)]
    if "expires" in body:
        body["expires"] = "2027-01-31"  # an empty text is made for any format
    if body.get("input") and turn % 8:
        body.pop("previous_response_id", None)


def aim_path(case: Case[Any], place: Server, session: requests.Session, turn: int) -> None:
    """Names what there is, every other time, unless the name is what is wrong with the request."""
    wrong = case.meta is not None and case.meta.is_negative_at(ParameterLocation.PATH)
    if case.path_parameters and turn % 2 and not wrong:
        new = next(new for start, new in NEW.items() if case.path.startswith(start))
        case.path_parameters[list(case.path_parameters)[-1]] = new(place, session)


def new_file(place: Server, session: requests.Session) -> str:
    form: Any = {"purpose": (None, "user_data"), "file": ("notes.txt", b"notes", "text/plain")}
    answer = session.post(f"{place.url}/files", files=form, headers=CREDENTIAL, timeout=20)
    answer.raise_for_status()
    return str(answer.json()["id"])


def new_response(place: Server, session: requests.Session) -> str:
    body = {"model": "demo-echo", "input": "hello"}
    answer = session.post(f"{place.url}/responses", json=body, headers=CREDENTIAL, timeout=20)
    return str(answer.json()["id"])


def new_video(place: Server, session: requests.Session) -> str:
    """One that is made already, as soon as the gateway takes one more."""
    body = {"model": "demo-image", "prompt": "a wave"}
    video: dict[str, Any] = {}
    for _ in range(200):
        if "id" in video:
            url = f"{place.url}/videos/{video['id']}"
            video = session.get(url, headers=CREDENTIAL, timeout=20).json()
        else:
            url = f"{place.url}/videos"
            video = session.post(url, json=body, headers=CREDENTIAL, timeout=20).json()
        if video.get("status") == "completed":
            return str(video["id"])
        time.sleep(0.05)
    raise TimeoutError(video)


def new_token(place: Server, session: requests.Session) -> str:
    name = f"made-{time.monotonic_ns()}"
    url = f"{place.url}/admin/tokens"
    session.post(url, json={"name": name}, headers=ADMIN, timeout=20).raise_for_status()
    return name


NEW: dict[str, Callable[[Server, requests.Session], str]] = {
    "/admin/keys": lambda *_: "1",
    "/admin/tokens": new_token,
    "/files": new_file,
    "/models": lambda *_: "Gemini-2.5-Pro",
    "/responses": new_response,
    "/static": lambda *_: "main.js",
    "/videos": new_video,
}


@schema.parametrize()
@hypothesis.settings(deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_it_answers_as_the_document_says(
    case: Case[Any], place: Server, session: requests.Session, tally: Tally
) -> None:
    assert case.meta is not None
    turn, allowed = tally.turn(case.operation.label), case.meta.generation.mode.is_positive
    if turn > MANY and turn % ONE_IN:
        return
    if allowed:
        aim_body(case, turn)
    aim_path(case, place, session, turn)
    base: dict[str, Any] = {"base_url": f"{place.url}/v1"}
    headers = ADMIN if case.path.startswith("/admin") else CREDENTIAL
    response = case.call(**base, session=session, headers=headers, timeout=30)
    tally.note(case.operation.label, allowed, response.status_code)
    case.validate_response(response, headers=headers, transport_kwargs=base)
