"""What the documentation names is there."""

import re
from pathlib import Path

import make_config_page
import pytest

from bookc.__main__ import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CALL = re.compile(r"\bbookc ([a-z]+)\b([^`\n|#]*)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page, capsys):
    calls = [m for m in CALL.finditer(page.read_text("utf-8")) if _is_code(m)]
    assert calls
    for call in calls:
        with pytest.raises(SystemExit) as stop:
            main([call[1], "--help"])
        assert stop.value.code == 0, call[0]
        text = capsys.readouterr().out
        for option in re.findall(r"--[a-z]+", call[2]):
            assert option in text, call[0]


def _is_code(call: re.Match[str]) -> bool:
    before = call.string[: call.start()].rpartition("\n")[2]
    return before == "" or before.count("`") % 2 == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_page_of_all_keys_is_current():
    page = (ROOT / "docs" / "config.md").read_text("utf-8")
    assert page == make_config_page.make_page(), "run `python tools/make_config_page.py`"
