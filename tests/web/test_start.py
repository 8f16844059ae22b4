"""Start: address, key, clients, a first question."""

import ast
import json
import re
import subprocess
import tomllib

import pytest
from playwright.sync_api import expect

from tests.servers import Server
from tests.web.conftest import Open

pytestmark = pytest.mark.long


def test_it_shows_the_address_as_this_browser_reached_it(open_page: Open, house: Server) -> None:
    page = open_page()
    expect(page.get_by_text(f"{house.url}/v1", exact=True)).to_be_visible()
    expect(page.get_by_text(house.url, exact=True)).to_be_visible()


def test_a_key_stays_in_this_tab(open_page: Open, house: Server) -> None:
    page = open_page(token="")
    page.get_by_label("Key or token").fill("my-own-key")
    page.get_by_role("button", name="Use", exact=True).click()
    expect(page.get_by_text(re.compile(r"41\d models"))).to_be_visible()
    assert page.evaluate("sessionStorage.token") == "my-own-key"
    assert "my-own-key" not in page.evaluate("JSON.stringify(localStorage) + document.cookie")
    other = page.context.new_page()
    other.goto(house.url)
    assert other.evaluate("sessionStorage.token ?? null") is None


def test_the_demo_bots_are_offered(open_page: Open) -> None:
    page = open_page(token="")
    expect(page.get_by_text("The demo bots are running.")).to_be_visible()
    page.get_by_role("button", name="any-key").click()
    expect(page.get_by_text(" models. Whether Poe takes the key")).to_be_visible()
    expect(page.get_by_role("link", name="demo-image")).to_be_visible()


def test_a_key_that_cannot_be_one_is_told(open_page: Open) -> None:
    page = open_page(token="schlüssel")
    expect(page.get_by_role("alert")).to_contain_text("plain ASCII")


def test_try_it_streams_an_answer(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_text(" models. Whether Poe takes the key")).to_be_visible()
    page.get_by_label("Model", exact=True).fill("demo-story")
    page.get_by_role("button", name="Ask").click()
    answer = page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("Before the harbour")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Ask")).to_be_visible()


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("Claude Code", "export ANTHROPIC_BASE_URL={url}"),
        ("Codex", 'base_url = "{url}/v1"'),
        ("Cline", "Base URL: {url}/v1"),
        ("opencode", '"baseURL": "{url}/v1"'),
        ("aider", "OPENAI_API_BASE={url}/v1"),
        ("Open WebUI", "URL: {url}/v1"),
        ("OpenAI SDK", 'base_url="{url}/v1"'),
        ("Anthropic SDK", 'base_url="{url}"'),
        ("curl", "curl -N {url}/v1/chat/completions"),
    ],
)
def test_each_client_is_told_what_to_put_where(
    open_page: Open, house: Server, client: str, text: str
) -> None:
    page = open_page()
    page.get_by_role("tab", name=re.compile(client)).click()
    expect(page.get_by_role("tabpanel")).to_contain_text(text.format(url=house.url))


def test_a_copied_configuration_has_the_whole_key_and_the_screen_has_not(open_page: Open) -> None:
    page = open_page(token="secret-of-mine", permissions=["clipboard-read", "clipboard-write"])
    panel = page.get_by_role("tabpanel")
    expect(panel).not_to_contain_text("secret-of-mine")
    panel.get_by_role("button", name="Copy").first.click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    assert "ANTHROPIC_AUTH_TOKEN=secret-of-mine" in page.evaluate("navigator.clipboard.readText()")


def test_what_is_copied_means_what_it_says(open_page: Open) -> None:
    """Names of models come from others' catalogs: no shell, file or program may run them."""
    key, model = 'it\'s "$(touch ran)" \\ `touch ran`', "a'b\"c\\ $(touch ran) #{x}"
    page = open_page(token=key, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Model", exact=True).fill(model)

    def copied(client: str, title: str) -> str:
        page.get_by_role("tab", name=re.compile(client)).click()
        block = page.get_by_role("tabpanel").locator("figure").filter(has_text=title)
        block.get_by_role("button", name="Copy").click()
        expect(block.get_by_role("button", name="Copied")).to_be_visible()
        return str(page.evaluate("navigator.clipboard.readText()"))

    def told(client: str, *names: str) -> list[str]:
        """What a shell gives to the client: its environment, then its arguments."""
        program = client.lower().split()[0]
        script = f"{program}() {{ printf '%s\\0' {' '.join(names)} \"$@\"; }}\n"
        command = ["bash", "-c", script + copied(client, "Shell")]
        return subprocess.check_output(command, text=True).split("\0")[:-1]

    assert told("Claude Code", '"$ANTHROPIC_AUTH_TOKEN"') == [key, "--model", model]
    assert told("Codex", '"$POEGATE_KEY"') == [key]
    assert told("aider", '"$OPENAI_API_KEY"') == [key, "--model", f"openai/{model}"]
    _, _, _, header, _, _, _, body = told("curl")
    assert header == f"Authorization: Bearer {key}"
    assert json.loads(body)["model"] == model
    assert tomllib.loads(copied("Codex", "config.toml"))["model"] == model
    settings = json.loads(copied("Claude Code", "settings.json"))["env"]
    assert (settings["ANTHROPIC_AUTH_TOKEN"], settings["ANTHROPIC_MODEL"]) == (key, model)
    for client in ("OpenAI SDK", "Anthropic SDK"):
        texts = [
            node.value
            for node in ast.walk(ast.parse(copied(client, "Python")))
            if isinstance(node, ast.Constant)
        ]
        assert key in texts and model in texts
    compose = copied("Open WebUI", "docker compose").splitlines()[-1].split(": ", 1)[1]
    assert json.loads(compose) == key.replace("$", "$$")


def test_tabs_obey_the_arrows(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("tab", name="Claude Code").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("tab", name="Codex")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="curl")).to_have_attribute("aria-selected", "true")


def test_the_page_can_be_read_in_german_and_chinese(open_page: Open) -> None:
    page = open_page(locale="de-DE")
    expect(page.get_by_role("heading", name="Eine Adresse, jeder Bot")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_label("Sprache").select_option("zh")
    expect(page.get_by_role("heading", name="一个地址，所有机器人")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="模型")).to_be_visible()


def test_a_chosen_theme_is_there_before_the_first_paint(open_page: Open) -> None:
    page = open_page(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(2):
        page.get_by_role("button", name="Theme:").click()
    page.reload()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert dark != light


def test_the_keyboard_reaches_a_view_and_its_content(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Models", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
