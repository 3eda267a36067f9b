"""Outputs that are neither text nor PNG, from a kernel to the page."""

import re
import subprocess
import sys

import pytest
from conftest import CONFIG

CODE = """\
import io
from IPython.display import Audio, Image, Latex, Markdown, Math, Video, display
from PIL import Image as Pillow

def picture(form, **size):
    buffer = io.BytesIO()
    Pillow.new('RGB', (40, 20), 'red').save(buffer, form)
    return Image(buffer.getvalue(), format=form.lower(), **size)

display(Markdown('## Found **3** of $x^2$\\n\\n- one\\n- two <script>alert(1)</script>\\n\\n'
                 '![none](../.git/config) [some](../.git/config)'))
display(Math(r'\\frac{a}{b}'), Latex(r'$$y^3$$'), Latex(r'\\begin{aligned} c &= d \\end{aligned}'))
display(picture('JPEG'), picture('GIF', width=20))
display({'image/webp': 'bm8gcGljdHVyZQ==', 'text/plain': '<IPython.core.display.Image object>'},
        raw=True)
display(Video('https://example.org/film.mp4'))
print('\\x1b[31mred\\x1b[0m')
class Blue:
    def __repr__(self): return '\\x1b[34mblue\\x1b[0m'
Blue()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("rich")
    (root / "config.ini").write_text(CONFIG.replace("tabs = pytorch, mxnet", "tabs = pytorch"))
    (root / "index.md").write_text(f"# Book\n\n```{{.python .input}}\n{CODE}```\n")
    for words in (["execute"], ["build", "html"]):
        command = [sys.executable, "-m", "bookc", *words, "--book", str(root)]
        run = subprocess.run(command, capture_output=True, text=True)
        assert (run.returncode, run.stderr) == (0, "")
    return root / "_build" / "html" / "index.html"


def test_markdown_and_formulas_are_set(page):
    html = page.read_text()
    outputs = html[html.index('class="outputs"') :]
    first, fraction, power, aligned = re.findall(
        r'<div class="output markdown">(.*?)</div>\n(?=<)', outputs, re.DOTALL
    )[:4]
    assert '<p class="heading">Found <strong>3</strong> of <math' in first
    assert "<li>one</li>" in first and "<h2" not in first and "<script" not in first
    assert "none" in first and "git/config" not in first and "<img" not in first
    assert "<mfrac>" in fraction and "<msup>" in power and "<mtable" in aligned


def test_pictures_are_files_with_sizes(page):
    html = page.read_text()
    assert re.search(r'<img src="_images/\w+\.jpeg" alt="[^"]*" width="40" height="20"', html)
    assert re.search(r'<img src="_images/\w+\.gif" alt="[^"]*" width="20" height="10"', html)
    for name in re.findall(r"_images/\w+\.(?:jpeg|gif)", html):
        assert (page.parent / name).read_bytes()
    assert "An output that only a notebook shows (image/webp, text/plain)." in html
    assert "core.display" not in html[html.index('class="outputs"') :]


def test_no_colour_of_a_terminal_reaches_the_page(page):
    html = page.read_text()
    assert "<samp>red</samp>" in html and "<samp>blue</samp>" in html and "\x1b" not in html
