"""How verbs and their options are declared, and the parser that is made of them.

argparse and not click, whose import takes 22 ms: a fifth of what `bookc build` takes to see that
there is nothing to do.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bookc import __version__
from bookc.problems import Problem

Arguments = argparse.Namespace
Run = Callable[[Arguments], Iterable[Problem] | int]
Option = tuple[tuple[str, ...], dict[str, Any]]
# Names that verbs had before, or have in d2lbook, and what is to be typed now.
EARLIER = {
    "notebooks": ["build", "notebooks"],
    "html": ["build", "html"],
    "lib": ["build", "lib"],
    "check": ["test"],
    "clear": ["clean"],
}


@dataclass(frozen=True, slots=True)
class Verb:
    """One command.

    Attributes:
        run: returns the problems that it found, or the exit status if it has told them itself.
        help, example: for those who ask.
        options: its arguments.
        is_listed: whether the list of all verbs has it.
    """

    run: Run
    help: str
    example: str
    options: tuple[Option, ...]
    is_listed: bool


VERBS: dict[str, Verb] = {}


def verb(help: str, example: str, *options: Option, is_listed: bool = True) -> Callable[[Run], Run]:
    """Make a verb of a function, by the function's name."""

    def add(run: Run) -> Run:
        VERBS[run.__name__] = Verb(run, help, example, options, is_listed)
        return run

    return add


def option(*names: str, **about: Any) -> Option:
    """An argument of a verb, as argparse describes it."""
    return names, about


def positive(text: str) -> int:
    """A number of things: 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: want 1 or more")
    return number


def port(text: str) -> int:
    """A number that an address of this machine may have."""
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text}: want 0 to 65535")
    return number


def script_format(text: str) -> str:
    """A format of scripts that jupytext knows."""
    import jupytext
    import nbformat
    from jupytext.formats import NOTEBOOK_EXTENSIONS, JupytextFormatError

    known = f".{text.partition(':')[0]}" in NOTEBOOK_EXTENSIONS
    try:
        if known:
            jupytext.writes(nbformat.v4.new_notebook(), fmt=text)
    except JupytextFormatError:
        known = False
    if not known:
        raise argparse.ArgumentTypeError(f"'{text}': want a format such as py:percent or md:myst")
    return text


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with every verb that was declared."""
    parser = argparse.ArgumentParser(
        prog="bookc", description="Compile tagged Markdown into notebooks and an HTML book."
    )
    parser.add_argument("--version", action="version", version=f"bookc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb in VERBS.items():
        about: dict[str, Any] = {"description": verb.help, "epilog": f"example: {verb.example}"}
        if verb.is_listed:
            about["help"] = verb.help
        command = commands.add_parser(name, **about)
        command.set_defaults(run=verb.run)
        for names, argument in verb.options:
            command.add_argument(*names, **argument)
    return parser
