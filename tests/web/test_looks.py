"""Every view at both widths and in both colours: accessible, and nothing sticks out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Open

pytestmark = pytest.mark.long

WIDTHS = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}
MARKDOWN = """\
Quicksort picks a **pivot** and splits the rest.

```python
def quicksort(items: list[int]) -> list[int]:
    if len(items) < 2:
        return items
    pivot, *rest = items
    small = [item for item in rest if item < pivot]
    large = [item for item in rest if item >= pivot]
    return [*quicksort(small), pivot, *quicksort(large)]
```

| case | time |
| --- | ---: |
| average | n log n |
| worst | n² |

[More](https://example.com/quicksort) and ![a picture](https://example.com/pivot.png)
"""


def start(page: Page) -> None:
    page.get_by_label("Model", exact=True).fill("demo-story")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("Before the harbour").wait_for()


def play(page: Page) -> None:
    page.get_by_label("Message", exact=True).fill(MARKDOWN)
    page.get_by_role("button", name="Send", exact=True).click()
    answer = page.locator("article.answer")
    expect(answer).to_have_attribute("aria-busy", "false", timeout=30_000)
    answer.locator(".hljs-keyword").first.wait_for()


def models(page: Page) -> None:
    page.get_by_role("button", name="Details of Claude-Sonnet-4.5").click()


def health(page: Page) -> None:
    page.get_by_text("All is well.").wait_for()


VIEWS = {
    "start": start,
    "play?model=demo-echo": play,
    "models": models,
    "health": health,
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view(
    open_page: Open,
    axe: Callable[[Page], list[str]],
    screenshot: Callable[[Page, str], None],
    view: str,
    width: str,
    scheme: str,
) -> None:
    page = open_page(view, viewport=WIDTHS[width], color_scheme=scheme)
    VIEWS[view](page)
    screenshot(page, f"{view.partition('?')[0]}-{width}-{scheme}")
    check(page, axe)


def check(page: Page, axe: Callable[[Page], list[str]]) -> None:
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("view", ["models", "usage", "play"])
def test_a_view_without_a_key(open_page: Open, axe: Callable[[Page], list[str]], view: str) -> None:
    page = open_page(view, token="")
    page.get_by_role("heading", name="A key first").wait_for()
    check(page, axe)


def test_the_menu_of_a_phone(open_page: Open, axe: Callable[[Page], list[str]]) -> None:
    page = open_page(viewport=WIDTHS["phone"])
    page.get_by_role("button", name="Menu").click()
    check(page, axe)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("dialog").get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_settings_of_play_on_a_phone(open_page: Open, axe: Callable[[Page], list[str]]) -> None:
    page = open_page("play?model=count-3", viewport=WIDTHS["phone"])
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_label("thinking_budget").fill("7")
    check(page, axe)


def test_a_long_text_does_not_move_what_was_read(open_page: Open) -> None:
    """While an answer streams below, what the reader has scrolled back to stays in its place."""
    page = open_page("play?model=endless-looks")
    for _ in range(2):
        page.get_by_label("Message", exact=True).fill("line\n" * 60)
        page.get_by_role("button", name="Send", exact=True).click()
        page.locator("article.answer").last.get_by_text("more more").wait_for()
        if page.locator("article.answer").count() == 1:
            page.get_by_role("button", name="Stop").click()
    first = page.locator("article.answer").first
    page.locator(".messages").evaluate("node => node.scrollTo(0, 200)")
    page.wait_for_timeout(300)
    before = first.bounding_box()
    page.wait_for_timeout(1000)
    assert first.bounding_box() == before
    page.get_by_role("button", name="Stop").click()
