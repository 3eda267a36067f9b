"""What the documentation names is there."""

import re
from pathlib import Path

import make_config_page
import pytest
import tomllib

from bookc import __version__
from bookc.__main__ import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
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


def test_the_version_is_the_same_everywhere():
    """In the packages, in what is cited, and in the newest entry of the changelog."""
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    fields = dict(re.findall(r"^([a-z-]+): \"?([^\">\n]+)\"?$", citation, re.MULTILINE))
    assert fields["cff-version"] == "1.2.0" and {"message", "title", "license"} <= fields.keys()
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    (version, date), *_ = re.findall(r"^## \[(\d[^]]*)\] - (\S+)$", changes, re.MULTILINE)
    shim = tomllib.loads((ROOT / "d2l_shim" / "pyproject.toml").read_text("utf-8"))
    assert version == __version__ == shim["project"]["version"] == fields["version"]
    assert date == fields["date-released"]
    headings = re.findall(r"^### (\w+)$", changes, re.MULTILINE)
    assert set(headings) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
