"""One tab's code blocks as cells for a Markdown editor: reversible, and nothing else changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookc.__main__ import main
from bookc.author.activate import activate
from bookc.problems import BookError

TABS = ("pytorch", "mxnet")
TEXT = """\
# Title

```{.python .input  n=1}
default
```

```{.python .input}
#@tab mxnet
x
```

````{.python .input}
%%tab all
```
````

```python
an_example()
```

```bash
echo
```
"""


def test_one_tab():
    asleep = TEXT.replace("```{.python .input  n=1}", "```python {.python .input  n=1}")
    assert activate(TEXT, "page.md", "mxnet", TABS) == asleep
    other = TEXT.replace(
        "```{.python .input}\n#@tab mxnet", "```python {.python .input}\n#@tab mxnet"
    )
    assert activate(asleep, "page.md", "default", TABS) == other
    assert activate(other, "page.md", "all", TABS) == TEXT


def test_what_d2lbook_put_to_sleep_wakes():
    text = TEXT.replace("```{.python .input}\n#@tab mxnet", "```python\n#@tab mxnet")
    assert activate(text, "page.md", "all", TABS) == TEXT


def test_a_cell_that_writes_markdown():
    text = "```{.python .input}\n%%writefile a.md\n````{.python .input}\n````\n```\n" + TEXT
    asleep = activate(text, "page.md", "mxnet", TABS)
    assert asleep.startswith("```python {.python .input}\n%%writefile a.md\n````{.python .input}\n")
    assert activate(asleep, "page.md", "all", TABS) == text


LINES = ["```{.python .input}", "```python", "```", "#@tab mxnet", "%%tab all", "x", "````", ""]


@given(st.lists(st.sampled_from(LINES), max_size=14).map("\n".join))
def test_waking_all_undoes_it(text):
    try:
        awake = activate(text, "page.md", "all", TABS)
    except BookError:
        return
    for tab in TABS:
        assert activate(activate(awake, "page.md", tab, TABS), "page.md", "all", TABS) == awake


def test_the_command(tiny, capsys):
    file = tiny / "part" / "cells.md"
    before = file.read_bytes()
    assert main(["activate", "mxnet", str(file), "--book", str(tiny)]) == 0
    assert capsys.readouterr().out == f"{file}: changed\n"
    assert b"```python {.python .input}\n#@tab tensorflow\n" in file.read_bytes()
    assert main(["activate", "all", str(tiny / "part" / "*.md"), "--book", str(tiny)]) == 0
    assert file.read_bytes() == before
    assert main(["activate", "torhc", str(file), "--book", str(tiny)]) == 1
    assert "unknown tab 'torhc' (known: all, default, pytorch" in capsys.readouterr().err
    assert main(["activate", "all", str(Path("nowhere.md")), "--book", str(tiny)]) == 1
    assert "nowhere.md: no such file" in capsys.readouterr().err


def test_an_unclosed_block_is_told():
    with pytest.raises(BookError, match=r"page.md:1: this ``` fence is never closed"):
        activate("```{.python .input}\nx\n", "page.md", "mxnet", TABS)
