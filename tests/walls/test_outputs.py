"""Outputs that would run, ask other sites or cover the page; files outside the book."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from chromium import launch, served
from conftest import MakeBook
from markupsafe import Markup
from playwright.sync_api import Browser, Route, sync_playwright

from bookc.book import Recorded
from bookc.problems import BookError
from bookc.read.addresses import kind_of
from bookc.run.build import read_build
from bookc.site.clean import harmless_svg, safe_html, safe_svg
from bookc.site.csp import with_policy
from bookc.site.outputs import convert
from bookc.site.pictures import Picture, svg_size
from bookc.site.write import write_site

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}</svg>'
HOSTILE_HTML = [
    "<script>ran = 1</script>",
    '<script src="http://127.0.0.1:9/evil.js"></script>',
    "<img src=x onerror='ran = 1'>",
    "<img src='http://127.0.0.1:9/spy.png'>",
    "<a href='javascript:ran = 1'>click</a>",
    "<a href=' java&#10;script:ran = 1'>click</a>",
    "<iframe srcdoc='<script>top.ran = 1</script>'></iframe>",
    "<iframe src='http://127.0.0.1:9/'></iframe>",
    "<object data='http://127.0.0.1:9/'></object><embed src='http://127.0.0.1:9/'>",
    "<svg onload='ran = 1'><script>ran = 1</script></svg>",
    "<svg><style><img src=x onerror='ran = 1'></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=ran=1>'>",
    "<style>.top { display: none } body { background: url(http://127.0.0.1:9/bg.png) }</style>",
    "<div style='position: fixed; inset: 0; z-index: 9; background: red'>covers</div>",
    "<div class='top' id='bookc-content' popover>takes the page's names</div>",
    "<link rel=stylesheet href='http://127.0.0.1:9/evil.css'><base href='http://127.0.0.1:9/'>",
    "<meta http-equiv=refresh content='0; url=http://127.0.0.1:9/'>",
    "<form action='http://127.0.0.1:9/'><input name=password><button>Send</button></form>",
    "<video src='http://127.0.0.1:9/v.mp4' autoplay></video><details ontoggle='ran=1' open>",
]
HOSTILE_SVG = SVG.format("""viewBox="0 0 40 20" onload="ran = 1">
<script>ran = 1; parent.ran = 1</script>
<style>@import "http://127.0.0.1:9/evil.css";</style>
<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:ran=1"/></foreignObject>
<image href="http://127.0.0.1:9/spy.png"/><use xlink:href="http://127.0.0.1:9/a.svg#b"/>
<a href="javascript:ran = 1"><text>click</text></a>
<rect width="40" height="20" fill="green" style="fill: url(http://127.0.0.1:9/x)"/>""")
CODE = "```{.python .input}\n#@tab all\n1\n```\n"


def output(kind: str, text: str) -> dict[str, object]:
    return {"output_type": "display_data", "data": {kind: text}, "metadata": {}}


def build(root: Path, outputs: list[dict[str, object]]) -> Path:
    """The site of a book of one page, which shows these outputs."""
    build = read_build(root)
    shown = Recorded(tuple(outputs), stale=False)
    recorded = {(tab, "index-c1"): shown for tab in build.config.tabs}
    write_site(replace(build, recorded=recorded))
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


def seen_by_a_visitor(browser: Browser, folder: Path, *names: str) -> set[str]:
    """What went wrong when each page was opened and everything on it that can be clicked was."""
    page = browser.new_page()
    wrong: set[str] = set()

    def asked(route: Route) -> None:  # what the policy stops never comes here
        wrong.add("asked")
        route.abort()

    page.route("http://127.0.0.1:9/**", asked)
    with served(folder) as address:
        for name in names:
            page.goto(f"{address}/{name}")
            for link in page.locator("article a, .output button").all():
                link.dispatch_event("click")
            page.wait_for_timeout(100)
            if page.evaluate("typeof ran !== 'undefined'"):
                wrong.add("ran")
            if not page.url.startswith(address):
                wrong.add("left")
            header = "document.elementFromPoint(innerWidth / 2, 20)?.closest('header.top')"
            if name.endswith(".html") and not page.evaluate(f"!!{header}"):
                wrong.add("covered")
    page.close()
    return wrong


def test_nothing_in_an_output_runs(browser: Browser, make_book: MakeBook) -> None:
    root = make_book({"index.md": f"# Book\n\n{CODE}"})
    outputs = [output("text/html", html) for html in HOSTILE_HTML]
    folder = build(root, [*outputs, output("image/svg+xml", HOSTILE_SVG)])
    assert seen_by_a_visitor(browser, folder, "index.html") == set()
    (svg,) = (folder / "_images").glob("*.svg")
    # Opened by itself a picture is a page, which has no policy: it must be harmless as it is.
    name = svg.relative_to(folder).as_posix()
    assert seen_by_a_visitor(browser, folder, name) == set()


def test_the_policy_holds_by_itself(browser: Browser, make_book: MakeBook) -> None:
    folder = build(make_book({"index.md": "# Book\n\nText."}), [])
    page = (folder / "index.html").read_text()
    # Going to another page and borrowing the page's classes are not for a policy to stop.
    runs = [html for html in HOSTILE_HTML if "refresh" not in html and "class=" not in html]
    names = [f"{number}.html" for number in range(len(runs))]
    for name, html in zip(names, runs, strict=True):
        (folder / name).write_text(page.replace("</article>", f"{html}</article>"))
    assert seen_by_a_visitor(browser, folder, *names) == set()


def test_a_table_stays_a_table() -> None:
    table = """<div><style scoped>.dataframe tbody tr th { vertical-align: top; }</style>
<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th>a</th></tr></thead>
<tbody><tr><td colspan="2">&lt;1&gt; <a href="https://example.org">x</a></td></tr></tbody></table>
</div>"""
    clean = " ".join(safe_html(table).split())
    assert "<thead><tr><th>a</th></tr></thead>" in clean
    link = '<a href="https://example.org" rel="noopener noreferrer">x</a>'
    assert f'<td colspan="2">&lt;1&gt; {link}</td>' in clean
    assert "style" not in clean and "class" not in clean


def test_an_output_that_says_nothing_without_its_script_shows_its_text() -> None:
    data = {"text/html": "<div id=x></div><script>draw()</script>", "text/plain": "<Widget>"}
    (part,) = convert([{"output_type": "display_data", "data": data, "metadata": {}}], Markup)
    assert part == '<pre class="output result"><samp>&lt;Widget&gt;</samp></pre>\n'


def test_an_svg_keeps_what_it_draws() -> None:
    style = "<style>* { stroke-linejoin: round }</style>"
    drawing = '<defs><path id="p" d="M0 0"/></defs><use xlink:href="#p" style="fill: url(#g)"/>'
    clean = safe_svg(SVG.format(f'width="30pt" height="15pt">{style}{drawing}'))
    assert clean is not None
    assert b"stroke-linejoin" in clean and b'href="#p"' in clean and b"url(#g)" in clean
    hostile = safe_svg(HOSTILE_SVG)
    assert hostile is not None
    kept = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(hostile).iter()]
    assert kept == ["svg", "image", "use", "rect"]
    assert b"127.0.0.1" not in hostile and b"ran" not in hostile


@pytest.mark.parametrize(
    "text", ["", "<svg>", "no", "<html/>", '<!DOCTYPE s [<!ENTITY a "a">]><s/>']
)
def test_what_is_no_svg_is_not_shown_as_one(text: str) -> None:
    assert safe_svg(text) is None


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="30pt" height="15pt"', (40, 20)),
        ('width="400" viewBox="0 0 200 100"', (400, 200)),
        ('viewBox="-1 -1 60.4 30"', (60, 30)),
        ('width="100%" height="100%" viewBox="0,0,8,9"', (8, 9)),
        ('width="100%"', None),
        ('viewBox="0 0 0 0"', None),
        ('width="1.2.3" height="4"', None),
        ('width="1e999" height="4"', None),
        (f'width="{"9" * 400}" height="4"', None),
        ('width="999999in" height="4"', None),
    ],
)
def test_the_size_of_an_svg(attributes: str, size: tuple[int, int] | None) -> None:
    assert svg_size(SVG.format(f"{attributes}>").encode()) == size
    (part,) = convert([output("image/svg+xml", SVG.format(f"{attributes}>"))], Markup)
    assert isinstance(part, Picture)
    assert (part.width, part.height) == (size or (300, 150))


def test_a_trusted_section_shows_html_as_recorded(browser: Browser, make_book: MakeBook) -> None:
    config = "[project]\ntitle = B\n[build]\ntabs = pytorch\n[bookc]\ntrusted_html = ind*\n"
    root = make_book({"config.ini": config, "index.md": f"# Book\n\n{CODE}"})
    scripts = "<script>ran = 1</script><img src='http://127.0.0.1:9/spy.png'>"
    folder = build(root, [output("text/html", scripts)])
    assert seen_by_a_visitor(browser, folder, "index.html") == {"ran"}


def test_the_policy_names_scripts_and_styles_by_their_hashes() -> None:
    place = '<meta http-equiv="Content-Security-Policy" content="">'
    page = f'<head>{place}<script>1</script></head><script>2</script><p style="x:1">'
    policy = with_policy(page, ['x:"2"'], trusted=False).split('content="')[1].split('">')[0]
    one = "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"  # openssl dgst -sha256
    assert f"script-src 'self' 'wasm-unsafe-eval' {one};" in policy
    assert "'unsafe-inline'" not in policy
    assert policy.count("sha256-") == 2


@pytest.mark.parametrize("source", ["../../secret.png", "/etc/hostname", "link.png", "away/b.png"])
def test_a_chapter_reads_no_file_outside_the_book(make_book: MakeBook, source: str) -> None:
    root = make_book({"index.md": f"# Book\n\n![Secret]({source})"})
    secret = root.parent / "secret.png"
    secret.write_text("secret")
    (root.parent / "b.png").write_text("secret")
    (root / "link.png").symlink_to(secret)
    (root / "away").symlink_to(root.parent)
    with pytest.raises(BookError, match=f"no such image: {source}"):
        read_build(root)


def test_links_out_of_the_book_are_refused(make_book: MakeBook) -> None:
    config = "[project]\ntitle = B\n[build]\ntabs = pytorch\nresources = img\n"
    root = make_book({"config.ini": config, "index.md": "# Book", "img/inside.png": ""})
    (root.parent / "secret.md").write_text("# Secret")
    (root / "img" / "link.png").symlink_to(root.parent / "secret.md")
    (root / "img" / "fine.png").symlink_to(root / "img" / "inside.png")
    build = read_build(root)
    with pytest.raises(BookError, match=r"^img/link.png: a link out of the book"):
        write_site(build)
    (root / "chapter.md").symlink_to(root.parent / "secret.md")
    config_all = config.replace("resources = img", "notebooks = *.md")
    (root / "config.ini").write_text(config_all)
    with pytest.raises(BookError, match=r"^chapter.md: a link out of the book"):
        read_build(root)


def test_a_picture_of_another_site_is_a_link(make_book: MakeBook) -> None:
    root = make_book({"index.md": "# Book\n\n![A map](https://example.org/a.png)"})
    page = (build(root, []) / "index.html").read_text()
    assert '<a href="https://example.org/a.png">A map</a>' in page
    assert "<img" not in page


SOURCES = ["ftp://a/b.png", "blob:https://a/b", "https:host/b.png", "file:///b.png", "\\\\a\\b.png"]


@pytest.mark.parametrize("source", [*SOURCES, "data:image/png;base64,AA", "javascript:a"])
def test_what_is_no_file_of_the_book_is_no_picture(make_book: MakeBook, source: str) -> None:
    config = "[project]\ntitle = B\n[build]\ntabs = pytorch\n"
    text = f"# Book\n\n![A map]({source}) and ![](<{source}>)\n\n![A figure]({source})\n"
    root = make_book({"config.ini": config, "index.md": text})
    page = (build(root, []) / "index.html").read_text()
    found = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert "<img" not in page and found and all(kind_of(one) != "refused" for one in found)
    warnings = [str(problem) for problem in read_build(root).book.warnings]
    assert warnings and all("no such image: " in warning for warning in warnings)


def test_a_link_that_no_page_has_is_told(make_book: MakeBook) -> None:
    root = make_book({"index.md": "# Book\n\n[a](ftp://a/b) [c](doi:10.1/x)\n"})
    with pytest.raises(BookError) as told:
        read_build(root)
    message = "is no link of a page: http, https and mailto are"
    lines = str(told.value).splitlines()
    assert lines == [f"index.md:3: ftp://a/b {message}", f"index.md:3: doi:10.1/x {message}"]


def test_no_label_takes_an_id_of_the_page(make_book: MakeBook) -> None:
    taken = ["bookc-content", "bookc-contents", "bookc-search", "bookc-tab-1-pytorch", "ref-key"]
    text = "".join(f"## Heading\n:label:`{name}`\n\n:numref:`{name}`\n\n" for name in taken)
    page = (
        (build(make_book({"index.md": f"# Book\n\n{text}\n## Bookc contents\n"}), []))
        .joinpath("index.html")
        .read_text()
    )
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert all(f'id="at-{name}"' in page and f'href="#at-{name}"' in page for name in taken)


HOSTILE_DRAWINGS = {
    "script": "<script>ran = 1</script>",
    "handler": '<rect width="9" height="9" onload="ran = 1" onclick="ran = 1"/>',
    "animated link": '<a href="#"><set attributeName="href" to="javascript:ran=1"/></a>',
    "animated values": '<a><animate attributeName="xlink:href" values="javascript:ran=1"/></a>',
    "html": '<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="ran=1"/>'
    "</foreignObject>",
    "html script": '<foreignObject><script xmlns="http://www.w3.org/1999/xhtml">ran = 1</script>'
    "</foreignObject>",
    "link": '<a xlink:href="javascript:ran = 1"><text y="9">x</text></a>',
    "use": '<use href="data:image/svg+xml,&lt;svg/&gt;#x"/>',
    "image": '<image href="http://127.0.0.1:9/a.png"/>',
    "image-set": "<rect style=\"mask: image-set('http://127.0.0.1:9/a.png' 1x)\"/>",
    "src": "<rect style=\"fill: src('http://127.0.0.1:9/a.png')\"/>",
    "cross-fade": '<rect style="fill: -webkit-cross-fade(url(#a), url(http://127.0.0.1:9/), 1%)"/>',
    "import": '<style>@import "http://127.0.0.1:9/a.css";</style>',
    "font": "<style>@font-face { font-family: a; src: url(http://127.0.0.1:9/a) }</style>",
    "escaped": "<style>rect { fill: u\\72l(http://127.0.0.1:9/a) }</style>",
    "handler of events": '<handler xmlns:ev="http://www.w3.org/2001/xml-events" ev:event="load">'
    "ran = 1</handler>",
    "embedded": '<iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:top.ran=1"/>',
    "math": '<math xmlns="http://www.w3.org/1998/Math/MathML" href="javascript:ran=1"/>',
}


@pytest.mark.parametrize("name", HOSTILE_DRAWINGS)
def test_a_drawing_of_an_author_is_harmless_by_itself(
    browser: Browser, make_book: MakeBook, name: str
) -> None:
    config = "[project]\ntitle = B\n[build]\ntabs = pytorch\nresources = img\n"
    config += "[html]\nfavicon = img/b.svg\n"
    drawing = SVG.format(f'width="90" height="90"><g id="kept"/>{HOSTILE_DRAWINGS[name]}')
    files = {"img/a.svg": drawing, "img/b.svg": drawing, "img/c.svg": "<svg><script>ran=1</script>"}
    text = "# Book\n\n![A](img/a.svg)\n\n![C](img/c.svg)\n"
    root = make_book({"config.ini": config, "index.md": text, **files})
    folder = build(root, [])
    names = ("img/a.svg", "img/b.svg", "img/c.svg", "index.html")
    assert seen_by_a_visitor(browser, folder, *names) == set()
    assert b"kept" in (folder / "img" / "a.svg").read_bytes()


def test_a_drawing_without_harm_stays_as_it_is() -> None:
    drawing = SVG.format(
        'width="90" height="90"><!-- by hand --><style>.a { fill: rgb(1, 2, 3) }</style>'
        '<metadata><x xmlns="http://example.org/editor">a</x></metadata>'
        '<g id="f(x)" transform="translate(1 2)" style="fill: url(#a)"><text>if (a) b()</text></g>'
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">a</p></foreignObject>'
    ).encode()
    assert harmless_svg(drawing) == drawing
