"""Play: conversations with bots, as a user has them."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.demo.picture import draw
from tests.web.conftest import Open, wait_for_truth

pytestmark = pytest.mark.long

Seen = Callable[[], Any]

HOSTILE = """\
<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">
<svg onload="window.hacked = 1"></svg><iframe srcdoc="<script>parent.hacked=1</script>"></iframe>
<style>body { display: none }</style><a href="javascript:hacked=1" style="color: red">click</a>
[link](javascript:window.hacked=1) [data](data:text/html,<script>hacked=1</script>)
[fine](https://example.com/ "title\\" onmouseover=hacked=1") ![x](https://example.com/x.png"onerror=hacked=1)
```html" onclick="window.hacked=1
<b>code</b>
```
"""


def ask(page: Page, text: str) -> Locator:
    """Send a message; the last answer, complete."""
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    answer = page.locator("article.answer").last
    expect(answer).to_have_attribute("aria-busy", "false", timeout=30_000)
    return answer


def test_an_answer_streams_with_its_figures(open_page: Open) -> None:
    page = open_page("play?model=demo-story")
    page.get_by_label("Message", exact=True).fill("Tell me.")
    page.keyboard.press("Enter")
    answer = page.locator("article.answer")
    expect(answer).to_contain_text("Before the harbour")
    assert "lullaby" not in answer.inner_text()  # it came while the bot was still writing
    white_space = "node => getComputedStyle(node).whiteSpace"
    assert answer.locator(".markdown").evaluate(white_space) == "normal"
    expect(answer).to_contain_text("like a lullaby.", timeout=15_000)
    expect(answer.locator(".stats")).to_have_text(
        re.compile(r"\d+ → 251 tokens.*first token [\d.]+ m?s.*\d+ tokens/s")
    )


def test_stop_closes_the_upstream(open_page: Open, seen: Seen) -> None:
    before = seen()["closed"].get("/bot/endless-page", 0)
    page = open_page("play?model=endless-page")
    page.get_by_label("Message", exact=True).fill("Go on and on.")
    page.keyboard.press("Enter")
    answer = page.locator("article.answer")
    expect(answer).to_contain_text("more more")
    page.get_by_role("button", name="Stop").click()
    expect(answer.locator(".stats")).to_contain_text("stopped")
    deadline = time.monotonic() + 10
    while seen()["closed"].get("/bot/endless-page", 0) == before:
        assert time.monotonic() < deadline, "the bot is still being read"
        time.sleep(0.1)


def test_reasoning_is_folded_away(open_page: Open) -> None:
    page = open_page("play?model=demo-reasoner")
    answer = ask(page, "one two three")
    expect(answer.locator(".markdown")).to_have_text("Your message has 3 words and 13 characters.")
    thoughts = answer.get_by_text("I count words, then characters.")
    expect(thoughts).to_be_hidden()
    answer.get_by_text("Reasoning").click()
    expect(thoughts).to_be_visible()


def test_a_picture_is_loaded_when_asked_for(open_page: Open) -> None:
    page = open_page("play?model=demo-image")
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    answer = ask(page, "a sunset")
    assert not [url for url in loaded if url.endswith(".png")]
    answer.get_by_role("button", name="Load picture").click()
    picture = answer.locator("img")
    expect(picture).to_be_visible()
    wait_for_truth(page, "document.querySelector('.answer img').naturalWidth > 0")
    expect(answer.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")


def test_sound_is_played(open_page: Open) -> None:
    page = open_page("play?model=demo-speech")
    answer = ask(page, "hi")
    answer.get_by_role("button", name="Load sound").click()
    player = answer.locator("audio")
    expect(player).to_have_js_property("controls", True)
    wait_for_truth(page, "document.querySelector('.answer audio').duration > 0")


def test_a_video_is_loaded_as_such_and_stays_a_link_where_it_cannot_be_played(
    open_page: Open,
) -> None:
    page = open_page("play?model=demo-video")
    answer = ask(page, "hi")
    with page.expect_request("**/*.avi") as caught:
        answer.get_by_role("button", name="Load video").click()
    assert caught.value.resource_type == "media"
    expect(answer).to_contain_text("It cannot be loaded.")  # Chromium plays no AVI
    expect(answer.get_by_role("link")).to_have_attribute("href", caught.value.url)


def test_a_file_is_dropped_and_read_by_the_bot(open_page: Open, seen: Seen) -> None:
    page = open_page("play?model=demo-echo")
    transfer = page.evaluate_handle(
        """() => {
          const transfer = new DataTransfer();
          const file = new File(["Tides follow the moon."], "tides.txt", {type: "text/plain"});
          transfer.items.add(file);
          return transfer;
        }"""
    )
    page.get_by_role("log").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.locator(".composer .file")).to_contain_text("tides.txt")
    request = sent_by(page, lambda: ask(page, "Read this."))
    parts = request["messages"][0]["content"]
    assert parts[0] == {"type": "text", "text": "Read this."}
    assert parts[1]["type"] == "file"
    assert parts[1]["file"]["filename"] == "tides.txt"
    assert parts[1]["file"]["file_data"].startswith("data:text/plain;base64,VGlkZXMg")
    expect(page.locator(".message.user .file")).to_contain_text("tides.txt")


def test_a_picture_is_attached_by_choice_and_can_be_removed(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page("play?model=demo-echo")
    picture = tmp_path / "dot.png"
    picture.write_bytes(draw("ff00000000ff"))
    page.locator("input[type=file]").set_input_files([picture, picture])
    expect(page.locator(".composer .file img")).to_have_count(2)
    page.get_by_role("button", name="Remove dot.png").first.click()
    request = sent_by(page, lambda: ask(page, "Look."))
    parts = request["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,")


def sent_by(page: Page, act: Callable[[], Any]) -> Any:
    """The body of the chat request that `act` makes the page send."""
    with page.expect_request("**/v1/chat/completions") as caught:
        act()
    return json.loads(caught.value.post_data or "")


def test_an_empty_file_is_refused_in_words(open_page: Open, tmp_path: Path) -> None:
    page = open_page("play?model=demo-echo")
    empty = tmp_path / "nothing.txt"
    empty.touch()
    page.locator("input[type=file]").set_input_files(empty)
    expect(page.get_by_role("alert")).to_contain_text("nothing.txt is empty.")


def test_a_hostile_answer_stays_text(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    answer = ask(page, HOSTILE).locator(".markdown")
    expect(answer).to_contain_text("<script>window.hacked = 1</script>")
    expect(answer).to_contain_text("<style>body { display: none }</style>")
    assert page.evaluate("window.hacked") is None
    tags = answer.evaluate("node => [...node.querySelectorAll('*')].map((each) => each.tagName)")
    assert not {"SCRIPT", "IMG", "SVG", "IFRAME", "STYLE"} & set(tags)
    attributes = answer.evaluate(
        "node => [...node.querySelectorAll('*')].flatMap((each) => each.getAttributeNames())"
    )
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    for link in answer.locator("a").all():
        assert str(link.get_attribute("href")).startswith("https://")
        assert "noopener" in str(link.get_attribute("rel"))
    assert not [url for url in outside if "example.com" in url]


@pytest.mark.parametrize(
    "text",
    [
        "- " * 3_000,
        "> " * 6_000,
        "1. " * 6_000,
        "*" * 60_000,
        "*a" * 30_000,
        "a" + " " * 60_000,
        "Qx1/" * 15_000,
    ],
    ids=["lists", "quotations", "numbers", "stars", "emphases", "blanks", "one word"],
)
def test_no_text_overflows_or_holds_the_page(open_page: Open, text: str) -> None:
    """Blocks in blocks by the thousand, and marks whose reading takes the square of their number:
    the text is shown, and no task of the page's thread takes long."""
    page = open_page("play?model=demo-echo")
    page.evaluate(
        """() => new PerformanceObserver((seen) => {
          for (const { duration } of seen.getEntries())
            window.longest = Math.max(window.longest, duration);
        }).observe({ type: "longtask" })"""
    )
    page.get_by_label("Message", exact=True).fill(text + "z")
    page.evaluate("window.longest = 0")
    page.get_by_role("button", name="Send", exact=True).click()
    answer = page.locator("article.answer")
    expect(answer).to_have_attribute("aria-busy", "false", timeout=30_000)
    expect(answer.locator(".markdown")).to_have_text(re.compile(r"z\s*$"))
    assert page.evaluate("window.longest") < 1_000


def test_markdown_is_drawn(open_page: Open) -> None:
    page = open_page("play?model=demo-echo", permissions=["clipboard-read", "clipboard-write"])
    answer = ask(page, "## Title\n\n- one\n- **two**\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n"
                 "```python\nprint('hi')\n```\n\nlast *words*")  # fmt: skip
    expect(answer.get_by_role("heading", name="Title")).to_be_visible()
    expect(answer.locator("li strong")).to_have_text("two")
    expect(answer.locator("td").last).to_have_text("2")
    expect(answer.locator("em")).to_have_text("words")
    expect(answer.locator("code .hljs-string")).to_have_text("'hi'")
    answer.get_by_role("button", name="Copy", exact=True).click()
    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "print('hi')"


def test_what_streams_is_drawn_as_the_whole_would_be(open_page: Open) -> None:
    """Blocks are drawn as they become complete; a reload draws the text at once."""
    text = (
        "# One\n\npara *a*\nsecond line\n\n1. first\n\n2. second\n   - deep\n\n> quote\n> more\n\n"
        "```js\nlet a = 1;\n\n\nlet b = 2;\n```\n\n| x |\n|---|\n| y |\n\n---\n\n"
        "**end** `code`\n\n\n"
    )
    page = open_page("play?model=demo-echo")
    streamed = ask(page, text).locator(".markdown")
    expect(streamed.locator(".hljs-keyword")).to_have_count(2)
    before = streamed.inner_html()
    page.wait_for_timeout(600)  # until it is kept
    page.reload()
    again = page.locator("article.answer .markdown")
    expect(again.locator(".hljs-keyword")).to_have_count(2)
    assert again.inner_html() == before


def test_the_bots_parameters_become_controls(open_page: Open, seen: Seen) -> None:
    page = open_page("play?model=count-3")
    settings = page.get_by_role("complementary", name="Settings")
    budget = settings.get_by_label("thinking_budget")
    expect(budget).to_have_attribute("placeholder", "1024")
    expect(budget).to_have_attribute("max", "16384")
    budget.fill("2048")
    settings.get_by_label("reasoning_effort").select_option("high")
    settings.get_by_label("web_search").check()
    settings.get_by_label("System prompt").fill("Be brief.")
    ask(page, "a")
    asked = seen()["last"]["count-3"]["query"]
    assert asked[-1]["parameters"] == {
        "thinking_budget": 2048,
        "reasoning_effort": "high",
        "web_search": True,
    }
    assert (asked[0]["role"], asked[0]["content"]) == ("system", "Be brief.")
    budget.fill("")
    ask(page, "b")
    assert "thinking_budget" not in seen()["last"]["count-3"]["query"][-1]["parameters"]


def test_a_bot_is_found_by_typing(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    bot = page.get_by_role("combobox", name="Bot")
    bot.click()
    bot.fill("google 10")
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_contain_text("Google-")
    page.keyboard.press("ArrowDown")
    chosen = page.get_by_role("listbox").get_by_role("option", selected=True)
    name = chosen.locator("span").first.inner_text()
    page.keyboard.press("Enter")
    expect(bot).to_have_value(name)
    bot.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    bot.click()
    bot.fill("A bot of my own")
    page.keyboard.press("Enter")
    expect(bot).to_have_value("A bot of my own")


def test_tools_are_called_and_their_results_sent(open_page: Open) -> None:
    page = open_page("play?model=demo-agent")
    tool = {
        "type": "function",
        "function": {
            "name": "add",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}}},
        },
    }
    settings = page.get_by_role("complementary", name="Settings")
    settings.get_by_text("For developers").click()
    settings.get_by_label("Tools").fill(json.dumps([tool]))
    answer = ask(page, 'call add {"a": 1}')
    expect(answer.locator(".call-name")).to_have_text("add")
    answer.get_by_label("Result of add").fill("42")
    request = sent_by(page, answer.get_by_role("button", name="Send the results").click)
    result = request["messages"][-1]
    call = request["messages"][-2]["tool_calls"][0]
    assert (result["role"], result["content"]) == ("tool", "42")
    assert result["tool_call_id"] == call["id"]
    expect(page.locator("article.answer").last).to_contain_text("42")


def test_a_schema_that_is_not_json_is_told_before_anything_is_sent(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    settings = page.get_by_role("complementary", name="Settings")
    settings.get_by_text("For developers").click()
    box = settings.get_by_label("Schema of the answer")
    box.fill('{"type": ')
    page.get_by_label("Message", exact=True).fill("Hello")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(page.get_by_role("alert")).to_contain_text("cannot be used")
    box.fill('{"type": "object", "properties": {"a": {"type": "integer"}}}')
    request = sent_by(page, lambda: ask(page, '{"a": 1}'))
    assert request["response_format"]["json_schema"]["schema"]["type"] == "object"


def test_a_conversation_survives_a_reload_and_can_be_cleared(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    ask(page, "Remember the tide gauge.")
    page.wait_for_timeout(600)
    page.reload()
    expect(page.locator("article.answer")).to_contain_text("Remember the tide gauge.")
    request = sent_by(page, lambda: ask(page, "And then?"))
    assert [message["role"] for message in request["messages"]] == ["user", "assistant", "user"]
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("article.message")).to_have_count(0)
    page.wait_for_timeout(600)
    page.reload()
    expect(page.get_by_text("Ask demo-echo")).to_be_visible()


def test_two_tabs_have_conversations_of_their_own(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    ask(page, "Said in the first tab.")
    page.wait_for_timeout(600)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("article.answer")).to_contain_text("Said in the first tab.")
    other.get_by_role("button", name="New conversation").click()
    ask(other, "Said in the second tab.")
    page.wait_for_timeout(600)
    page.reload()
    expect(page.locator("article.answer")).to_contain_text("Said in the first tab.")
    other.reload()
    expect(other.locator("article.answer")).to_contain_text("Said in the second tab.")


def test_what_is_being_written_stays_while_another_view_is_looked_at(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    page.get_by_label("Message", exact=True).fill("Half a thought")
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Half a thought")


def test_it_begins_with_a_bot_that_people_ask_for(open_page: Open) -> None:
    page = open_page("play")
    expect(page.get_by_role("combobox", name="Bot")).to_have_value("Claude-Sonnet-4.5")


def test_a_bot_that_was_picked_is_still_picked_after_a_reload(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    field = page.get_by_role("combobox", name="Bot")
    field.click()
    field.fill("demo-story")
    page.get_by_role("option", name="demo-story").first.click()
    page.wait_for_timeout(600)
    page.reload()
    expect(page.get_by_role("combobox", name="Bot")).to_have_value("demo-story")


def test_an_answer_stopped_before_its_first_word_is_not_sent(open_page: Open) -> None:
    page = open_page("play?model=silent-0")
    page.get_by_label("Message", exact=True).fill("Say nothing.")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("article.answer")).to_contain_text("stopped")
    request = sent_by(page, lambda: ask_without_waiting(page, "And now?"))
    assert [message["role"] for message in request["messages"]] == ["user", "user"]


def ask_without_waiting(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_an_answer_that_was_streaming_survives_a_reload(open_page: Open) -> None:
    page = open_page("play?model=endless-page")
    page.get_by_label("Message", exact=True).fill("Go on until the reload.")
    page.keyboard.press("Enter")
    expect(page.locator("article.answer")).to_contain_text("more more")
    page.wait_for_timeout(2000)
    page.reload()
    expect(page.get_by_text("Go on until the reload.")).to_be_visible()
    expect(page.locator("article.answer")).to_contain_text("more more")


@pytest.mark.parametrize(
    "damaged",
    ["{messages: null}", "{schema: null}", '{messages: [{role: "assistant"}]}', '"text"'],
)
def test_a_damaged_conversation_is_left_alone(open_page: Open, damaged: str) -> None:
    page = open_page("play?model=demo-echo")
    ask(page, "Before the damage.")
    page.wait_for_timeout(600)
    page.evaluate(
        f"""() => new Promise((done) => {{
            const opening = indexedDB.open("poegate", 1);
            opening.onsuccess = () => {{
                const kept = opening.result.transaction("conversations", "readwrite");
                kept.objectStore("conversations").put({damaged}, "current");
                kept.oncomplete = done;
            }};
        }})"""
    )
    other = page.context.new_page()
    other.goto(page.url)
    answer = ask(other, "After the damage.")
    expect(answer).to_contain_text("After the damage.")


def test_the_page_works_where_the_browser_keeps_nothing(open_page: Open) -> None:
    page = open_page("play?model=demo-echo", token="")
    refuse = "throw new DOMException('refused', 'SecurityError')"
    page.add_init_script(
        f"""for (const name of ["localStorage", "sessionStorage"])
            Object.defineProperty(window, name, {{ get() {{ {refuse}; }} }});"""
    )
    page.reload()
    page.goto(page.url.split("#")[0] + "#/start")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_conversation_is_exported(open_page: Open) -> None:
    page = open_page("play?model=demo-echo")
    ask(page, "Keep **this**.")
    texts = {}
    page.get_by_role("button", name="Export the conversation").click()
    expect(page.get_by_role("button", name="Markdown", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Markdown", exact=True)).to_be_hidden()
    for name in ("Markdown", "JSON"):
        page.get_by_role("button", name="Export the conversation").click()
        with page.expect_download() as caught:
            page.get_by_role("button", name=name, exact=True).click()
        texts[name] = Path(caught.value.path()).read_text()
    assert "## User\n\nKeep **this**.\n\n## demo-echo\n\nKeep **this**." in texts["Markdown"]
    exported = json.loads(texts["JSON"])
    assert [each["role"] for each in exported["messages"]] == ["user", "assistant"]
    assert {"parameters", "schema", "tools"} <= exported.keys()


def test_the_request_is_shown_as_code(open_page: Open) -> None:
    page = open_page("play?model=count-3")
    page.get_by_role("complementary", name="Settings").get_by_label("thinking_budget").fill("99")
    page.get_by_label("Message", exact=True).fill("It's raw" + " and long" * 500)
    page.get_by_role("button", name="Show as code").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("curl -N")
    expect(dialog).to_contain_text("It'\\''s raw")
    assert dialog.locator("pre").inner_text().count(" and long") == 500
    dialog.get_by_role("tab", name="Python").click()
    expect(dialog).to_contain_text('extra_body={"thinking_budget": 99}')
    compile(dialog.locator("pre").inner_text(), "shown", "exec")
    dialog.get_by_role("tab", name="JavaScript").click()
    expect(dialog).to_contain_text('"thinking_budget": 99')
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize(
    ("bot", "words"),
    [("demo-error", "This bot always fails."), ("status-429", "429"), ("cut-3", "")],
)
def test_an_error_is_told_and_can_be_retried(open_page: Open, bot: str, words: str) -> None:
    page = open_page(f"play?model={bot}")
    answer = ask(page, "please")
    expect(answer.get_by_role("alert")).to_contain_text(words)
    expect(answer.get_by_role("alert")).to_contain_text("req_")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("article.answer")).to_have_count(1)
