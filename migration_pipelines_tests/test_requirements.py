"""docs/requirements.md lists every requirement that a test cites, and no other."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
ID = re.compile(r"\b(?:COMMON|SF-KOMMO)-\d{2}\b")


def test_the_list_of_requirements_is_what_tests_cite() -> None:
    listed = re.findall(rf"^\| ({ID.pattern}) \|", (TESTS.parent / "docs" / "requirements.md").read_text("utf-8"), re.M)
    cited = {found for file in TESTS.rglob("*.py") for found in ID.findall(file.read_text("utf-8"))}

    assert set(listed) == cited
    assert len(listed) == len(set(listed))
