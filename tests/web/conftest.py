"""The page in a real Chromium, served by a real gateway."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.conftest import StartGateway
from tests.servers import Server, free_port, running

SCREENSHOTS = Path(__file__).parent / "screenshots"
AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "any-key"
PATIENCE = 30_000
"""Milliseconds. Machines that run tests are busy; nothing below waits for it to pass."""

expect.set_options(timeout=PATIENCE)
RECORD_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""

Open = Callable[..., Page]


# Not for the session: Playwright keeps an event loop running in this thread, and other tests
# could not start one of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def catalog(logs: Path) -> Iterator[Server]:
    port = free_port()
    with running(["-m", "tests.web.catalog", str(port)], port, logs / "catalog.log") as server:
        yield server


@pytest.fixture(scope="session")
def start_gateway(
    gateways: Callable[[], AbstractContextManager[StartGateway]],
) -> Iterator[StartGateway]:
    """Those of the page run until all of its tests have: several modules look at the same ones."""
    with gateways() as start:
        yield start


@pytest.fixture(scope="session")
def house(start_gateway: StartGateway, catalog: Server) -> Server:
    """A gateway that passes keys through, with 400 models and the demo bots."""
    return start_gateway(POE_API_URL=catalog.url)


@pytest.fixture
def open_page(browser: Browser, house: Server) -> Iterator[Open]:
    """Opens the page in a new profile. At the end: no error of a script, and nothing that the
    Content-Security-Policy had to stop."""
    pages: list[tuple[Page, list[str]]] = []

    def open_(
        view: str = "start",
        *,
        server: Server = house,
        token: str = TOKEN,
        admin_token: str = "",
        **context: Any,
    ) -> Page:
        options: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"}
        profile = browser.new_context(**{**options, **context})
        profile.set_default_timeout(PATIENCE)
        profile.add_init_script(RECORD_VIOLATIONS)
        secrets = {"token": token, "adminToken": admin_token}
        for name, secret in secrets.items():
            if secret:
                given = f"sessionStorage[{json.dumps(name)}] ??= {json.dumps(secret)}"
                profile.add_init_script(given)
        page = profile.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.extend(complaints(message)))
        page.goto(f"{server.url}/#/{view}")
        page.locator("main :is(h1, h2)").first.wait_for(state="attached")
        pages.append((page, problems))
        return page

    yield open_
    for page, problems in pages:
        violations = page.evaluate("window.violations")
        page.context.close()
        assert problems == []
        assert violations == []


def wait_for_truth(page: Page, expression: str) -> Any:
    """The value of a JavaScript expression, once it is true. Playwright's own waiting evaluates a
    string within the page, which its policy forbids."""
    until = time.monotonic() + PATIENCE / 1000
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < until, f"never true: {expression}"
        page.wait_for_timeout(50)
    return value


def complaints(message: ConsoleMessage) -> list[str]:
    """Errors and warnings. That a request got an error status is not the page's fault."""
    expected = message.text.startswith("Failed to load resource")
    return [message.text] if message.type in ("error", "warning") and not expected else []


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keeps a picture of the page, for people to look at."""

    def take(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """The rules of axe-core that the page breaks as it stands, each with its first element."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install --prefix tests/web")
    source = AXE.read_text()

    def check(page: Page) -> list[str]:
        page.evaluate(source)  # by the debugger's protocol, so the page's policy stays as it is
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in result["violations"]]

    return check
