"""What a notebook does not show is neither lost nor put on another line by an edit."""

from __future__ import annotations

import pytest
from test_sync import CHAPTER, code, replacing, synced

from bookc.author.merge import align, merge
from bookc.problems import BookError


def carry(source, shown, edited, origin=None):
    return merge(source, shown, edited, origin or align(shown, source))


@pytest.mark.parametrize(
    "old,new",
    [
        ("n = 20", "# n = 20"),  # commented out
        ("n = 20", "n = 20  # epochs"),  # a mark behind a comment is part of the comment
        ("n = 20", 'n = """20\n"""'),
        ("    return x\nn = 20", "    return x\n'''\nn = 20\n'''"),
        ("def f(x)", "def f(x, (y)"),  # no Python up to the marks
    ],
)
def test_a_mark_that_would_be_none_any_more_is_refused(old, new):
    with pytest.raises(BookError, match=r"page.md:\d+: the mark in '.*' would be none any more"):
        synced(CHAPTER, replacing(1, old, new))


@pytest.mark.parametrize("new", ["n = 20\nm = '#@save'", "n = 20\n# see #@quick"])
def test_what_reads_like_a_mark_and_is_none_may_be_written(new):
    expected = CHAPTER.replace("n = 20  #@quick 1", new.replace("n = 20", "n = 20  #@quick 1"))
    assert synced(CHAPTER, replacing(1, "n = 20", new)) == expected


@pytest.mark.parametrize("new", ["# words\nm = 2", "net = MLP()\nm = 2", "m = 3\nn = 30"])
def test_a_marked_line_that_became_another_is_refused(new):
    text = CHAPTER.replace("#@quick 1", "#@quick 1\nm = 2")
    message = r"page.md:12: cannot tell which of the new lines has become of 'n = 20  #@quick 1'"
    with pytest.raises(BookError, match=message):
        synced(text, replacing(1, "n = 20\nm = 2", new))


@pytest.mark.parametrize("new", ["n = 30", "num_epochs = 20", "n = epochs(config)"])
def test_a_marked_line_that_is_still_like_itself_keeps_its_mark(new):
    assert synced(CHAPTER, replacing(1, "n = 20", new)) == CHAPTER.replace("n = 20", new)


def test_lines_that_move_within_a_cell_take_their_marks_along():
    text = CHAPTER.replace("#@quick 1", "#@quick 1\nm = 2\nk = 3")
    edit = replacing(1, "n = 20\nm = 2\nk = 3", "m = 2\nk = 3\nif m:\n    n = 20")
    assert synced(text, edit) == text.replace(
        "n = 20  #@quick 1\nm = 2\nk = 3", "m = 2\nk = 3\nif m:\n    n = 20  #@quick 1"
    )


def test_lines_that_move_within_prose_take_their_references_along():
    source = ["As :numref:`fig_a` shows.", "", "One.", "", "Two."]
    shown = ["As Fig. 1 shows.", "", "One.", "", "Two."]
    assert carry(source, shown, [*shown[2:], "", shown[0]]) == [*source[2:], "", source[0]]


def test_lines_that_move_take_marks_on_lines_of_their_own_along():
    source = ["## One", ":label:`sec_one`", "", "A text.", "", "More."]
    shown = ["## One", "", "A text.", "", "More."]
    new = carry(source, shown, ["A text.", "", "More.", "", "## One"])
    assert new == ["A text.", "", "More.", "", "## One", ":label:`sec_one`"]


def test_a_mark_does_not_move_away_from_what_else_it_saves():
    text = CHAPTER.replace("#@save\ndef", "#@save\nx = 1\ny = 2\nz = 3\n\ndef")
    with pytest.raises(BookError, match=r"page.md:11: 'y = 2' would lose #@save"):
        synced(text, replacing(1, "x = 1\ny = 2\nz = 3", "y = 2\nz = 3\nx = 1"))


def test_a_cell_is_not_split_off_its_marks():
    def split(cells):  # as Jupyter splits a cell
        head, tail = cells[1].source.split("\nn = ")
        cells[1].source = head
        cells.insert(2, code(f"n = {tail}"))

    with pytest.raises(BookError, match=r"page.md:12: 'n = 20' would lose #@quick 1"):
        synced(CHAPTER, split)


def test_cells_are_not_merged_without_their_marks():
    def merge(cells, into, other):
        cells[into].source = f"{cells[other].source}\n{cells[into].source}"
        cells.pop(other)

    text = CHAPTER.replace(":begin_tab:`tensorflow, mxnet`", ":begin_tab:`pytorch`")
    assert "#@save" in synced(text, lambda cells: merge(cells, 1, 3), choice="all")
    with pytest.raises(BookError, match=r"page.md:10: 'def f\(x\):' would lose #@save"):
        synced(text, lambda cells: merge(cells, 3, 1), choice="all")


def test_a_mark_stays_behind_what_an_alias_wrote():
    source, shown = "x = d2l.size  #@save", "x = torch.shape"
    assert carry([source], [shown], ["y = torch.shape"], {0: 0}) == ["y = d2l.size  #@save"]
    # The last word is the compiler's; `bookc sync` refuses this when it compiles the result.
    assert carry([source], [shown], ["x = torch.other"], {0: 0}) == ["x = d2l.other  #@save"]


def test_the_tags_of_a_cell_do_not_go_with_its_first_line():
    source, shown = ["#@tags hide", "x = 1", "y = 2"], ["x = 1", "y = 2"]
    origin = {0: 1, 1: 2}
    assert carry(source, shown, ["y = 2"], origin) == ["#@tags hide", "y = 2"]
    assert carry(source, shown, ["z = 3", "y = 2"], origin) == ["#@tags hide", "z = 3", "y = 2"]


def test_a_reference_goes_with_the_words_of_its_line():
    source = ["As :numref:`fig_a` and :eqref:`eq_b` show, one", "two three four."]
    shown = ["As Fig. 1 and (1.2) show, one", "two three four."]
    # Without it, or behind other words on its line, nothing is lost.
    assert carry(source, shown, ["Unlike it.", shown[1]]) == ["Unlike it.", source[1]]
    assert carry(source, shown, ["Now, as Fig. 1 and (1.2) show,", "one two three four."]) == [
        "Now, as :numref:`fig_a` and :eqref:`eq_b` show,",
        "one two three four.",
    ]
    assert carry(source, shown, ["As", "Fig. 1 and (1.2) show, one two", "three four."]) == [
        "As",
        ":numref:`fig_a` and :eqref:`eq_b` show, one two",
        "three four.",
    ]
    longer = "See Fig. 1, which shows what is shown by a figure of this kind"
    assert carry(["See :numref:`fig_a`"], ["See Fig. 1"], [longer]) == [
        longer.replace("Fig. 1", ":numref:`fig_a`")
    ]


def test_a_mark_within_a_statement_does_not_stay_behind():
    text = CHAPTER.replace("n = 20  #@quick 1", "if f:\n    n = 20  #@quick 1")

    def split(cells):
        cells[1].source = cells[1].source.replace("\nif f:\n    n = 20", "")
        cells.insert(2, code("n = 20"))

    with pytest.raises(BookError, match=r"page.md:13: 'n = 20' would lose #@quick 1"):
        synced(text, split)
