"""refs.bib -> formatted entries."""

import re
from html import unescape

import pytest

from bookc.read.bibliography import read_bibliography

FIELDS = "author = {Ada Doe}, title = {On it}, year = 2020"


def entry(kind: str, more: str = "") -> str:
    text = f"@{kind}{{doe, {FIELDS}{more}}}"
    return read_bibliography(text, "refs.bib")["doe"].html


@pytest.mark.parametrize(
    "kind,same,more",
    [
        ("collection", "book", ", publisher = {P}"),
        ("conference", "inproceedings", ", booktitle = {B}"),
        ("electronic", "online", ", url = {https://example.org}"),
        ("www", "online", ", url = {https://example.org}"),
        ("report", "techreport", ", institution = {I}"),
        ("thesis", "phdthesis", ", school = {S}"),
        ("foo", "misc", ""),
        ("doi", "misc", ""),  # pybtex has a format_doi, which is for something else
        ("thesis", "misc", ""),
    ],
)
def test_a_type_that_pybtex_does_not_know_is_formatted_as_the_nearest(kind, same, more):
    assert "On it" in entry(kind, more)
    assert entry(kind, more) == entry(same, more)


def test_a_type_that_pybtex_knows_is_kept():
    assert entry("phdthesis", ", school = {S}") != entry("misc", ", school = {S}")


@pytest.mark.parametrize(
    "latex,name",
    [
        (r"N{\'a}gy", "Nágy"), (r"Cs{\'\i}k", "Csík"), (r"\v{S}koda", "Škoda"),
        (r"{\L}ukasz", "Łukasz"), (r"{\O}stby", "Østby"), (r"Erd\H{o}s", "Erdős"),
        (r"Stra{\ss}e", "Straße"), (r"{\AA}ngstr{\"o}m", "Ångström"), (r"O'Neil", "O'Neil"),
        (r"{The {GAN} Group}", "The GAN Group"), (r"\c{C}elik", "Çelik"), ("Müller", "Müller"),
    ],
)  # fmt: skip
def test_a_citation_has_the_letters_that_the_list_has(latex, name):
    text = f"@misc{{doe, author = {{{latex}}}, title = {{T}}, year = 2020}}"
    found = read_bibliography(text, "refs.bib")["doe"]
    assert found.authors == name
    assert name in unescape(re.sub("<[^>]*>", "", found.html))


def test_links_and_fonts_of_latex_in_a_note():
    note = r"see \url{https://example.org/x_y?a=1\&b=2} and \href{https://example.org}{h{\'e}re}"
    html = entry("misc", f", note = {{{note}, \\emph{{twice}}}}")
    assert (
        '<a href="https://example.org/x_y?a=1&amp;b=2">https://example.org/x_y?a=1&amp;b=2</a>'
        in html
    )
    assert '<a href="https://example.org">hére</a>' in html
    assert "twice" in html and "emph" not in html and "\\" not in html


def test_a_link_that_a_page_may_not_have_is_a_text():
    html = entry("misc", r", note = {\href{javascript:alert(1)}{<b>here</b>}}")
    assert "&lt;b&gt;here&lt;/b&gt;" in html and "href" not in html and "javascript" not in html
