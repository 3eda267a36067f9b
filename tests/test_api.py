"""The page of d2l_shim: current, complete, resolved, and clear about what is missing."""

from __future__ import annotations

import html
import re
import shutil
import sys
from pathlib import Path

import pytest
from definitions import read_sources
from docstrings import read_docstring
from make_api import make_page

from bookc.problems import BookError
from bookc.run.build import read_build
from bookc.site.render import render_book

ROOT = Path(__file__).parents[1]
TEMPLATE = (ROOT / "tools" / "api.md").read_text(encoding="utf-8")
PAGE = ROOT / "chapters" / "api.md"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what the page is made of, to break."""
    shutil.copytree(ROOT / "d2l_shim", tmp_path / "d2l_shim")
    shutil.copytree(ROOT / "chapters", tmp_path / "chapters")
    return tmp_path


def change(file: Path, old: str, new: str) -> int:
    """Replace text that stands in a file once; the line where it stood."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def problems(root: Path, template: str = TEMPLATE) -> list[str]:
    with pytest.raises(BookError) as caught:
        make_page(read_sources(root), template)
    return str(caught.value).split("\n")


def test_page_is_current() -> None:
    page = make_page(read_sources(ROOT), TEMPLATE)
    assert PAGE.read_text(encoding="utf-8") == page, "run tools/make_api.py"


def test_frameworks_are_not_imported(sources: Path) -> None:
    before = set(sys.modules)
    make_page(read_sources(sources), TEMPLATE)
    loaded = {name.split(".")[0] for name in set(sys.modules) - before}
    assert not loaded & {"torch", "tensorflow", "mxnet", "d2l_shim", "matplotlib"}


@pytest.mark.parametrize("framework", ["torch", "tensorflow", "mxnet"])
def test_every_public_name_has_an_entry(framework: str) -> None:
    module = __import__(f"d2l_shim.{framework}", fromlist=["*"])
    saved = sys.modules[f"d2l_shim.saved.{framework.replace('torch', 'pytorch')}"]
    page = PAGE.read_text(encoding="utf-8")
    names = {*module.__all__, *saved.__all__}
    assert len(names) > 30
    for name in names:
        assert f"\n### `{name}`\n:label:`api_{name}`\n" in page


def test_links_and_references_of_the_page_resolve() -> None:
    build = read_build(ROOT)  # an unknown label or citation is an error
    pages = {name: str(text) for name, text in render_book(build).items()}
    page = pages["api.html"]
    article = page.partition("<article>")[2].partition("</article>")[0]
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', article)]
    assert len(links) > 100
    for link in links:
        file, _, anchor = link.partition("#")
        assert not anchor or f'id="{anchor}"' in pages[file or "api.html"], link
    for role in (":ref:", ":numref:", ":begin_tab:", ":label:"):
        assert role not in article


def test_what_frameworks_share_is_said_once() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("Record run times in seconds;") == 1
    assert page.count("def show_images(") == 1
    assert page.count("def update_D(") == 3
    tabs = ":begin_tab:`pytorch, mxnet`\nA batch (n, channels, height, width) in [-1, 1]"
    assert tabs in page and page.count("A batch (n, channels, height, width)") == 1


def test_inherited_methods_and_private_defaults_are_shown() -> None:
    page = PAGE.read_text(encoding="utf-8")
    timer = page.partition("### `Timer`")[2].partition("\n### ")[0]
    assert "- `cumsum() -> list[float]`:" in timer  # of the base class
    assert "- `wait() -> None`: Block until MXNet's engine" in timer  # of MXNet's own
    assert "_FMTS" not in page and "('-', 'm--', 'g-.', 'r:')" in page
    assert "self" not in re.findall(r"\w+", page)


def test_what_is_written_once_has_the_types_of_each_framework() -> None:
    page = PAGE.read_text(encoding="utf-8")
    emoji = page.partition("### `load_emoji`")[2].partition("\n### ")[0]
    for device in ("device: torch.device | str | None = None", "device: str | None = None"):
        assert emoji.count(f"    {device},\n") == 1
    assert emoji.count("    device=None,\n") == 1  # MXNet has no types
    assert emoji.count("-> Loader[") == 3 and "Batch" not in emoji and "Device" not in emoji
    assert emoji.count("emoji drawn by OpenMoji") == 1


def test_sections_that_save_are_named() -> None:
    page = PAGE.read_text(encoding="utf-8")
    update = page.partition("### `update_D`")[2].partition("\n### ")[0]
    assert "**Defined in** :numref:`sec_basic_gan`." in update


def test_docstring_sections() -> None:
    blocks = read_docstring(
        """Do it, as `other` does.

        N is 2 * 3 and `a * b`:

            code(x)

        Args:
            x, y: two numbers,
                in metres.
            other: one more.

        Returns:
            Their sum; see
            `nothing`.

        Raises:
            ValueError: x < y.

        Source: A book,
            page 3.
        """,
        {"other": "api_other"},
    )
    assert blocks == {
        "summary": "Do it, as :ref:`api_other` does.",
        "body": "N is 2 \\* 3 and `a * b`:\n\n```python\ncode(x)\n```",
        "Args": "**Arguments**\n\n- `x`, `y`: two numbers, in metres.\n- `other`: one more.",
        "Returns": "**Returns:** Their sum; see `nothing`.",
        "Raises": "**Raises**\n\n- `ValueError`: x \\< y.",
        "Source": "**Source:** A book, page 3.",
    }


def test_a_name_without_docstring(sources: Path) -> None:
    line = change(sources / "d2l_shim" / "helpers" / "torch.py", '    """The CPU."""\n', "")
    expected = f"d2l_shim/helpers/torch.py:{line - 1}: 'cpu' is public and has no docstring"
    assert problems(sources) == [expected]


def test_a_method_without_docstring(sources: Path) -> None:
    text = '        """The sum of the recorded times in seconds."""\n'
    line = change(sources / "d2l_shim" / "meter.py", text, "")
    assert problems(sources) == [
        f"d2l_shim/meter.py:{line - 1}: 'sum' is public and has no docstring"
    ]


def test_a_docstring_that_cannot_be_read(sources: Path) -> None:
    text = '"""The CPU.\n\n    Caution:\n        hot.\n    """'
    line = change(sources / "d2l_shim" / "helpers" / "torch.py", '"""The CPU."""', text)
    (problem,) = problems(sources)
    where = (
        f"d2l_shim/helpers/torch.py:{line - 1}: the docstring of 'cpu': unknown section 'Caution:'"
    )
    assert problem.startswith(where)


def test_all_that_the_hand_written_part_lacks(sources: Path) -> None:
    template = TEMPLATE.replace("### try_gpu\n", "### try_gpus\n")
    text = template.partition("### set_figsize\n")[2].partition("###")[0]
    template = template.replace(text, "\n")
    lines = template.split("\n")
    unknown, empty = lines.index("### try_gpus") + 1, lines.index("### set_figsize") + 1
    found = problems(sources, template)
    assert f"tools/api.md:{unknown}: d2l_shim has no public name 'try_gpus'" in found
    assert f"tools/api.md:{empty}: 'set_figsize': write what differs from d2l" in "\n".join(found)
    assert any("'try_gpu' is public: give it a heading" in line for line in found)
    assert len(found) == 3
