"""The service on a machine that really boots, installed and looked after by deploy/README's lines.

The tests are one story and run in the file's order.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.deploy.guide import GUIDE, commands
from tests.deploy.programs import DEPLOY
from tests.deploy.releases import PREVIOUS
from tests.deploy.systemd_box import Box, booted, settings

pytestmark = pytest.mark.long

ECHO = {"model": "demo-echo", "messages": [{"role": "user", "content": "hello"}]}
KEPT = {"model": "demo-echo", "input": "remember me"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with booted(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture(scope="module")
def kept(box: Box) -> str:
    """The id of a response that was kept at the beginning."""
    return str(box.ask("/v1/responses", KEPT)["id"])


def _under_load(box: Box, disturb: Callable[[], Any]) -> dict[str, Any]:
    """What clients saw meanwhile: 20 questions a second, and three streams at a time."""
    command = ("tests.deploy.load", "http://127.0.0.1:8000", "8", "20", "3")
    with box.start(*command, stdout=subprocess.PIPE) as load:
        time.sleep(2)
        disturb()
        printed, _ = load.communicate(timeout=90)
    seen: dict[str, Any] = json.loads(printed)
    return seen


def _all_served(seen: dict[str, Any]) -> bool:
    return list(seen["outcomes"]) == ["ok"] and seen["outcomes"]["ok"] >= 160


def _is_refused(box: Box) -> bool:
    """Whether nobody listens: curl's exit code 7."""
    return "code 7" in box.run("curl -s http://127.0.0.1:8000/ || echo code $?")


def _wait_for(box: Box, unit: str, state: str) -> None:
    deadline = time.monotonic() + 30
    while box.state(unit, "ActiveState") != state:
        assert time.monotonic() < deadline, box.log()
        time.sleep(0.2)


def test_it_is_installed_by_the_guide(box: Box) -> None:
    lines = [line.replace("REPOSITORY", "/srv/box/origin.git") for line in commands("Install")]
    [edit] = [number for number, line in enumerate(lines) if "nano" in line]
    box.follow(lines[:edit])
    box.write("/etc/poegate.env", settings())
    box.follow(["cd /opt/poegate", *lines[edit:]])
    assert box.state("poegate", "ActiveState") == "active"
    assert box.run("systemctl is-enabled poegate").strip() == "enabled"
    assert box.ask("/v1/chat/completions", ECHO)["status_code"] == 200


def test_it_runs_as_nobody_with_a_state_of_its_own(box: Box, kept: str) -> None:
    assert box.ask(f"/v1/responses/{kept}")["output"]
    assert box.run("stat -c %U /proc/$(systemctl show --value -p MainPID poegate)") != "root\n"
    assert box.run("stat -c %a /var/lib/private/poegate/").strip() == "700"


def test_the_commands_run_as_the_service_does(box: Box, kept: str) -> None:
    """By the line of docs/operations.md, on the service's own settings and state."""
    line = commands("A family", (DEPLOY.parent / "docs/operations.md").read_text())[-1]
    assert "systemd-run" in line
    assert box.run(line.removeprefix("sudo ")).startswith("name")
    time.sleep(2)  # what is counted is written once a second
    usage = box.run(line.removeprefix("sudo ").replace("tokens list", "usage"))
    assert "demo-echo" in usage, usage


def test_a_restart_under_load_refuses_nobody(box: Box) -> None:
    before = box.state("poegate", "MainPID")
    seen = _under_load(box, lambda: box.run("systemctl restart poegate"))
    assert _all_served(seen), seen
    assert box.state("poegate", "MainPID") != before


def test_a_reload_under_load_takes_new_code(box: Box) -> None:
    """What the new code says is seen; the process that systemd knows is the same."""
    before = box.state("poegate", "MainPID")
    code = "/opt/poegate/app/dialects/health/routes.py"
    box.run(f"""sed -i 's/"status": "ok"/"status": "new"/' {code}""")
    seen = _under_load(box, lambda: box.follow(commands("Reload")))
    assert _all_served(seen), seen
    deadline = time.monotonic() + 20
    while box.ask("/healthz")["status"] != "new":
        assert time.monotonic() < deadline, box.log()
        time.sleep(0.2)
    assert box.state("poegate", "MainPID") == before
    box.run("cd /opt/poegate && git checkout --quiet app")


def test_a_reload_that_needs_other_libraries_is_refused(box: Box) -> None:
    box.run("echo '# another' >> /opt/poegate/requirements.lock")
    assert "failed" in box.run("systemctl reload poegate", check=False)
    assert "differ" in box.log() or "EOF" in box.log()
    box.run("cd /opt/poegate && git checkout --quiet requirements.lock")
    assert box.ask("/healthz")["status_code"] == 200


def test_code_that_does_not_start_is_no_reload(box: Box) -> None:
    box.run("echo 'import nonsense' >> /opt/poegate/app/factory.py")
    assert "failed" in box.run("systemctl reload poegate", check=False)
    box.run("cd /opt/poegate && git checkout --quiet app")
    box.run("systemctl reload poegate")
    assert box.ask("/healthz")["status_code"] == 200


def test_a_bad_setting_ends_it_for_good(box: Box) -> None:
    """Neither systemd nor a connection starts it again; the guide's command names the setting."""
    box.write("/etc/poegate.env", settings(IDLE_TIMEOUT="soon"))
    box.run("systemctl restart poegate", check=False)
    box.write("/etc/poegate.env", settings())
    _wait_for(box, "poegate.socket", "inactive")
    assert _is_refused(box)
    time.sleep(3)
    assert box.state("poegate", "ActiveState") == "failed"
    assert (box.state("poegate", "ExecMainStatus"), box.state("poegate", "NRestarts")) == (
        "78",
        "0",
    )
    [look] = [word for word in GUIDE.split("`") if word.startswith("journalctl") and "-n" in word]
    assert "poegate: IDLE_TIMEOUT: expected a number, not 'soon'" in box.run(look)
    box.run("systemctl restart poegate")
    assert box.ask("/healthz")["status_code"] == 200
    assert box.state("poegate.socket", "ActiveState") == "active"


def test_stopped_it_stays_stopped(box: Box) -> None:
    box.run("systemctl stop poegate")
    assert _is_refused(box)
    assert box.state("poegate.socket", "ActiveState") == "inactive"
    box.run("systemctl start poegate")
    assert box.ask("/healthz")["status_code"] == 200


def test_the_address_for_the_lan(box: Box) -> None:
    """A port below 1024 too, which the service itself may not listen on; the log tells of HOST."""
    drop_in = "/etc/systemd/system/poegate.socket.d/override.conf"
    lines = commands("The address", language="ini")
    box.write(drop_in, "\n".join(lines).replace("8000", "80") + "\n")
    box.run("systemctl daemon-reload; systemctl stop poegate; systemctl start poegate")
    assert "ok" in box.run("curl -sS http://127.0.0.1:80/healthz")
    assert "poegate.socket decides the address, 0.0.0.0:80: HOST and PORT" in box.log()
    box.run(f"rm {drop_in}; systemctl daemon-reload; systemctl stop poegate")
    box.run("systemctl start poegate")
    assert box.ask("/healthz")["status_code"] == 200


def test_without_the_socket(box: Box) -> None:
    """And a port that only root may listen on is told, not tried again."""
    box.follow(commands("Without the socket"))
    assert box.ask("/healthz")["status_code"] == 200
    box.write("/etc/poegate.env", settings(PORT="80"))
    box.run("systemctl restart poegate", check=False)
    box.write("/etc/poegate.env", settings())
    _wait_for(box, "poegate", "failed")
    assert box.state("poegate", "ExecMainStatus") == "78"
    assert "PORT: only root may listen on port 80" in box.log()
    box.run("cp /opt/poegate/deploy/poegate.socket /etc/systemd/system/; systemctl daemon-reload")
    box.run("systemctl restart poegate")
    assert box.state("poegate.socket", "ActiveState") == "active"


def test_a_full_state_folder_costs_no_answer(box: Box) -> None:
    box.run(
        "systemctl stop poegate; mv /var/lib/private/poegate /var/lib/private/aside;"
        "mkdir -m 700 /var/lib/private/poegate;"
        "mount -t tmpfs -o size=64k,mode=700 tmpfs /var/lib/private/poegate;"
        "systemctl start poegate; cat /dev/zero > /var/lib/private/poegate/full || true"
    )
    try:
        assert box.ask("/v1/chat/completions", ECHO)["status_code"] == 200
        assert box.ask("/v1/responses", KEPT)["status_code"] == 200
        assert box.ask("/readyz")["store"] == "unusable"
        box.run("rm /var/lib/private/poegate/full")
        assert box.ask("/readyz")["store"] == "usable"
    finally:
        box.run(
            "systemctl stop poegate; umount /var/lib/private/poegate;"
            "rmdir /var/lib/private/poegate; mv /var/lib/private/aside /var/lib/private/poegate;"
            "systemctl start poegate"
        )


def test_what_was_kept_is_restored_from_its_copy(box: Box, kept: str) -> None:
    # Five starts in ten seconds are systemd's limit; this story has more than an operator's day.
    box.run("systemctl reset-failed poegate.service poegate.socket")
    lines = commands("Back up and restore")
    [restore] = [number for number, line in enumerate(lines) if "rm -rf" in line]
    box.follow(lines[: restore - 1])
    box.run("systemctl stop poegate; rm -rf /var/lib/private/poegate; systemctl start poegate")
    assert box.ask(f"/v1/responses/{kept}")["status_code"] == 404
    box.follow(lines[restore - 1 :])
    assert box.ask(f"/v1/responses/{kept}")["output"]


def test_the_release_before_takes_over_what_was_kept(box: Box, kept: str) -> None:
    box.follow(commands("Roll back"))
    assert box.run("cd /opt/poegate && git describe --tags").strip() == PREVIOUS
    assert box.ask("/v1/chat/completions", ECHO)["status_code"] == 200
    assert box.ask(f"/v1/responses/{kept}")["output"]


def test_an_upgrade_from_the_release_before(box: Box, kept: str) -> None:
    """From its own unit, without a socket, as whoever installed it has it."""
    box.run(
        "systemctl stop poegate; rm /etc/systemd/system/poegate.socket; cd /opt/poegate;"
        "cp deploy/poegate.service /etc/systemd/system/; systemctl daemon-reload;"
        "systemctl start poegate"
    )
    earlier = str(box.ask("/v1/responses", KEPT)["id"])
    box.follow(commands("Upgrade"))
    assert box.state("poegate.socket", "ActiveState") == "active"
    assert box.ask("/v1/chat/completions", ECHO)["status_code"] == 200
    assert [bool(box.ask(f"/v1/responses/{id}")["output"]) for id in (kept, earlier)] == [True] * 2
