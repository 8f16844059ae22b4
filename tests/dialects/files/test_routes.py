"""/files: uploaded once to Poe, listed, given back, and named by id in a conversation."""

import json
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import anthropic
import openai
import pytest
import requests

from tests.servers import Server, free_port, running
from tests.upload_server import FOLDER

PDF = b"%PDF-1.7 not much of a document"
HOUR = 3600


@pytest.fixture(scope="module")
def poe_files(logs: Path) -> Iterator[Server]:
    port = free_port()
    with running(["-m", "tests.file_server", str(port)], port, logs / "files.log") as server:
        yield server


class Place(NamedTuple):
    """Where a test talks to, and what a gateway of the same kind needs."""

    server: Server
    settings: dict[str, str]


@pytest.fixture(scope="module")
def place(
    start_gateway: Callable[..., Server],
    poe_files: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Place:
    settings = {
        "POE_UPLOAD_URL": poe_files.url + FOLDER,
        "STATE_DIR": str(tmp_path_factory.mktemp("state")),
        "MAX_BODY_MB": "110",
    }
    return Place(start_gateway(**settings), settings)


@pytest.fixture
def key() -> str:
    """A client of its own for each test."""
    return f"key-{uuid4().hex}"


@pytest.fixture
def gpt(place: Place, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{place.server.url}/v1", api_key=key, max_retries=0, timeout=60
    ) as sdk:
        yield sdk


@pytest.fixture
def claude(place: Place, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=place.server.url, api_key=key, max_retries=0, _strict_response_validation=True
    ) as sdk:
        yield sdk


def uploads(server: Server) -> list[str]:
    names: list[str] = requests.get(f"{server.url}/uploads", timeout=5).json()
    return names


def post(place: Place, key: str, form: dict[str, str], **files: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{place.server.url}/v1/files"
    return requests.post(url, data=form, files=files or None, headers=headers, timeout=30)


def test_it_works(gpt: openai.OpenAI) -> None:
    made = gpt.files.create(file=("report.pdf", PDF), purpose="user_data")
    assert (made.filename, made.bytes, made.purpose) == ("report.pdf", len(PDF), "user_data")
    assert made.object == "file" and made.status == "processed"
    assert made.expires_at is not None and made.expires_at - made.created_at == 30 * 24 * HOUR
    assert gpt.files.retrieve(made.id) == made
    assert [file.id for file in gpt.files.list()] == [made.id]
    assert gpt.files.content(made.id).read() == PDF
    assert gpt.files.wait_for_processing(made.id) == made
    deleted = gpt.files.delete(made.id)
    assert deleted.deleted and deleted.id == made.id
    assert list(gpt.files.list()) == []
    for ask in (gpt.files.retrieve, gpt.files.content, gpt.files.delete):
        with pytest.raises(openai.NotFoundError):
            ask(made.id)


@pytest.mark.parametrize("size", [1, 400_000, 3_000_000])
def test_bytes_of_all_sizes_come_back_as_they_were(gpt: openai.OpenAI, size: int) -> None:
    data = random.Random(size).randbytes(size)
    made = gpt.files.create(file=("häuser 猫.bin", data), purpose="user_data")
    assert (made.filename, made.bytes) == ("häuser 猫.bin", size)
    content = gpt.files.content(made.id)
    assert content.read() == data
    disposition = content.response.headers["content-disposition"]
    assert disposition == "attachment; filename*=UTF-8''h%C3%A4user%20%E7%8C%AB.bin"


def test_the_list(gpt: openai.OpenAI) -> None:
    purposes: list[Any] = ["user_data", "vision", "user_data", "assistants", "user_data"]
    ids = [
        gpt.files.create(file=(f"{number}.txt", b"x"), purpose=purpose).id
        for number, purpose in enumerate(purposes)
    ]
    assert [file.id for file in gpt.files.list()] == ids[::-1]
    assert [file.id for file in gpt.files.list(order="asc")] == ids
    assert [file.id for file in gpt.files.list(purpose="user_data", order="asc")] == ids[::2]
    page = gpt.files.list(limit=2, order="asc")
    assert [file.id for file in page.data] == ids[:2] and page.has_more
    assert [file.id for file in page] == ids
    assert [file.id for file in gpt.files.list(after=ids[3], order="asc").data] == ids[4:]


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "order=up", "after=nothing"])
def test_a_list_that_cannot_be(place: Place, key: str, query: str) -> None:
    url, headers = f"{place.server.url}/v1/files?{query}", {"x-api-key": key}
    answer = requests.get(url, headers=headers, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]


def test_nobody_else_finds_it(gpt: openai.OpenAI) -> None:
    file_id = gpt.files.create(file=("mine.txt", b"mine"), purpose="user_data").id
    other = gpt.with_options(api_key="somebody-else")
    for ask in (other.files.retrieve, other.files.content, other.files.delete):
        with pytest.raises(openai.NotFoundError):
            ask(file_id)
    assert list(other.files.list()) == []
    with pytest.raises(openai.BadRequestError, match="no file with the id"):
        talk(other, file_id)
    assert gpt.files.retrieve(file_id).id == file_id


def test_it_outlives_the_process(
    place: Place, key: str, gpt: openai.OpenAI, start_gateway: Callable[..., Server]
) -> None:
    made = gpt.files.create(file=("kept.txt", b"kept"), purpose="user_data")
    other = gpt.with_options(base_url=f"{start_gateway(**place.settings).url}/v1")
    assert other.files.retrieve(made.id) == made
    assert other.files.content(made.id).read() == b"kept"


def test_many_at_once_are_all_listed(gpt: openai.OpenAI) -> None:
    with ThreadPoolExecutor(12) as threads:
        made = threads.map(
            lambda number: gpt.files.create(file=(f"{number}", b"x"), purpose="user_data").id,
            range(24),
        )
        assert set(made) == {file.id for file in gpt.files.list()}


def test_a_life_that_is_told(gpt: openai.OpenAI) -> None:
    life: Any = {"anchor": "created_at", "seconds": HOUR}
    made = gpt.files.create(file=("a.txt", b"a"), purpose="user_data", expires_after=life)
    assert made.expires_at == made.created_at + HOUR
    life["seconds"] = 59
    with pytest.raises(openai.BadRequestError) as caught:
        gpt.files.create(file=("a.txt", b"a"), purpose="user_data", expires_after=life)
    assert caught.value.param == "expires_after[seconds]"


@pytest.mark.parametrize(
    ("form", "files", "param"),
    [
        ({"purpose": "user_data"}, {}, "file"),
        ({"purpose": "user_data"}, {"document": ("a", b"a")}, "file"),
        ({"purpose": "user_data"}, {"file": ("a", b"")}, "file"),
        ({}, {"file": ("a", b"a")}, "purpose"),
        ({"purpose": "fun"}, {"file": ("a", b"a")}, "purpose"),
        ({"purpose": "vision", "expires_after[anchor]": "x"}, {"file": ("a", b"a")}, None),
    ],
)
def test_a_form_that_cannot_be(
    place: Place, key: str, form: dict[str, str], files: Any, param: str | None
) -> None:
    answer = post(place, key, form, **files)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == (param or "expires_after[anchor]")


def test_what_is_no_form(place: Place, key: str) -> None:
    headers = {"x-api-key": key}
    url = f"{place.server.url}/v1/files"
    answer = requests.post(url, json={"file": "a"}, headers=headers, timeout=5)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("sent", "told"), [("../../etc/passwd", "passwd"), ("notes/a.txt", "a.txt"), ("a/", "file")]
)
def test_names_have_no_folders(place: Place, key: str, sent: str, told: str) -> None:
    answer = post(place, key, {"purpose": "user_data"}, file=(sent, b"x"))
    assert answer.json()["filename"] == told


def test_what_poe_refuses(gpt: openai.OpenAI, key: str, place: Place) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        gpt.files.create(file=("refused.bin", b"x" * 900_000), purpose="user_data")
    assert caught.value.status_code == 413
    assert "refused.bin" in caught.value.message and key not in caught.value.message
    assert list(gpt.files.list()) == []


def test_a_gateway_without_a_poe_key(start_gateway: Callable[..., Server]) -> None:
    server = start_gateway(ACCESS_TOKENS="tok")
    answer = post(Place(server, {}), "tok", {"purpose": "user_data"}, file=("a", b"a"))
    assert answer.status_code == 502 and "POE_API_KEYS" in answer.text


def test_a_credential_is_needed(place: Place) -> None:
    for path in ("", "/file-1", "/file-1/content"):
        assert requests.get(f"{place.server.url}/files{path}", timeout=5).status_code == 401


def test_no_secret_is_told(place: Place, key: str, gpt: openai.OpenAI) -> None:
    made = gpt.files.create(file=("private-name.txt", b"private"), purpose="user_data")
    assert key not in made.model_dump_json()
    printed = place.server.printed()
    assert key not in printed and "private" not in printed


@pytest.mark.parametrize("path", ["/v1/responses/{}", "/v1/responses/index"])
def test_a_file_is_no_response(gpt: openai.OpenAI, place: Place, key: str, path: str) -> None:
    file_id = gpt.files.create(file=("a.txt", b"a"), purpose="user_data").id
    url = place.server.url + path.format(file_id)
    assert requests.get(url, headers={"x-api-key": key}, timeout=5).status_code == 404
    assert (
        requests.get(
            f"{place.server.url}/v1/files/index", headers={"x-api-key": key}, timeout=5
        ).status_code
        == 404
    )


def test_anthropics_files(claude: anthropic.Anthropic, gpt: openai.OpenAI) -> None:
    made = claude.files.upload(file=("report.pdf", PDF, "application/pdf"))
    assert (made.filename, made.size_bytes, made.type) == ("report.pdf", len(PDF), "file")
    assert made.mime_type == "application/pdf" and made.downloadable
    assert claude.files.retrieve_metadata(made.id) == made
    assert claude.files.download(made.id).read() == PDF
    others = [gpt.files.create(file=(f"{n}", b"x"), purpose="user_data").id for n in range(4)]
    listed = [file.id for file in claude.files.list(limit=2)]
    assert listed == [*others[::-1], made.id]
    assert claude.files.delete(made.id).type == "file_deleted"
    with pytest.raises(anthropic.NotFoundError):
        claude.files.retrieve_metadata(made.id)


def talk(sdk: openai.OpenAI, file_id: str, **options: Any) -> Any:
    parts: Any = [
        {"type": "text", "text": "what is this?"},
        {"type": "file", "file": {"file_id": file_id}},
    ]
    messages: Any = [{"role": "user", "content": parts}]
    return sdk.chat.completions.create(model="count-3", messages=messages, **options)


def attached(seen: Callable[[], Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = seen()["last"]["count-3"]["query"][-1]["attachments"]
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_that_names_it(
    gpt: openai.OpenAI, poe_files: Server, seen: Callable[[], Any], stream: bool
) -> None:
    file_id = gpt.files.create(file=("named.pdf", PDF), purpose="user_data").id
    before = uploads(poe_files)
    for _ in range(2):
        answer = talk(gpt, file_id, stream=stream)
        assert [*answer] if stream else answer.choices[0].message.content
    [attachment] = attached(seen)
    assert (attachment["name"], attachment["content_type"]) == ("named.pdf", "application/pdf")
    assert requests.get(attachment["url"], timeout=5).content == PDF
    assert uploads(poe_files) == before, "uploaded once, and never again"


def test_a_message_that_names_it(
    claude: anthropic.Anthropic, poe_files: Server, seen: Callable[[], Any]
) -> None:
    file_id = claude.files.upload(file=("cat.png", b"\x89PNG\r\n", "image/png")).id
    before = uploads(poe_files)
    content: Any = [
        {"type": "image", "source": {"type": "file", "file_id": file_id}},
        {"type": "document", "source": {"type": "file", "file_id": file_id}},
    ]
    claude.messages.create(
        model="count-3", max_tokens=50, messages=[{"role": "user", "content": content}]
    )
    assert [found["name"] for found in attached(seen)] == ["cat.png", "cat.png"]
    assert uploads(poe_files) == before
    with pytest.raises(anthropic.BadRequestError, match="no file with the id 'file-0'"):
        content[0]["source"]["file_id"] = "file-0"
        claude.messages.create(
            model="count-3", max_tokens=50, messages=[{"role": "user", "content": content}]
        )


def test_a_response_that_names_it(
    gpt: openai.OpenAI, poe_files: Server, seen: Callable[[], Any]
) -> None:
    file_id = gpt.files.create(file=("cat.png", b"\x89PNG\r\n"), purpose="vision").id
    before = uploads(poe_files)
    content: Any = [
        {"type": "input_image", "file_id": file_id, "detail": "auto"},
        {"type": "input_file", "file_id": file_id},
    ]
    first = gpt.responses.create(model="count-3", input=[{"role": "user", "content": content}])
    assert [found["name"] for found in attached(seen)] == ["cat.png", "cat.png"]
    gpt.responses.create(model="count-3", input="and?", previous_response_id=first.id)
    earlier = seen()["last"]["count-3"]["query"][0]["attachments"]
    assert [found["name"] for found in earlier] == ["cat.png", "cat.png"]
    assert uploads(poe_files) == before


def ask_for_picture(place: Place, key: str, path: str, **fields: Any) -> requests.Response:
    """By the bot that does what its prompt says: it gives a file."""
    file = {"url": "https://h.test/new.png", "content_type": "image/png", "name": "new.png"}
    body = {"model": "script-", "prompt": json.dumps([["file", file]]), **fields}
    url, headers = f"{place.server.url}/v1/images/{path}", {"x-api-key": key}
    return requests.post(url, json=body, headers=headers, timeout=10)


def test_pictures_that_name_it(
    gpt: openai.OpenAI, place: Place, key: str, poe_files: Server, seen: Callable[[], Any]
) -> None:
    cat, hole = (
        gpt.files.create(file=(name, name.encode()), purpose="vision").id
        for name in ("cat.png", "hole.png")
    )
    before = uploads(poe_files)
    images, mask = [{"file_id": cat}, {"file_id": hole}], {"file_id": hole}
    for path, fields, names, sources in (
        ("edits", {"images": images, "mask": mask}, "cat hole mask", "cat hole hole"),
        ("edits", {"image": images[0]}, "cat", "cat"),
        ("variations", {"image": images[1]}, "hole", "hole"),
    ):
        answer = ask_for_picture(place, key, path, **fields)
        assert answer.json()["data"] == [{"url": "https://h.test/new.png"}]
        files = seen()["last"]["script-"]["query"][-1]["attachments"]
        assert [file["name"] for file in files] == [f"{name}.png" for name in names.split()]
        contents = [requests.get(file["url"], timeout=5).text for file in files]
        assert contents == [f"{name}.png" for name in sources.split()]
    assert uploads(poe_files) == before


@pytest.mark.parametrize("file_id", ["file-nothing", "../index", "\x00", "\ud800"])
@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("edits", '{"image": {"file_id": ID}}', "image.file_id"),
        ("edits", '{"images": ["https://h.test/a", {"file_id": ID}]}', "images[1].file_id"),
        ("edits", '{"image": "https://h.test/a", "mask": {"file_id": ID}}', "mask.file_id"),
        ("variations", '{"image": {"file_id": ID}}', "image.file_id"),
    ],
)
def test_pictures_that_name_an_unknown_file(
    place: Place, key: str, path: str, fields: str, param: str, file_id: str
) -> None:
    named = json.loads(fields.replace("ID", json.dumps(file_id)))
    answer = ask_for_picture(place, key, path, **named)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["code"] == "file_not_found"


def test_an_unknown_file_is_an_error_that_names_its_place(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        talk(gpt, "file-nothing", stream=True)
    assert caught.value.param == "messages[0].content[1].file.file_id"


def worker_peak(server: Server) -> int:
    """The worker's highest memory so far, in bytes."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    [worker] = children.split()
    [line] = [
        line for line in Path(f"/proc/{worker}/status").read_text().splitlines() if "VmHWM" in line
    ]
    return int(line.split()[1]) * 1024


def test_100_megabytes_in_less_than_60_of_memory(gpt: openai.OpenAI, place: Place) -> None:
    gpt.files.create(file=("small.bin", b"x"), purpose="user_data")
    before = worker_peak(place.server)
    data = os.urandom(100_000_000)
    made = gpt.files.create(file=("large.bin", data), purpose="user_data")
    assert made.bytes == len(data)
    assert worker_peak(place.server) - before < 60_000_000
    digest = sha256()
    with gpt.files.with_streaming_response.content(made.id) as answer:
        for block in answer.iter_bytes():
            digest.update(block)
    assert digest.digest() == sha256(data).digest()
    assert worker_peak(place.server) - before < 60_000_000


def test_errors_speak_the_vendors_dialect(claude: anthropic.Anthropic, place: Place) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        claude.beta.files.retrieve_metadata("file_nothing")
    body: Any = caught.value.body
    assert body["type"] == "error" and body["error"]["type"] == "not_found_error"
    with pytest.raises(anthropic.NotFoundError) as caught:
        claude.models.retrieve("nobody")
    body = caught.value.body
    assert body["type"] == "error" and body["error"]["type"] == "not_found_error"


def test_nothing_is_uploaded_whose_record_cannot_be_kept(
    start_gateway: Callable[..., Server], place: Place, poe_files: Server, key: str
) -> None:
    """The SDKs ask again after a 503: an upload would be paid for three times."""
    full = Place(start_gateway(**{**place.settings, "STATE_DIR": "/proc/nowhere"}), {})
    before = uploads(poe_files)
    answer = post(full, key, {"purpose": "user_data"}, file=("report.pdf", PDF))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert uploads(poe_files) == before
