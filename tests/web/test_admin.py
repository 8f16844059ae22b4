"""Usage, keys, tokens, requests and health of a gateway with tokens over a pool of keys."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Locator, Page, Route, expect

from app import __version__
from tests.servers import Server
from tests.web.conftest import Open, wait_for_truth
from tests.web.history import write_history
from tests.web.test_looks import WIDTHS, check

pytestmark = pytest.mark.long

ADMIN = "admin-secret"
DEV = "dev-secret"
Body = Mapping[str, object]
KEYS = ("points-250000-3-60000000", "points-1200-1-60000000", "status-401")


SETTINGS = {
    "POE_API_KEYS": ",".join(KEYS),
    "ACCESS_TOKENS": f"dev:{DEV}",
    "STORED_TOKENS": "on",
    "ADMIN_TOKEN": ADMIN,
    "COST_IN_USAGE": "on",
}


@pytest.fixture(scope="session")
def lived_in(start_gateway: Callable[..., Server], logs: Path) -> Server:
    """One that has run for a month, with tokens that people made."""
    state = logs / "lived-in-state"
    write_history(state)
    server = start_gateway(**SETTINGS, STATE_DIR=str(state))
    admin = {"Authorization": f"Bearer {ADMIN}"}
    for token in (
        {
            "name": "alice",
            "note": "laptop",
            "models": ["Claude-*", "GPT-5"],
            "points_per_day": 9000,
        },
        {"name": "ci", "note": "nightly runs", "requests_per_minute": 60, "expires": "2099-01-01"},
        {"name": "guest", "points_per_month": 5000, "max_parallel": 2},
    ):
        made = requests.post(f"{server.url}/admin/tokens", json=token, headers=admin, timeout=30)
        made.raise_for_status()
    requests.post(f"{server.url}/admin/tokens/guest/block", headers=admin, timeout=30)
    for number in (1, 2, 3):
        requests.post(f"{server.url}/admin/keys/{number}/test", headers=admin, timeout=30)
    return server


@pytest.fixture(scope="session")
def shared(start_gateway: Callable[..., Server], logs: Path) -> Server:
    """Three keys, of which Poe refuses one; a token of the environment; others can be made."""
    server = start_gateway(**SETTINGS, STATE_DIR=str(logs / "shared-state"))
    for model in ("demo-story", "demo-echo", "demo-echo", "Claude-Sonnet-4.5", "count-5"):
        body = {"model": model, "messages": [{"role": "user", "content": "Hello, tide gauge."}]}
        chat(server, DEV, body)
    return server


def chat(server: Server, token: str, body: Body) -> int:
    url, headers = f"{server.url}/v1/chat/completions", {"Authorization": f"Bearer {token}"}
    return requests.post(url, json=body, headers=headers, timeout=60).status_code


@pytest.fixture
def as_admin(open_page: Open, shared: Server) -> Open:
    def open_(view: str, **options: object) -> Page:
        return open_page(view, server=shared, token=DEV, admin_token=ADMIN, **options)

    return open_


def test_without_admin_its_views_are_absent(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("link", name="Health")).to_be_visible()
    expect(page.get_by_role("link", name="Tokens")).to_have_count(0)


def test_a_wrong_admin_token_is_told(open_page: Open, shared: Server) -> None:
    page = open_page("tokens", server=shared, token="")
    page.get_by_label("ADMIN_TOKEN").fill("wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("admin token")
    page.get_by_label("ADMIN_TOKEN").fill(ADMIN)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
    assert ADMIN not in page.evaluate("JSON.stringify(localStorage) + document.cookie")


def test_a_token_is_made_used_blocked_rotated_and_deleted(as_admin: Open, shared: Server) -> None:
    page = as_admin("tokens")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("alice")
    dialog.get_by_label("Note").fill("laptop")
    dialog.get_by_label("Models", exact=True).fill("demo-*, Claude-*")
    dialog.get_by_label("Points a day").fill("5000")
    dialog.get_by_role("button", name="Make token").click()
    secret = shown_secret(page)
    hello: Body = {"messages": [{"role": "user", "content": "hi"}]}
    assert chat(shared, secret, {"model": "demo-echo", **hello}) == 200
    assert chat(shared, secret, {"model": "count-3", **hello}) == 403

    card = page.get_by_role("region", name="alice")
    expect(card).to_contain_text("laptop")
    expect(card).to_contain_text("demo-*, Claude-*")
    expect(card).to_contain_text("of 5,000")
    card.get_by_role("button", name="Block").click()
    expect(card).to_contain_text("blocked")
    wait_for_status(shared, secret, 401)
    card.get_by_role("button", name="Unblock").click()
    expect(card).to_contain_text("active")
    wait_for_status(shared, secret, 200)

    card.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Requests a minute").fill("60")
    dialog.get_by_label("Points a day").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Requests a minute")
    expect(card).not_to_contain_text("of 5,000")

    card.get_by_role("button", name="New secret").click()
    dialog.get_by_role("button", name="New secret").click()
    fresh = shown_secret(page)
    assert fresh != secret
    wait_for_status(shared, secret, 401)
    wait_for_status(shared, fresh, 200)

    card.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)
    wait_for_status(shared, fresh, 401)


def test_an_edited_token_keeps_what_was_not_changed(as_admin: Open, shared: Server) -> None:
    kept: Body = {
        "models": [],
        "expires": "2091-06-30T15:30:00Z",
        "note": "two\nlines",
        "requests_per_minute": 0,
        "points_per_day": 0.5,
    }
    headers = {"Authorization": f"Bearer {ADMIN}"}
    tokens = f"{shared.url}/admin/tokens"
    made = requests.post(tokens, json={"name": "frank", **kept}, headers=headers, timeout=10)
    assert made.status_code == 201
    page = as_admin("tokens")
    card = page.get_by_role("region", name="frank")
    card.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Requests at once").fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    now = requests.get(f"{tokens}/frank", headers=headers, timeout=10).json()
    assert {name: now[name] for name in kept} == kept
    assert now["max_parallel"] == 7
    for models, all_of_them in ((None, True), ([], False), (["GPT-*"], False)):
        card.get_by_role("button", name="Edit").click()
        dialog.get_by_label("All models").set_checked(all_of_them)
        if models:
            dialog.get_by_label("Models", exact=True).fill(models[0])
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
        assert (
            requests.get(f"{tokens}/frank", headers=headers, timeout=10).json()["models"] == models
        )


def test_what_fails_is_told_in_the_question_that_asked(as_admin: Open, shared: Server) -> None:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    tokens = f"{shared.url}/admin/tokens"
    requests.post(tokens, json={"name": "gone"}, headers=headers, timeout=10).raise_for_status()
    page = as_admin("tokens")
    page.get_by_role("region", name="gone").get_by_role("button", name="New secret").click()
    requests.delete(f"{tokens}/gone", headers=headers, timeout=10).raise_for_status()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="New secret").click()
    expect(dialog.get_by_role("alert")).to_contain_text("gone")


def shown_secret(page: Page) -> str:
    """The secret, which the page shows once, in a dialog that is closed then."""
    dialog = page.get_by_role("dialog", name=re.compile("Secret of"))
    secret = dialog.locator("code").inner_text()
    assert secret.startswith("pg-")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text(secret)).to_have_count(0)
    return secret


def wait_for_status(server: Server, token: str, status: int) -> None:
    """What a change of a token does reaches every worker within 5 seconds."""
    body: Body = {"model": "demo-echo", "messages": [{"role": "user", "content": "x"}]}
    for _ in range(40):
        seen = chat(server, token, body)
        if seen == status:
            return
    raise AssertionError(f"still {seen}, not {status}")


def test_a_name_that_is_taken_is_told_in_the_form(as_admin: Open) -> None:
    page = as_admin("tokens")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("dev")
    dialog.get_by_role("button", name="Make token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("dev")
    expect(dialog.get_by_role("alert")).to_contain_text("field: name")


def test_the_chart_shows_what_was_asked(as_admin: Open) -> None:
    page = as_admin("usage")
    requests_of = figure(page, "Requests")
    expect(requests_of).to_have_text(re.compile(r"\d+"))
    assert int(requests_of.inner_text()) >= 5
    page.get_by_role("button", name="Requests", exact=True).click()
    legend = page.locator(".legend")
    expect(legend).to_contain_text("demo-echo")
    expect(legend).to_contain_text("demo-story")
    canvas = page.locator(".plot canvas")
    expect(canvas).to_be_visible()
    colours = canvas.evaluate(
        """canvas => new Set(canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height).data
          .reduce((seen, value, at, all) => {
            const [red, green, blue, alpha] = all.slice(at, at + 4);
            if (at % 4 === 0 && alpha === 255) seen.push((red << 16) | (green << 8) | blue);
            return seen;
          }, [])).size"""
    )
    assert colours >= 3  # a bar of several models
    row = page.get_by_role("row", name=re.compile("demo-echo")).first
    expect(row).to_contain_text(re.compile(r"\d"))
    page.get_by_role("button", name="Token", exact=True).click()
    expect(legend).to_contain_text("dev")
    light = canvas.evaluate("canvas => canvas.toDataURL()")
    theme = page.get_by_role("button", name=re.compile("^Theme:"))
    while "dark" not in (theme.get_attribute("aria-label") or theme.inner_text()):
        theme.click()
    wait_for_truth(page, f"document.querySelector('.plot canvas').toDataURL() !== {light!r}")


def figure(page: Page, name: str) -> Locator:
    entry = page.locator(".figures > div").filter(has=page.get_by_text(name, exact=True))
    return entry.locator("dd")


def test_usage_is_saved_as_csv(as_admin: Open) -> None:
    page = as_admin("usage")
    with page.expect_download() as caught:
        page.get_by_role("button", name="CSV").click()
    head, *rows = Path(caught.value.path()).read_text().splitlines()
    assert "requests" in head.split(",")
    assert any("demo-story" in row for row in rows)


def test_a_token_sees_its_own_usage(open_page: Open, shared: Server) -> None:
    page = open_page("usage", server=shared, token=DEV)
    expect(page.get_by_role("button", name="My token")).to_have_attribute("aria-pressed", "true")
    expect(figure(page, "Requests")).to_have_text(re.compile(r"[1-9]"))
    expect(page.locator(".legend")).to_contain_text("demo-story")


def test_keys_are_shown_by_number_tested_and_reset(as_admin: Open) -> None:
    page = as_admin("keys")
    cards = page.locator(".key")
    expect(cards).to_have_count(3)
    cards.nth(0).get_by_role("button", name="Test").click()
    expect(cards.nth(0)).to_contain_text("Poe takes it.")
    expect(cards.nth(0)).to_contain_text("250,000")
    cards.nth(2).get_by_role("button", name="Test").click()
    expect(cards.nth(2).locator(".bad-text")).to_be_visible()
    cards.nth(2).get_by_role("button", name="Reset").click()
    expect(cards.nth(2)).to_contain_text("ready")
    text = page.locator("body").inner_text()
    assert not [key for key in KEYS if key in text]


def test_requests_come_live_and_are_filtered(as_admin: Open, shared: Server) -> None:
    page = as_admin("requests")
    rows = page.locator("tbody tr")
    expect(page.get_by_role("row", name=re.compile("demo-story")).first).to_be_visible()
    before = rows.count()
    chat(shared, DEV, {"model": "demo-search", "messages": [{"role": "user", "content": "live"}]})
    expect(rows.first).to_contain_text("demo-search")
    assert rows.count() > before
    chat(shared, "no-such-token", {"model": "demo-echo", "messages": []})
    page.get_by_label("Status").select_option("401")
    expect(rows.first).to_contain_text("401")
    expect(page.get_by_role("row", name=re.compile("demo-search"))).to_have_count(0)
    page.get_by_label("Status").select_option("")
    page.get_by_label("Model").fill("O-SEARCH")
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button").click()
    expect(page.get_by_text("/v1/chat/completions")).to_be_visible()
    expect(page.get_by_text("req_")).to_be_visible()
    assert "tide gauge" not in page.content()


def test_requests_stay_live_when_the_ledger_begins_anew(as_admin: Open) -> None:
    page = as_admin("requests")
    expect(page.locator("tbody tr").first).to_be_visible()

    def begin_anew(route: Route) -> None:
        answer = route.fetch(url=route.request.url.split("after=")[0])
        body = answer.json()
        rows = [{**row, "seq": seq} for seq, row in zip((2, 1), body["data"], strict=False)]
        is_later = "after=" in route.request.url
        route.fulfill(json={**body, "latest": 2, "data": [] if is_later else rows})

    page.route("**/admin/requests?*", begin_anew)
    expect(page.locator("tbody tr")).to_have_count(2)


def test_what_is_amiss_is_told_to_everyone(
    open_page: Open, start_gateway: Callable[..., Server]
) -> None:
    page = open_page("health", server=start_gateway(POE_API_URL="http://127.0.0.1:9"))
    expect(page.get_by_text("Poe cannot be reached").first).to_be_visible()
    expect(page.get_by_text("All is well.")).to_have_count(0)


def test_health_tells_the_admin_more(as_admin: Open) -> None:
    page = as_admin("health")
    expect(figure(page, "Version")).to_have_text(__version__)
    expect(figure(page, "Credentials")).to_have_text("access tokens")
    expect(figure(page, "Workers")).to_have_text("1")
    expect(figure(page, "Keys")).to_contain_text("of 3")


def test_points_are_shown_under_an_answer(as_admin: Open) -> None:
    page = as_admin("play?model=count-5")
    page.get_by_label("Message", exact=True).fill("a")
    page.get_by_role("button", name="Send", exact=True).click()
    stats = page.locator("article.answer .stats")
    expect(stats).to_contain_text("tokens")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("view", "ready"),
    [
        ("usage", ".plot canvas"),
        ("keys", ".key"),
        ("tokens", ".token"),
        ("requests", "tbody tr"),
        ("health", ".figures"),
    ],
)
def test_a_view(
    open_page: Open,
    lived_in: Server,
    axe: Callable[[Page], list[str]],
    screenshot: Callable[[Page, str], None],
    view: str,
    ready: str,
    width: str,
    scheme: str,
) -> None:
    look = {"viewport": WIDTHS[width], "color_scheme": scheme}
    page = open_page(view, server=lived_in, token=DEV, admin_token=ADMIN, **look)
    page.locator(ready).first.wait_for()
    if view == "usage":
        with page.expect_response(lambda response: "/admin/usage" in response.url):
            page.get_by_role("button", name="30 d").click()
        page.get_by_role("button", name="Show all").wait_for()
    page.wait_for_load_state("networkidle")
    screenshot(page, f"{view}-{width}-{scheme}")
    check(page, axe)


def test_the_form_of_a_token_on_a_phone(as_admin: Open, axe: Callable[[Page], list[str]]) -> None:
    page = as_admin("tokens", viewport=WIDTHS["phone"])
    page.get_by_role("button", name="New token").click()
    check(page, axe)
