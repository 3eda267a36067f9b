"""Small books -> HTML: numbers, references, outputs, and nothing trusted that came as data."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeBook
from markupsafe import Markup

from bookc.book import Recorded
from bookc.run.build import make_build, read_build
from bookc.site.outputs import convert, describe
from bookc.site.pictures import Picture
from bookc.site.render import render_book

INDEX = "# Book\n\n```toc\n:numbered:\npart/one\ntwo\n```\n"
BIB = """@article{gan, author = {Ian Goodfellow and Jean Pouget-Abadie and Mehdi Mirza},
  title = {Nets \\& more}, journal = {J}, year = {2014}}
@article{adam, author = {Diederik Kingma and Jimmy Ba}, title = {Adam}, journal = {J},
  year = {2015}}
"""
CONFIG = """\
[project]
title = A Book
[build]
tabs = pytorch, mxnet
warning_is_error = true
[pdf]
bibfile = refs.bib
"""
EVIL = "<script>alert(1)</script>"


def png(width: int, height: int) -> str:
    """A white picture in base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()


def result(**data: str) -> dict[str, Any]:
    named = {name.replace("_", "/").replace("svg", "svg+xml"): v for name, v in data.items()}
    return {"output_type": "execute_result", "data": named, "metadata": {}}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def site(
    make_book: MakeBook,
    files: dict[str, str],
    recorded: dict[tuple[str, str], Recorded] | None = None,
) -> dict[str, str]:
    """The pages of a book, by file."""
    texts = {"index.md": INDEX, "part/one.md": "# One", "two.md": "# Two", "refs.bib": BIB}
    build = read_build(make_book({"config.ini": CONFIG, **texts, **files}))
    written = render_book(replace(build, recorded=recorded or {}))
    return {name: str(text) for name, text in written.items() if name.endswith(".html")}


def article(page: str) -> str:
    """What stands between the page's header and its end."""
    return page.partition("<article>")[2].partition("</article>")[0].strip()


def test_numbers_and_references(make_book: MakeBook) -> None:
    one = """\
# One *thing*
:label:`sec_one`

## Inner
:label:`sec_inner`

![A $x$ cap.](../img/a.svg)
:width:`300px`
:label:`fig_a`

: A table.

| a | b |
|:--|--:|
| 1 | 2 |
:label:`tab_a`

$$
y = 1
$$
:eqlabel:`eq_y`
"""
    two = (
        "# Two\n:label:`sec_two`\n\n:numref:`sec_one`, :numref:`fig_a`, :numref:`tab_a`, "
        ":eqref:`eq_y`, :ref:`sec_inner`, :numref:`sec_two`, [file](part/one.md#inner)."
    )
    pages = site(make_book, {"part/one.md": one, "two.md": two, "img/a.svg": "<svg/>"})
    first = article(pages["part/one.html"])
    assert '<h1 id="sec_one"><span class="number">1. </span>One <em>thing</em></h1>' in first
    assert '<h2 id="sec_inner"><span class="number">1.1. </span>Inner<a class="anchor"' in first
    assert '<img src="../img/a.svg" alt="A x cap." loading="lazy" style="width:300px">' in first
    assert '<a class="number" href="#fig_a">Fig. 1.1</a> A <math>' in first
    assert '<a class="number" href="#tab_a">Table 1.1</a> A table.</figcaption>' in first
    assert re.search(r'id="eq_y"><div class="scroll"><math display="block">.*\(1\.1\)', first)
    links = re.findall(r'<a[^>]* href="([^"]*)">([^<]*)</a>', article(pages["two.html"]))
    assert links == [
        ("part/one.html#sec_one", "Section 1"),
        ("part/one.html#fig_a", "Fig. 1.1"),
        ("part/one.html#tab_a", "Table 1.1"),
        ("part/one.html#eq_y", "(1.1)"),
        ("part/one.html#sec_inner", "Inner"),
        ("#sec_two", "Section 2"),
        ("part/one.html#inner", "file"),
    ]


def test_a_reference_to_a_section_without_number_reads_as_its_title(make_book: MakeBook) -> None:
    index = "# Book\n\n```toc\npart/one\ntwo\n```\n"
    one = "# One $x$ and `code`\n:label:`sec_one`"
    pages = site(make_book, {"index.md": index, "part/one.md": one, "two.md": ":numref:`sec_one`"})
    link = '<a class="numref" href="part/one.html#sec_one">One <math><mi>x</mi></math> and <code>'
    assert link in article(pages["two.html"])


def test_a_title_is_named_without_its_links(make_book: MakeBook) -> None:
    one = "# One [x](https://example.org) after :citet:`gan` and :numref:`sec_two`"
    pages = site(make_book, {"part/one.md": one, "two.md": "# Two\n:label:`sec_two`"})
    text = "One x after Goodfellow et al. (2014) and Section 2"
    assert f'<span class="number">1.</span> {text}</a>' in pages["index.html"]
    assert f"<title>{text} · A Book</title>" in pages["part/one.html"]
    assert "bookc-references" not in pages["index.html"]


def test_citations_and_references_at_the_end_of_a_page(make_book: MakeBook) -> None:
    one = "# One\n\nSo :cite:`gan,adam`; :citet:`adam` say."
    page = article(site(make_book, {"part/one.md": one})["part/one.html"])
    adam = '<a class="cite" href="#ref-adam">Kingma and Ba, 2015</a>'
    assert f'(<a class="cite" href="#ref-gan">Goodfellow et al., 2014</a>; {adam})' in page
    assert '<a class="citet" href="#ref-adam">Kingma and Ba (2015)</a> say' in page
    assert '<h2 id="bookc-references">References</h2>' in page
    assert page.index('<li id="ref-gan">') < page.index('<li id="ref-adam">')
    assert "Nets &amp; more" in page


def test_one_bibliography_for_the_whole_book(make_book: MakeBook) -> None:
    two = "# References\n\n:bibliography:`refs.bib`\n"
    pages = site(make_book, {"part/one.md": "# One\n\n:cite:`gan`", "two.md": two})
    assert 'href="../two.html#ref-gan"' in pages["part/one.html"]
    assert "bookc-references" not in pages["part/one.html"]
    assert '<li id="ref-gan">' in pages["two.html"]
    assert "ref-adam" not in pages["two.html"]  # nobody cites it


def test_tree_and_neighbours(make_book: MakeBook) -> None:
    pages = site(make_book, {"part/one.md": "# One & only"})
    page = pages["part/one.html"]
    assert (
        '<a href="one.html" aria-current="page"><span class="number">1.</span> One &amp; only</a>'
        in page
    )
    assert '<a href="../two.html"><span class="number">2.</span> Two</a>' in page
    assert '<a rel="prev" href="../index.html"><small>Previous</small> Book</a>' in page
    assert '<a rel="next" href="../two.html"><small>Next</small> 2. Two</a>' in page
    assert "<title>One &amp; only · A Book</title>" in page
    assert 'rel="next"' not in pages["two.html"]
    contents = article(pages["index.html"])
    assert '<a href="part/one.html"><span class="number">1.</span> One &amp; only</a>' in contents


def test_head(make_book: MakeBook) -> None:
    one = '# One\n\nThe "first"\nparagraph, $x$, and `code`.\n\nThe second.'
    page = site(make_book, {"part/one.md": one})["part/one.html"]
    assert '<html lang="en" data-book="book" data-tabs="pytorch mxnet">' in page
    assert 'content="The &#34;first&#34; paragraph, x, and code."' in page
    assert '<link rel="stylesheet" href="../_static/book.css">' in page
    assert '<a class="skip" href="#bookc-content">' in page


def test_tab_groups(make_book: MakeBook) -> None:
    one = """\
# One

```{.python .input}
#@tab pytorch
import torch  #@save
```

```{.python .input}
#@tab mxnet
import mxnet
```

Between.

```{.python .input}
#@tab pytorch
a < b
```

Then.

:begin_tab:`mxnet`
Only MXNet.
:end_tab:
"""
    page = article(site(make_book, {"part/one.md": one})["part/one.html"])
    both, code, prose = page.split('<div class="group"')[1:]
    assert both.startswith(' data-for="pytorch mxnet">')
    assert both.count('role="tab"') == both.count('role="tabpanel"') == 2
    assert '<p class="panel-name">MXNet</p>' in both
    assert "save" not in both
    # A group of code that lacks the choice shows another framework's and says so.
    assert code.startswith(' data-for="pytorch mxnet">')
    assert '<p class="notice" data-for="mxnet">Not in MXNet. This is PyTorch.</p>' in code
    assert '<span class="o">&lt;</span>' in code
    # Prose for others only is left out.
    assert prose.startswith(' data-for="mxnet">')


def test_a_page_without_the_chosen_framework_says_so_once(make_book: MakeBook) -> None:
    cell = "```{.python .input}\n#@tab mxnet\n1\n```\n"
    one = f"# One\n\n{cell}\nand\n\n{cell}"
    page = article(site(make_book, {"part/one.md": one})["part/one.html"])
    notice = (
        '<p class="notice" data-for="pytorch">This page has no PyTorch code. It shows MXNet.</p>'
    )
    assert page.startswith(notice)
    assert page.count("notice") == 1
    assert page.count('<div class="panel" role="tabpanel"') == 2
    assert page.count('data-for="pytorch mxnet"') == 4


def test_one_tab_has_no_tab_bars(make_book: MakeBook) -> None:
    files = {"config.ini": CONFIG.replace("pytorch, mxnet", "pytorch")}
    files["part/one.md"] = "# One\n\n```{.python .input}\n1\n```\n"
    page = site(make_book, files)["part/one.html"]
    assert 'role="tab' not in page
    assert "data-tab-choice" not in page


def test_outputs(make_book: MakeBook) -> None:
    code = "#@tab pytorch\nplot(x, xlabel='epoch', legend=['D', 'G'])"
    one = f"# One\n\n## Training\n\n```{{.python .input}}\n{code}\n```\n"
    outputs = (stream("a\n"), stream("b\n"), stream("w", "stderr"), result(image_png=png(30, 20)))
    recorded = {("pytorch", "part__one-c1"): Recorded(outputs, stale=True)}
    page = article(site(make_book, {"part/one.md": one}, recorded)["part/one.html"])
    assert '<pre class="output stream"><samp>a\nb</samp></pre>' in page
    assert '<pre class="output stream stderr"><samp>w</samp></pre>' in page
    assert page.count("Output of an earlier version of this code") == 1
    image = re.search(r'<img src="\.\./(_images/[0-9a-f]{40}\.png)" alt="([^"]*)" (.*?)>', page)
    assert image is not None
    assert image[2] == "Plot (epoch, D, G) drawn by the PyTorch code above, in “Training”"
    assert image[3] == 'width="30" height="20" loading="lazy"'


def test_pictures_are_files_of_the_site(make_book: MakeBook) -> None:
    one = "# One\n\n```{.python .input}\n#@tab all\n1\n```\n"
    root = make_book({"index.md": "# Book\n```toc\none\n```", "one.md": one})
    recorded = {
        (tab, "one-c1"): Recorded((result(image_png=png(2, 2)),), stale=False)
        for tab in ("pytorch", "mxnet")
    }
    files = render_book(replace(read_build(root), recorded=recorded))
    pictures = [name for name in files if name.startswith("_images/")]
    assert len(pictures) == 1
    assert files[pictures[0]] == base64.b64decode(png(2, 2))
    assert str(files["one.html"]).count(pictures[0]) == 1


@pytest.mark.parametrize(
    ("outputs", "html"),
    [
        ([result(text_plain=EVIL)], "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ([result(text_html=EVIL, text_plain="<T>")], "<samp>&lt;T&gt;</samp>"),
        ([result(image_svg=f"<svg>{EVIL}</svg>", text_plain="svg")], "<samp>svg</samp>"),
        ([result(text_html=EVIL)], "An output that only a notebook shows (text/html)."),
        ([stream(f"\x1b[31m{EVIL}\x1b[0m")], "<samp>&lt;script&gt;"),
        ([stream("10%\r50%\r100%\ndone\r\n")], "<samp>100%\ndone</samp>"),
        ([result(image_png="bm90IGEgcG5n", text_plain="text")], "<samp>text</samp>"),
        (
            [{"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0m<E>"]}],
            '<pre class="output error"><samp>&lt;E&gt;</samp></pre>',
        ),
        ([{"output_type": "error", "ename": "E", "evalue": "v"}], "<samp>E: v</samp>"),
    ],
)
def test_outputs_are_data(outputs: list[dict[str, Any]], html: str) -> None:
    (part,) = convert(outputs, Markup)
    assert isinstance(part, str)
    assert html in part
    assert "<script" not in part
    assert "\x1b" not in part


def test_a_dense_picture_is_shown_at_its_size() -> None:
    output = result(image_png=png(40, 20)) | {
        "metadata": {"image/png": {"width": 20, "height": 10}}
    }
    (part,) = convert([output], Markup)
    assert isinstance(part, Picture)
    assert (part.width, part.height) == (20, 10)


def test_a_picture_for_dark_pages_has_the_size_of_the_light_one() -> None:
    dark = {"image/x-dark+png": result(image_png=png(40, 21))["data"]["image/png"]}
    output = result(image_png=png(40, 20))
    output["metadata"] = dark
    (part,) = convert([output], Markup)
    assert isinstance(part, Picture) and part.dark is not None
    assert part.dark.name != part.name and part.height == 20
    (alone,) = convert([result(image_png=png(40, 20))], Markup)
    assert isinstance(alone, Picture) and alone.dark is None


def test_description_of_a_picture_without_texts() -> None:
    assert describe("%matplotlib inline\ntrain(", "", "") == "Picture drawn by the code above"


def test_html_in_markdown_and_code_is_text(make_book: MakeBook) -> None:
    one = f"# One {EVIL}\n\n{EVIL}\n"
    one += f"\n```bash\n{EVIL}\n```\n\n```nosuch\n{EVIL}\n```\n"
    one += f"\n```{{.python .input}}\n#@tab all\n'{EVIL}'\n```\n\n![{EVIL}](a.png)\n"
    for page in site(make_book, {"part/one.md": one, "part/a.png": ""}).values():
        assert EVIL not in page


def test_text_in_a_formula_may_hold_a_formula(make_book: MakeBook) -> None:
    one = "# One\n\n$$a^{\\text{for $n$ times}}$$\n"
    page = article(site(make_book, {"part/one.md": one})["part/one.html"])
    assert "<mtext>for </mtext><mi>n</mi><mtext> times</mtext>" in page.replace("\xa0", " ")


def test_code_of_aliases_and_branches_is_that_of_the_notebooks(make_book: MakeBook) -> None:
    config = f"{CONFIG}[library-pytorch]\nlib_name = torch\nsimple_alias = ones\n"
    code = "x = d2l.ones(2)\nif tab.selected('mxnet'):\n    y = 1  #@save\n"
    one = f"# One\n\n```{{.python .input}}\n%%tab all\n{code}```\n"
    files = {"index.md": INDEX, "part/one.md": one, "two.md": "# Two", "refs.bib": BIB}
    build = make_build(make_book({"config.ini": config, **files}))
    page = str(render_book(build)["part/one.html"])
    panels = [re.sub("<[^>]*>", "", code) for code in re.findall("<code>(.*?)</code>", page, re.S)]
    assert panels == ["x = torch.ones(2)\n", "x = d2l.ones(2)\ny = 1\n"]


def test_what_sphinx_and_mathjax_understand(make_book: MakeBook) -> None:
    one = r"""# One

$$a &= b \\ &= c$$

$$\begin{split}d\end{split}$$

$\pmb{x}$, $e \\ f$, $g \
h$
"""
    page = article(site(make_book, {"part/one.md": one})["part/one.html"])
    assert page.count("<mtr>") == 3
    assert "<mi>\N{MATHEMATICAL BOLD ITALIC SMALL X}</mi>" in page and "<code>" not in page


def test_every_bad_formula_and_length_is_a_problem(make_book: MakeBook) -> None:
    config = CONFIG.replace("true", "false")
    one = """\
# One

Fine $x$
but $\\foo$ is not.

$$
x \\\\
\\bar{
$$

![A.](a.png)
:width:`5px;color:red`
"""
    two = "# Two $\\frac$"
    texts = {"config.ini": config, "part/one.md": one, "part/a.png": "", "two.md": two}
    pages = site(make_book, texts)
    book = read_build(make_book(texts)).book
    ordered = sorted(book.warnings, key=lambda problem: (problem.path, problem.line))
    problems = [str(problem) for problem in ordered]
    assert "but <code>\\foo</code> is not" in pages["part/one.html"]
    assert "color:red" not in pages["part/one.html"]
    assert problems[0] == 'part/one.md:4: Unknown command "\\foo" in the formula \\foo'
    assert problems[1].startswith("part/one.md:8: ")
    assert problems[2].startswith("part/one.md:11: :width: wants a length")
    assert problems[3].startswith("two.md:1: ")


def test_the_tiny_book_links_only_to_what_there_is(tiny: Path) -> None:
    files = render_book(read_build(tiny))
    for name, text in files.items():
        if not name.endswith(".html"):
            continue
        for link in re.findall(r'(?:href|src)="([^"]*)"', str(text)):
            if link.startswith("https://doi.org/"):
                continue
            target, _, anchor = link.partition("#")
            place = (tiny / name).parent / target if target else tiny / name
            inside = place.resolve().relative_to(tiny.resolve()).as_posix()
            if inside.startswith("img/"):
                assert (tiny / inside).is_file()
                continue
            assert inside in files, f"{name}: {link}"
            assert not anchor or f'id="{anchor}"' in str(files[inside]), f"{name}: {link}"
