"""The constraint files are made of today's requirements, and pin all with hashes."""

import re
from pathlib import Path

import pytest
from make_constraints import FOLDER, FRAMEWORKS, is_current, requirements
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_constraints_are_current(framework):
    assert is_current(framework), "python tools/make_constraints.py writes it"
    text = (FOLDER / f"{framework}.txt").read_text()
    pins = dict(re.findall(r"^(\S+)==(\S+) --hash=sha256:[0-9a-f]{64}$", text, re.MULTILINE))
    assert len(pins) == text.count("\n") - 2
    for line in requirements(framework):
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate():
            assert needed.specifier.contains(pins[canonicalize_name(needed.name)]), line
    for name, version in re.findall(
        r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M
    ):
        assert pins.get(name, version) == version
    others = {"pytorch": "torch", "tensorflow": "tensorflow-cpu", "mxnet": "mxnet"}
    assert [name in pins for name in others.values()] == [one == framework for one in others]
