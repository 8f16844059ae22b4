"""Models: a catalog as long as Poe's, searched, filtered and sorted."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Open

pytestmark = pytest.mark.long


def names(page: Page) -> list[str]:
    return page.locator("tbody th > a").all_inner_texts()


def column(page: Page, place: int) -> list[float]:
    """The numbers of a column, from the top, without those that are not known."""
    texts = page.locator(f"tbody tr > :nth-child({place})").all_inner_texts()
    found = (re.search(r"[\d.]+", text.replace(",", "")) for text in texts)
    return [float(each[0]) for each in found if each]


def test_all_models_are_listed_with_prices(open_page: Open) -> None:
    page = open_page("models")
    expect(page.get_by_text("410 of 410 models")).to_be_visible()
    row = page.get_by_role("row", name=re.compile("Claude-Sonnet-4.5"))
    expect(row).to_contain_text("text, image → text")
    expect(row).to_contain_text("200K")
    expect(row).to_contain_text("$3.00")
    expect(row).to_contain_text("$15.00")
    expect(page.get_by_role("row", name=re.compile("GPT-Image-1"))).to_contain_text("1,260")


def test_search_and_filters_narrow_the_list(open_page: Open) -> None:
    page = open_page("models")
    search = page.get_by_role("searchbox")
    search.fill("sonnet anthropic")
    expect(page.locator("tbody th > a")).to_have_text(["Claude-Sonnet-4.5"])
    search.fill("")
    page.get_by_label("Writes").select_option("image")
    page.get_by_label("reads pictures").check()
    expect(page.locator("tbody th > a")).to_have_text(["GPT-Image-1"])
    page.get_by_label("Writes").select_option("")
    page.get_by_label("web search").check()
    page.get_by_label("tools").check()
    page.get_by_label("Context of at least").select_option("200000")
    expect(page.locator("tbody th > a")).to_have_text(["Claude-Sonnet-4.5", "GPT-5", "count-3"])
    search.fill("no such bot")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.get_by_text("410 of 410 models")).to_be_visible()


def test_free_models_are_those_without_a_price(open_page: Open) -> None:
    page = open_page("models")
    page.get_by_label("free").check()
    expect(page.locator("tbody th > a").first).to_be_visible()
    assert set(column(page, 4)) == {0.0}


@pytest.mark.parametrize(("heading", "place"), [("Context", 3), ("In, $/M", 4), ("Out, $/M", 5)])
def test_any_column_sorts_both_ways(open_page: Open, heading: str, place: int) -> None:
    page = open_page("models")
    page.get_by_label("Writes").select_option("video")  # one unit in each column: K, or dollars
    page.get_by_label("Context of at least").select_option("32000")
    cell = page.get_by_role("columnheader", name=heading)
    orders = {}
    for _ in range(2):
        cell.get_by_role("button").click()
        expect(cell).to_have_attribute("aria-sort", re.compile("ascending|descending"))
        orders[str(cell.get_attribute("aria-sort"))] = [
            value if value > 2 or place > 3 else value * 1000 for value in column(page, place)
        ]
    assert len(orders["ascending"]) > 10
    assert orders["ascending"] == sorted(orders["ascending"])
    assert orders["descending"] == sorted(orders["descending"], reverse=True)


def test_details_show_parameters_and_a_click_plays_the_model(open_page: Open) -> None:
    page = open_page("models")
    page.get_by_role("button", name="Details of count-3").click()
    expect(page.get_by_role("row", name=re.compile("thinking_budget"))).to_contain_text("16384")
    expect(page.get_by_text("/v1/chat/completions /v1/messages")).to_be_visible()
    page.get_by_role("link", name="count-3", exact=True).click()
    expect(page.get_by_role("combobox", name="Bot")).to_have_value("count-3")


def test_without_a_key_it_asks_for_one(open_page: Open) -> None:
    page = open_page("models", token="")
    expect(page.get_by_role("heading", name="A key first")).to_be_visible()
    page.get_by_label("Key or token").fill("any-key")
    page.keyboard.press("Enter")
    expect(page.get_by_text("410 of 410 models")).to_be_visible()
