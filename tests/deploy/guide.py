"""deploy/README.md as a test follows it: the commands under a heading, line by line."""

import re

from tests.deploy.programs import DEPLOY

GUIDE = (DEPLOY / "README.md").read_text()


def commands(heading: str, guide: str = GUIDE, language: str = "sh") -> list[str]:
    """The lines of all blocks of that language under a heading, up to the next heading."""
    [section] = re.findall(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", guide, re.M | re.S)
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)
    assert blocks, f"deploy/README.md has no {language} block under {heading!r}"
    return "".join(blocks).splitlines()
