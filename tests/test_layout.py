"""The layout of the code: which room may import which, and that nothing imports in a circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room may import itself and the rooms of lower levels. Files that are in no room are the ground.
LEVELS = {"": 0, "read": 1, "notebook": 2, "run": 3, "site": 4, "author": 4, "__main__": 5}
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for file in (ROOT / "bookc").rglob("*.py")
    if file.name != "__init__.py" and "build" not in file.parts  # which pip may leave
}


def imported(file: Path) -> set[str]:
    """The modules that a file imports, anywhere in it, by their full names."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: imports by full names"
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("package,other", [("bookc", "d2l_shim"), ("d2l_shim", "bookc")])
def test_the_compiler_and_the_library_do_not_know_each_other(package, other):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        tops = {name.split(".")[0] for name in imported(file)}
        assert other not in tops, file


def test_the_compiler_needs_no_framework():
    for file in (ROOT / "bookc").rglob("*.py"):
        tops = {name.split(".")[0] for name in imported(file)}
        assert not tops & {"torch", "tensorflow", "keras", "mxnet", "numpy", "matplotlib"}, file


def room(module: str) -> str:
    """The room of a module of bookc; "" for a ground file."""
    if module in ("bookc.__main__", "bookc.verbs", "bookc.terminal"):
        return "__main__"
    return module.split(".")[1] if module.count(".") == 2 else ""


def uses(module: str) -> set[str]:
    """The modules of bookc that a module imports, be it inside a function or for types alone."""
    return imported(MODULES[module]) & MODULES.keys()


def test_every_room_has_its_level():
    folders = {path.parent.name for path in (ROOT / "bookc").glob("*/__init__.py")}
    assert folders == LEVELS.keys() - {"", "__main__"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_rooms_import_one_way(module):
    own = room(module)
    wrong = {
        used for used in uses(module) if room(used) != own and LEVELS[room(used)] >= LEVELS[own]
    }
    assert not wrong, f"{module} is in a room that may not import these"


def check_no_circle(left):
    while left:  # take away those that use nothing that is left
        free = {module for module, used in left.items() if not used & left.keys()}
        assert free, f"these import each other in a circle: {sorted(left)}"
        left = {module: used for module, used in left.items() if module not in free}


def test_no_module_imports_itself_by_way_of_others():
    check_no_circle({module: uses(module) for module in MODULES})


def test_no_module_of_the_library_does_so_either():
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for file in (ROOT / "d2l_shim").rglob("*.py")
        if file.name != "__init__.py"
    }
    check_no_circle({module: imported(file) & files.keys() for module, file in files.items()})
