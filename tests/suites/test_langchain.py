"""ChatOpenAI (Chat and Responses) and ChatAnthropic, by LangChain's own tests."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.servers import ROOT, Server

pytestmark = pytest.mark.long

FOLDER = Path(__file__).parent
SUITE = FOLDER / "langchain_suite.py"
LEAST_PASSED = 125

DELIBERATE: dict[str, str] = {}
"""Tests that fail, by class and name, and why that is so."""


def test_langchains_own_tests(rules: Server, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    command = ["-m", "pytest", "-c", str(FOLDER / "langchain.ini"), "--rootdir", str(ROOT)]
    plugins = ["-p", "pytest_asyncio.plugin"]
    done = subprocess.run(
        [
            sys.executable,
            *command,
            *plugins,
            f"--junitxml={report}",
            "tests/suites/langchain_suite.py",
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "GATEWAY_URL": rules.url,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "LANGSMITH_TRACING": "false",
            "LANGCHAIN_TESTS_USER_AGENT": "poegate-tests",
        },
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {
        f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }
    passed = [case for case in cases if len(case) == 0]
    assert failed == set(DELIBERATE), done.stdout[-20_000:]
    assert len(passed) >= LEAST_PASSED, done.stdout[-5_000:]
