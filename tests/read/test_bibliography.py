"""refs.bib -> formatted entries."""

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
