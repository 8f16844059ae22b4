"""Alert rules and dashboard: read by Prometheus' own tools, and of metrics that there are."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.relay.gateways import KEYS, TOKEN
from tests.servers import Server, free_port

pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
METRICS = "metrics-secret"


@pytest.fixture(scope="module")
def gateway(
    start_gateway: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Server:
    return start_gateway(
        POE_API_KEYS=",".join(KEYS),
        ACCESS_TOKENS=f"alice:{TOKEN}",
        METRICS_TOKEN=METRICS,
        WEB_CONCURRENCY="2",
        STATE_DIR=str(tmp_path_factory.mktemp("metrics")),
    )


def ask(gateway: Server, bot: str = "count-3") -> int:
    body = {"model": bot, "messages": [{"role": "user", "content": "a"}], "stream": True}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{gateway.url}/v1/chat/completions"
    return requests.post(url, json=body, headers=headers, timeout=20).status_code


def scrape(gateway: Server) -> str:
    headers = {"Authorization": f"Bearer {METRICS}"}
    answer = requests.get(f"{gateway.url}/metrics", headers=headers, timeout=20)
    answer.raise_for_status()
    return answer.text


def value(text: str, name: str, **labels: str) -> float:
    """The sum over all samples of that name that have these labels."""
    total = 0.0
    for line in text.splitlines():
        if line.startswith((f"{name}{{", f"{name} ")):
            if all(f'{label}="{wanted}"' in line for label, wanted in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
    return total


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_the_numbers_are_those_of_all_workers(gateway: Server) -> None:
    before = scrape(gateway)
    assert [ask(gateway) for _ in range(20)] == [200] * 20
    assert ask(gateway, "status-400") == 400
    text = scrape(gateway)
    route = "/chat/completions"
    grown = value(text, "poegate_requests_total", route=route, status="200") - value(
        before, "poegate_requests_total", route=route, status="200"
    )
    assert grown == 20
    assert value(text, "poegate_requests_total", route=route, status="400", model="other") >= 1
    assert value(text, "poegate_tokens_total", type="completion") > 0
    assert value(text, "poegate_time_to_first_token_seconds_count") >= 20
    assert value(text, "poegate_key_state", state="ready") == len(KEYS)
    assert value(text, "poegate_build_info") == 1
    assert value(text, "poegate_requests_in_progress") == 1, "this one"
    assert TOKEN not in text and KEYS[0] not in text


def test_numbers_outlive_the_worker_that_counted_them(gateway: Server) -> None:
    [ask(gateway) for _ in range(5)]
    before = value(scrape(gateway), "poegate_requests_total", route="/chat/completions")
    children = subprocess.run(
        ["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    subprocess.run(["kill", "-9", children[0]], check=True)
    time.sleep(3)
    after = scrape(gateway)
    assert value(after, "poegate_requests_total", route="/chat/completions") == before
    assert value(after, "poegate_requests_in_progress") == 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_metrics_need_their_token(gateway: Server, headers: dict[str, str]) -> None:
    assert requests.get(f"{gateway.url}/metrics", headers=headers, timeout=10).status_code == 401


def test_without_a_token_there_are_none(start_gateway: Callable[..., Server]) -> None:
    plain = start_gateway()
    assert requests.get(f"{plain.url}/metrics", timeout=10).status_code == 404


def test_rules_and_dashboard_name_metrics_that_there_are(gateway: Server) -> None:
    ask(gateway)
    known = set(re.findall(r"^# TYPE (\w+) ", scrape(gateway), re.MULTILINE))
    dashboard = json.loads((FOLDER / "grafana.json").read_text())
    texts = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    texts.append((FOLDER / "alerts.yml").read_text())
    named = set(re.findall(r"\bpoegate_\w+", "\n".join(texts)))
    families = {re.sub(r"_bucket$", "", name) for name in named}
    assert len(families) >= 7
    unknown = {name for name in families if name not in known and f"{name}_total" not in known}
    assert unknown == {"poegate_points_total"} - known  # counted once a price is known


def test_promtool_takes_the_rules_and_the_scrape(gateway: Server) -> None:
    promtool = program("promtool")
    subprocess.run([promtool, "check", "rules", str(FOLDER / "alerts.yml")], check=True)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=scrape(gateway), text=True, capture_output=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_real_prometheus_scrapes_it(gateway: Server, tmp_path: Path) -> None:
    prometheus = program("prometheus")
    sample = (FOLDER / "prometheus.yml.sample").read_text()
    token = tmp_path / "token"
    token.write_text(METRICS)
    config = tmp_path / "prometheus.yml"
    config.write_text(
        sample.replace("127.0.0.1:8000", f"127.0.0.1:{gateway.port}")
        .replace("/etc/prometheus/poegate-metrics-token", str(token))
        .replace("15s", "1s")
        .replace("alerts.yml", str(FOLDER / "alerts.yml"))
    )
    port = free_port()
    options = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen(
        [prometheus, *options, f"--storage.tsdb.path={tmp_path / 'data'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        while not (found := up(port)):
            assert time.monotonic() < until, "it does not scrape"
            time.sleep(0.5)
        assert found == ["1"]
    finally:
        process.terminate()
        process.wait(20)


def up(port: int) -> list[str]:
    """Prometheus' own word on its targets."""
    url = f"http://127.0.0.1:{port}/api/v1/query"
    try:
        answer = requests.get(url, params={"query": 'up{job="poegate"}'}, timeout=5).json()
    except requests.RequestException:
        return []
    return [row["value"][1] for row in answer["data"]["result"]]
