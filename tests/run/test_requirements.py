"""The versions that notebooks were run with, as pip's requirements."""

from __future__ import annotations

from importlib.metadata import version

from bookc.run.environments import NATIVE, environment
from bookc.run.requirements import pinned

HERE = environment(NATIVE)


def test_what_a_module_needs_is_pinned_too() -> None:
    lines = pinned(["jinja2"], HERE).splitlines()
    assert f"jinja2=={version('jinja2')}" in lines
    assert f"markupsafe=={version('markupsafe')}" in lines  # which jinja2 needs
    assert any(line.startswith("jupyterlab==") for line in lines)
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(names)
    assert not any("+" in line or "@" in line for line in lines)


def test_a_distribution_that_is_a_folder_is_left_out_and_what_it_needs_is_not() -> None:
    names = {line.partition("==")[0] for line in pinned(["d2l_shim"], HERE).splitlines()}
    assert "d2l-shim" not in names
    assert {"numpy", "matplotlib", "filelock"} <= names
    assert "torch" not in names  # an extra that nobody asked for


def test_what_is_not_installed_is_left_out() -> None:
    assert pinned(["no_such_module"], HERE) == pinned([], HERE)
