"""The command line: `bookc COMMAND`. The only place that prints, and the only one that exits.

Each command imports what it needs when it needs it: to see that there is nothing to do takes no
compiler.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import __version__
from bookc.book import Book
from bookc.config import read_config
from bookc.problems import BookError, Problem
from bookc.site.dates import commit
from bookc.up_to_date import make_stamp

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from rich.console import Console
    from rich.progress import TaskID

    from bookc.author.lint import Linted
    from bookc.author.sync import Choice, Question
    from bookc.notebook.build import Section
    from bookc.run.kernels import Job, Result

SILENT = (Problem("", 0, ""),)  # of a command that has told its problems itself
Command = Callable[[argparse.Namespace], Sequence[Problem]]

say = partial(print, flush=True)


def complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@cache
def _terminal() -> Console:
    """For progress, tables and colours; few commands need it, and it takes time to import."""
    from rich.console import Console

    # Plain text: rich would read `gan.md:100:` as an emoji and [x] as a style.
    return Console(highlight=False, soft_wrap=True, emoji=False, markup=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if all is well, 1 with errors, 130 after Ctrl-C."""
    args = _parser().parse_args(arguments)
    # Syntax trees and tokens are many and in no cycles; to look for some took a third of the time.
    gc.set_threshold(100_000, 50, 1000)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as Ctrl-C does
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know few letters
    failed = False
    try:
        problems = args.run(args)
    except BookError as error:
        problems, failed = error.problems, True
    except KeyboardInterrupt:
        complain("stopped")
        return 130
    except OSError as error:
        problems = [Problem(error.filename or "bookc", 0, error.strerror or str(error))]
    if problems is SILENT:
        return 1
    problems = dict.fromkeys(problems)  # `build` reads the book twice
    for problem in sorted(problems, key=lambda one: (one.path, one.line, one.column)):
        complain(str(problem))
    errors = [problem for problem in problems if not problem.warning]
    for kind, count in (("error", len(errors)), ("warning", len(problems) - len(errors))):
        if count:
            complain(f"{count} {kind}{'s' * (count > 1)}")
    return 1 if errors or failed else 0


def _notebooks(args: argparse.Namespace) -> Sequence[Problem]:
    config = read_config(args.book)
    tabs = _tabs(args, config.tabs)
    folder = args.out or config.output_dir / "notebooks"
    stamp = make_stamp(config, folder, tabs, args.raw, args.to)
    if not args.force and (outputs := stamp.outputs()):
        say(f"{len(outputs)} notebooks in {folder}, 0 changed")
        return stamp.warnings()
    from bookc.notebook import build
    from bookc.read import read

    gc.disable()  # one pass over the book, and few cycles
    if args.raw:
        book, refs = read.read_sources(args.book), None
    else:
        book, refs = read.read_book(args.book, for_notebooks=True)
    notebooks = build.compile_notebooks(book, refs, tabs)
    changed, kept = build.write_notebooks(book, notebooks, folder, args.to or "", args.force)
    warnings = [*book.warnings, *kept]
    written = [build.notebook_file(folder, section, args.to or "") for section in notebooks]
    stamp.write(written, warnings)
    say(f"{len(notebooks)} notebooks in {folder}, {changed} changed")
    return warnings


def _execute(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.notebook import build, library
    from bookc.read import read
    from bookc.run import record

    book, refs = read.read_book(args.book, checks=[library.library_faults])
    config = book.config
    tabs = _tabs(args, config.tabs)
    compiled = build.compile_notebooks(book, refs, tabs, args.quick)
    chosen = build.choose(compiled, args.sections)
    problems = record.missing_frameworks(config, tabs)
    usable = {
        section: notebook
        for section, notebook in chosen.items()
        if not record.missing_frameworks(config, [section[0]])
    }
    if not args.quick and not args.sections and not args.all:
        usable = {s: nb for s, nb in usable.items() if not record.is_fresh(config, s, nb)}
        if not usable:
            say("nothing to execute: every record is of today's code (--all runs them too)")
    folder = config.output_dir / "quick" if args.quick else config.record_dir
    results = _run_with_progress(book, usable, folder, args.jobs)
    if results:
        _print_times(results)
    for result in results:
        if result.failure is not None:
            problems.append(result.failure.problem)
            complain(f"--- {result.job.name}: {result.failure.problem}")
            complain(f"{result.failure.source}\n\n{result.failure.traceback}")
    return [*book.warnings, *problems]


def _run_with_progress(
    book: Book, usable: Mapping[Section, NotebookNode], folder: Path, jobs: int
) -> list[Result]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from bookc.run import kernels

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=_terminal()) as progress:
        tasks: dict[str, TaskID] = {}

        def report(job: Job, done: int, total: int) -> None:
            if job.name not in tasks:
                tasks[job.name] = progress.add_task(job.name, total=total)
            progress.update(tasks[job.name], completed=done)

        return kernels.execute_book(book, usable, folder, jobs, report)


def _print_times(results: Sequence[Result]) -> None:
    from rich.table import Table

    table = Table("notebook", "result", "seconds")
    for result in results:
        table.add_row(
            result.job.name, "failed" if result.failure else "ok", f"{result.seconds:.1f}"
        )
    _terminal().print(table)


def _check(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.notebook import library
    from bookc.read import read
    from bookc.run import check

    book, refs = read.read_book(args.book, checks=[library.library_faults])
    tabs = _tabs(args, book.config.tabs)
    begin = time.monotonic()
    checked = check.check_book(book, refs, tabs, args.sections, args.jobs)
    if checked.details:
        complain(checked.details)
    say(
        f"nbval: {checked.executed} cells executed, {checked.compared} of them compared with the "
        f"record, in {time.monotonic() - begin:.0f} s"
    )
    return [*book.warnings, *checked.problems]


def _html(args: argparse.Namespace) -> Sequence[Problem]:
    begin = time.monotonic()
    config = read_config(args.book)
    folder = config.output_dir / "html"
    records = sorted(file for file in config.record_dir.rglob("*") if file.is_file())
    pictures = [config.source_dir / name for name in (config.icon, config.logo) if name]
    stamp = make_stamp(config, folder, "html", commit(config.root), *records, *pictures)
    if stamp.outputs():
        lines, warnings = stamp.notes(), stamp.warnings()
    else:
        from bookc.notebook import build, library
        from bookc.read import read
        from bookc.run import record
        from bookc.site.write import write_site

        book, refs = read.read_book(args.book, checks=[library.library_faults])
        notebooks = build.compile_notebooks(book, refs, config.tabs)
        recorded = record.load_record(book, notebooks)
        pages = write_site(book, refs, recorded, build.choose(notebooks, ()))
        lines = [f"{pages} pages", *record.outdated(notebooks, recorded)]
        warnings = list(book.warnings)
        stamp.write((file for file in folder.rglob("*") if file.is_file()), warnings, lines)
    seconds = time.monotonic() - begin
    say(f"{lines[0]} in {seconds:.1f} s: open {folder / 'index.html'}")
    for line in lines[1:]:
        _terminal().print(line, style="yellow")
    return warnings


def _build(args: argparse.Namespace) -> Sequence[Problem]:
    return [*_notebooks(args), *_html(args)]


def _lint(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.author import lint

    try:
        linted = lint.lint_book(args.book)
    except BookError as error:  # config.ini cannot be read, so nothing can
        linted = lint.Linted((), error.problems, ())
    if args.format != "text":
        _print_findings(linted.problems, args.book, args.format)
        return SILENT if linted.problems else ()
    if args.tabs:
        _print_coverage(linted)
    if not linted.problems:
        say(f"{len(linted.chapters)} files, no errors")
    return [replace(problem, warning=False) for problem in linted.problems]  # lint lets none pass


def _print_findings(problems: Sequence[Problem], root: Path, format: str) -> None:
    """For programs: paths are relative to the working folder."""
    findings = [
        {
            "path": Path(os.path.relpath(root / problem.path)).as_posix(),
            "line": problem.line,
            "column": problem.column,
            "message": problem.message,
        }
        for problem in problems
    ]
    if format == "json":
        say(json.dumps(findings, indent=2))
        return
    for finding in findings:
        # GitHub's workflow commands; lines and columns count from 1.
        place = f"file={_escaped(str(finding['path']), ':,')}"
        place += f",line={finding['line']}" if finding["line"] else ""
        place += f",col={finding['column']}" if finding["column"] else ""
        say(f"::error {place}::{_escaped(str(finding['message']), '')}")


def _escaped(text: str, more: str) -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _print_coverage(linted: Linted) -> None:
    from rich.table import Table

    tabs = list(linted.chapters[0][1]) if linted.chapters else []
    table = Table("code cells of", *tabs)
    for chapter, counts in linted.chapters:
        if any(counts.values()):
            table.add_row(chapter.path, *(str(counts[tab] or "-") for tab in tabs))
    _terminal().print(table)
    for gap in linted.gaps:
        say(f"{gap.file}:{gap.line}: no code for {', '.join(gap.tabs)} here")


def _lib(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.notebook import library
    from bookc.read import read

    book, _ = read.read_book(args.book, checks=[library.library_faults])
    changed = library.write_libraries(book)
    for file in changed:
        say(f"wrote {file}")
    say(f"{len(book.config.libraries)} modules, {len(changed)} changed")
    return book.warnings


def _sync(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.author import sync

    synced = sync.sync_notebook(args.book, args.notebook, partial(_choose, args.shared))
    changes = list(
        difflib.unified_diff(
            synced.before.splitlines(), synced.after.splitlines(), synced.name, synced.name, "", ""
        )
    )
    if args.diff:
        for line in changes:
            say(line.rstrip("\n"))
        return synced.warnings
    sync.write_synced(synced)
    if not changes:
        say(f"{synced.name} is as the notebook has it")
        return synced.warnings
    added = sum(line.startswith("+") for line in changes[2:])
    deleted = sum(line.startswith("-") for line in changes[2:])
    say(f"{synced.name}: {added} lines added, {deleted} deleted")
    say(f"{synced.notebook}: compiled again; if it is open in Jupyter, reload it from disk")
    return synced.warnings


def _choose(shared: Choice | None, question: Question) -> Choice | None:
    """What was said with --shared, else the answer of whoever sits at the terminal."""
    if shared is not None or not sys.stdin.isatty():
        return shared
    for line in difflib.unified_diff(
        question.before.splitlines(), question.after.splitlines(), n=1, lineterm=""
    ):
        if not line.startswith(("---", "+++")):
            complain(line)
    seen = ", ".join(question.others)
    complain(f"{question.file}:{question.line}: {question.what}; {seen} would see it, too.")
    answers: dict[str, Choice | None] = {"a": "all", "s": "split", "q": None}
    while (answer := input(f"for [a]ll, for {question.tab} alone [s], or [q]uit? ")) not in answers:
        pass
    return answers[answer]


def _activate(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.author import activate

    for file in activate.activate_files(args.book, args.tab, args.files):
        say(f"{file}: changed")
    return ()


def _serve(args: argparse.Namespace) -> Sequence[Problem]:
    from bookc.site.serve import serve

    serve(args.book, args.port, say, complain)
    return ()


def _tabs(args: argparse.Namespace, known: Sequence[str]) -> Sequence[str]:
    if args.tab is None:
        return known
    if args.tab not in known:
        message = f"unknown tab '{args.tab}' (known: {', '.join(known)})"
        raise BookError([Problem("--tab", 0, message)])
    return [args.tab]


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--book",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the folder with config.ini (default: here)",
    )
    one_tab = argparse.ArgumentParser(add_help=False)
    one_tab.add_argument("--tab", metavar="T", help="one tab instead of all")
    several = argparse.ArgumentParser(add_help=False)
    several.add_argument("sections", nargs="*", metavar="SECTION", help="such as images/dcgan")
    several.add_argument(
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="notebooks at a time (default: one for each core)",
    )

    parser = argparse.ArgumentParser(
        prog="bookc", description="Compile tagged Markdown into notebooks and an HTML book."
    )
    parser.add_argument("--version", action="version", version=f"bookc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Command, help: str, example: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=help,
            description=help,
            epilog=f"example: {example}",
            parents=[shared, *parents],
        )
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "notebooks",
        _notebooks,
        "write one notebook per section and tab",
        "bookc notebooks --tab pytorch --out lab",
        one_tab,
    )
    sub.add_argument("--out", type=Path, metavar="DIR", help="default: _build/notebooks")
    sub.add_argument(
        "--raw",
        action="store_true",
        help="leave references and slide marks as they are, unchecked",
    )
    sub.add_argument(
        "--to",
        type=_script_format,
        metavar="FORMAT",
        help="a script instead, in jupytext's format: py:percent",
    )
    sub.add_argument(
        "--force", action="store_true", help="also write notebooks anew that somebody edited"
    )
    sub = command(
        "execute",
        _execute,
        "run notebooks and write the record",
        "bookc execute --tab mxnet images/dcgan",
        one_tab,
        several,
    )
    sub.add_argument(
        "--quick",
        action="store_true",
        help="run the #@quick values; writes to _build/quick, not to the record",
    )
    sub.add_argument("--all", action="store_true", help="also what is unchanged")
    command(
        "check",
        _check,
        "run quick builds under nbval and compare with the record",
        "bookc check --tab tensorflow game/gan",
        one_tab,
        several,
    )
    command("html", _html, "write the HTML book with the recorded outputs", "bookc html")
    sub = command("build", _build, "write notebooks and the HTML book", "bookc build", one_tab)
    sub.set_defaults(out=None, to=None, raw=False, force=False)
    sub = command(
        "serve",
        _serve,
        "serve the HTML book on this machine, and show each change as it is saved",
        "bookc serve --port 8000",
    )
    sub.add_argument("--port", type=int, default=8000)
    sub = command(
        "lint", _lint, "read the whole book and show every error", "bookc lint --format=github"
    )
    sub.add_argument("--format", choices=("text", "json", "github"), default="text")
    sub.add_argument(
        "--tabs", action="store_true", help="also a table of the code cells per section and tab"
    )
    sub = command(
        "sync",
        _sync,
        "bring the edits of a notebook back to its Markdown file",
        "bookc sync _build/notebooks/mxnet/game/gan.ipynb --diff",
    )
    sub.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    sub.add_argument("--diff", action="store_true", help="show the change and write nothing")
    sub.add_argument(
        "--shared",
        choices=("all", "split"),
        help="change what other tabs see, too, for all of them or only for this one "
        "(default: ask at a terminal, else refuse)",
    )
    sub = command(
        "activate",
        _activate,
        "let a Markdown editor of Jupyter run one tab's cells; `all` undoes it",
        "bookc activate mxnet chapters/game/*.md",
    )
    sub.add_argument("tab", metavar="TAB", help="a tab, `default` or `all`")
    sub.add_argument("files", nargs="+", metavar="FILE")
    command("lib", _lib, "write the modules that #@save makes", "bookc lib")
    return parser


def _script_format(text: str) -> str:
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


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: want 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
