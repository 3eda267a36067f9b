"""Code cell -> Python: lines of IPython (`%magic`, `!shell`, `name?`) are set aside, places stay.

As in IPython, such a line stands where a statement could begin: not in brackets or strings, where
`%b` and `!=` are Python.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from functools import lru_cache

# Cell magics that run the cell's Python; the body of any other is a file or another language.
PYTHON_BODIES = {"time", "timeit", "capture", "prun", "memit", "debug", "python", "python3"}
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)  # what a parser may raise
MAY_HOLD = re.compile(r"^[ \t]*[%!?]|=[ \t]*[%!][^=]|\?[ \t]*$", re.M)
CELL_MAGIC = re.compile(
    r"(?P<above>(?:[ \t]*(?:\#[ \t]*@[^\n]*)?\n)*)"  # our marks, which notebooks do not have
    r"[ \t]*%%(?P<name>\w+)[^\n]*"
)
LINE = re.compile(
    r"""
    (?:(?P<indent>[ \t]*)(?=%[A-Za-z]|!|\?|[%\w.*]+\?{1,2}[ \t]*$)
      |(?P<target>[ \t]*\w[\w.,:*\ \t]*(?:\[[^]\n=]*\][ \t]*)?=[ \t]*)(?=%[A-Za-z]|!(?!=)))
    (?P<magic>[^\n]*(?:(?<=\\)\n[^\n]*)*)
    """,
    re.M | re.X,
)
TIMED = re.compile(r"%time(?:it)?[ \t]+(?:-(?:[nrp][ \t]*\d+|[A-Za-z]+)[ \t]+)*")
TOKEN = re.compile(
    r"""
    \#[^\n]*
    | '''(?:\\.|[^\\])*?(?:'''|\Z) | \"""(?:\\.|[^\\])*?(?:\"""|\Z)
    | '(?:\\.|[^'\\\n])*'? | "(?:\\.|[^"\\\n])*"?
    | \\\n | [\[({\])}\n]
    """,
    re.S | re.X,
)


def python_of(source: str) -> str:
    """The cell as Python alone, with all that is Python at the line and column where it was."""
    if not MAY_HOLD.search(source):
        return source
    parts = []
    at = 0
    while magic := CELL_MAGIC.match(source, at):
        parts += [magic["above"], "pass"]
        at = magic.end()
        if magic["name"] not in PYTHON_BODIES:
            return "".join(parts) + "\npass" * source.count("\n", at)
    for line in _lines(source, at):
        parts += [source[at : line.start()], _as_python(line)]
        at = line.end()
    return "".join([*parts, source[at:]])


def lines_of_ipython(source: str) -> list[str]:
    """The lines that are not Python as they stand."""
    pairs = zip(source.split("\n"), python_of(source).split("\n"), strict=True)
    return [line for line, python in pairs if line != python]


def _lines(source: str, at: int) -> Iterator[re.Match[str]]:
    """IPython's lines from an offset on."""
    while at < len(source):
        if line := LINE.match(source, at):
            yield line
            at = line.end() + 1
        else:
            at = _behind_statement(source, at)


def _behind_statement(source: str, at: int) -> int:
    """Where the next line begins that is not within brackets or a string."""
    depth = 0
    for token in TOKEN.finditer(source, at):
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth = max(depth - 1, 0)
        elif token[0] == "\n" and not depth:
            return token.end()
    return len(source)


def _as_python(line: re.Match[str]) -> str:
    """Python in place of a line: what `%time` and `%timeit` run, else nothing or None."""
    magic, before = line["magic"], line["indent"] or line["target"] or ""
    if timed := TIMED.match(magic):
        hidden = "" if line["target"] else "pass;"  # nothing may be indented without a reason
        python = f"{before}{hidden.ljust(timed.end())}{magic[timed.end() :]}"
        if _is_python(python.strip()):
            return python
    return before + ("None" if line["target"] else "pass") + "\n" * magic.count("\n")


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            ast.parse(text)
    except NOT_PYTHON:
        return False
    return True


@lru_cache(maxsize=4096)
def parse_python(source: str) -> ast.Module | None:
    """The cell's syntax tree, for reading only; None if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # the author's '\\d' is no fault of ours
            flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            tree = compile(python_of(source), "cell", "exec", flags=flags)
            return tree if isinstance(tree, ast.Module) else None
    except NOT_PYTHON:
        return None


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, each after its parent; in no other order, and faster for it."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        for value in node.__dict__.values():
            if isinstance(value, ast.AST):
                stack.append(value)
            elif isinstance(value, list):
                stack += [one for one in value if isinstance(one, ast.AST)]


def comments(source: str, last: int) -> Iterator[tokenize.TokenInfo]:
    """The Python comments of a cell up to line `last`.

    Raises:
        tokenize.TokenError, SyntaxError: the cell is not Python so far.
    """
    for token in tokenize.generate_tokens(io.StringIO(python_of(source)).readline):
        if token.start[0] > last:
            break
        if token.type == tokenize.COMMENT:
            yield token
