"""The command line: `bookc VERB`. Each verb is a function with its options above it.

A verb imports what it needs when it runs: `bookc build` sees in 0.1 s that there is nothing to do,
and would take 1 s with all imports.
"""

from __future__ import annotations

import difflib
import gc
import io
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bookc import terminal
from bookc.config import Config, read_config
from bookc.files import is_own, site_folder
from bookc.options import (
    EARLIER,
    Arguments,
    make_parser,
    option,
    port,
    positive,
    script_format,
    verb,
)
from bookc.problems import BookError, Problem
from bookc.terminal import complain, say

if TYPE_CHECKING:
    from bookc.author.sync import Choice, Question
    from bookc.book import Build
    from bookc.run.build import Depth
    from bookc.run.execute import Runner
    from bookc.stamps import Made
    from bookc.up_to_date import Memory

NOTHING_STALE = "nothing to execute: every record is of today's code (--all runs them too)"
NOTHING_FAILED = "nothing to execute: no notebook failed when it ran last"
TARGETS = ("notebooks", "html", "lib")
BOOK = option(
    "--book",
    type=Path,
    default=Path(),
    metavar="DIR",
    help="the folder with config.ini (default: here)",
)
TAB = option("--tab", metavar="T", help="one tab instead of all")
SECTIONS = option("sections", nargs="*", metavar="SECTION", help="such as images/dcgan")
JOBS = option(
    "--jobs",
    type=positive,
    default=os.cpu_count() or 1,
    metavar="N",
    help="notebooks at a time (default: one for each core, and no more than memory allows)",
)


@verb(
    "make a small book to begin with, which builds and runs as it is",
    "bookc new my-book --title 'My Book' --tabs pytorch,mxnet",
    option("folder", type=Path, metavar="DIR", help="a folder that is new or empty"),
    option("--title", default="", help="the book's title (default: the folder's name)"),
    option(
        "--tab",
        "--tabs",
        dest="tabs",
        action="append",
        default=[],
        metavar="T",
        help="a framework, or several: pytorch,mxnet (default: python, which needs none)",
    ),
)
def new(args: Arguments) -> Iterable[Problem]:
    from bookc.author.new import next_steps, write_book

    tabs = [tab.strip() for several in args.tabs for tab in several.split(",") if tab.strip()]
    written = write_book(args.folder, args.title, tabs)
    say(f"made {args.folder}: {len(written)} files")
    say(next_steps(args.folder))
    return ()


@verb(
    "write notebooks, the HTML book, or the modules that #@save makes",
    "bookc build html",
    BOOK,
    option(
        "targets",
        nargs="*",
        metavar="WHAT",
        help=f"of {', '.join(TARGETS)} (default: notebooks and html)",
    ),
    TAB,
    option(
        "--out", type=Path, metavar="DIR", help="where notebooks go (default: _build/notebooks)"
    ),
    option(
        "--raw",
        action="store_true",
        help="leave references and slide marks in notebooks as they are, unchecked",
    ),
    option(
        "--to",
        type=script_format,
        metavar="FORMAT",
        help="scripts instead of notebooks, in jupytext's format: py:percent",
    ),
    option("--force", action="store_true", help="also write notebooks anew that somebody edited"),
)
def build(args: Arguments) -> Iterable[Problem]:
    from bookc.up_to_date import Memory

    targets = args.targets or ["notebooks", "html"]
    if wrong := [target for target in targets if target not in TARGETS]:
        message = f"bookc builds {', '.join(TARGETS)}"
        raise BookError([Problem(f"build {target}", 0, message) for target in wrong])
    for name in ("tab", "out", "raw", "to", "force"):
        if getattr(args, name) and "notebooks" not in targets:
            message = "is for notebooks: bookc build notebooks"
            raise BookError([Problem(f"--{name}", 0, message)])
    config, memory = read_config(args.book), Memory()
    problems: list[Problem] = []
    if "lib" in targets:
        problems += _build_lib(args, memory)
    if "notebooks" in targets:
        problems += _build_notebooks(args, config, memory, alone="html" not in targets)
    if "html" in targets:
        problems += _build_html(args, config, memory)
    return problems


def _build_lib(args: Arguments, memory: Memory) -> Sequence[Problem]:
    from bookc.notebook.library import write_libraries
    from bookc.run.build import read_build

    book = read_build(args.book, memory=memory).book
    changed = write_libraries(book)
    for file in changed:
        say(f"wrote {file}")
    say(f"{len(book.config.libraries)} modules, {len(changed)} changed")
    return book.warnings


def _build_notebooks(
    args: Arguments, config: Config, memory: Memory, alone: bool
) -> Sequence[Problem]:
    from bookc.up_to_date import folder_stamp

    tabs = _tabs(args, config)
    folder = args.out or config.output_dir / "notebooks"
    stamp = folder_stamp(config, folder, tabs, args.raw, args.to)
    if not args.force and (made := stamp.made()):
        say(f"{made.value['count']} notebooks in {folder}, 0 changed")
        return _warnings(made)
    from bookc.notebook.compile import write_notebooks
    from bookc.run.build import make_build

    depth: Depth = "raw" if args.raw else "notebooks" if alone else "all"
    build = make_build(args.book, depth, tabs, memory=memory)
    written = write_notebooks(build, folder, args.to or "", args.force)
    warnings = [*build.book.warnings, *written.kept]
    about = {"count": len(build.notebooks), "warnings": [astuple(one) for one in warnings]}
    stamp.write(written.files, about)
    say(f"{len(build.notebooks)} notebooks in {folder}, {written.changed} changed")
    return warnings


def _build_html(args: Arguments, config: Config, memory: Memory) -> Sequence[Problem]:
    from bookc.site.dates import commit
    from bookc.up_to_date import folder_list, folder_stamp

    begin = time.monotonic()
    folder = site_folder(config)
    records = sorted(file for file in config.record_dir.rglob("*") if is_own(config, file))
    pictures = [config.source_dir / name for name in (config.icon, config.logo) if name]
    stamp = folder_stamp(config, folder, "html", commit(config.root), *records, *pictures)
    if made := stamp.made():
        lines, warnings = made.value["lines"], _warnings(made)
    else:
        from bookc.run.build import make_build
        from bookc.run.record import outdated
        from bookc.site.write import write_site

        build = make_build(args.book, record=True, memory=memory)
        lines = [f"{write_site(build)} pages", *outdated(build)]
        warnings = list(build.book.warnings)
        about = {"lines": lines, "warnings": [astuple(one) for one in warnings]}
        stamp.write(folder_list(config, folder).files(), about)
    seconds = time.monotonic() - begin
    say(f"{lines[0]} in {seconds:.1f} s: open {folder / 'index.html'}")
    terminal.show_notes(lines[1:])
    return warnings


def _warnings(made: Made) -> list[Problem]:
    return [Problem(*values) for values in made.value["warnings"]]


@verb(
    "serve the HTML book on this machine, and show each change as it is saved",
    "bookc serve --port 8000",
    BOOK,
    option("--port", type=port, default=8000, help="0: any that is free (default: 8000)"),
)
def serve(args: Arguments) -> Iterable[Problem]:
    from bookc.site.serve import serve

    serve(args.book, args.port, say, complain)
    return ()


@verb(
    "read the whole book and show every error",
    "bookc lint --format=github",
    BOOK,
    option("--format", choices=("text", "json", "github"), default="text"),
    option("--tabs", action="store_true", help="also a table of the code cells per section"),
    option("--equations", action="store_true", help="also the equations that no cell checks"),
    option("--record", action="store_true", help="read the executed notebooks, too"),
)
def lint(args: Arguments) -> Iterable[Problem] | int:
    from bookc.author.lint import Linted, lint_book

    try:
        linted = lint_book(args.book)
    except BookError as error:  # config.ini cannot be read, so nothing can
        linted = Linted((), error.problems, ())
    if args.record and not linted.problems:
        from bookc.run.build import make_build
        from bookc.run.lint_record import lint_record

        linted = replace(linted, problems=tuple(lint_record(make_build(args.book))))
    if args.format != "text":
        terminal.show_findings(linted.problems, args.book, args.format)
        return 1 if linted.problems else 0
    if args.tabs:
        terminal.show_coverage(linted)
    if args.equations:
        for one in linted.unchecked:
            mark = f"#@checks {one.label} {one.digest}"
            say(f"{one.file}:{one.line}: no cell checks {one.label} ({mark})")
        checked = linted.equations - len(linted.unchecked)
        say(f"{checked} of {linted.equations} numbered equations are checked by a cell")
    if not linted.problems:
        say(f"{len(linted.chapters)} files, no errors")
    return [replace(problem, warning=False) for problem in linted.problems]  # lint lets none pass


@verb(
    "run the book's code: the notebooks that changed; write the record",
    "bookc execute --tab mxnet images/dcgan",
    BOOK,
    SECTIONS,
    TAB,
    JOBS,
    option(
        "--quick",
        action="store_true",
        help="run the #@quick values; writes to _build/quick, not to the record",
    ),
    option("--all", action="store_true", help="also what is unchanged"),
    option(
        "--only",
        action="append",
        default=[],
        metavar="SECTION",
        help="this section, if it changed",
    ),
    option("--force", action="append", default=[], metavar="SECTION", help="this one in any case"),
    option("--failed", action="store_true", help="what failed when it ran last"),
    option(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="run on the workers of a Dask cluster: tcp://HOST:8786",
    ),
    option(
        "--workers", type=positive, metavar="N", help="the same, on N processes of this machine"
    ),
)
def execute(args: Arguments) -> Iterable[Problem]:
    from bookc.run.alone import alone
    from bookc.run.build import make_build
    from bookc.run.environments import missing_frameworks, without_missing
    from bookc.run.execute import execute_book
    from bookc.run.orphans import take_over
    from bookc.run.status import choose

    config = read_config(args.book)
    tabs = _tabs(args, config)

    def chosen(depth: Depth) -> Build:
        try:
            build = make_build(args.book, depth, tabs, quick=args.quick)
        except BookError:
            build = make_build(args.book, tabs=tabs)  # which tells all that is wrong
        if not args.quick:
            for line in take_over(build):
                say(line)
        if not args.scheduler:
            build = without_missing(build)
        everything = args.all or args.quick or bool(args.sections)
        return choose(build, everything, args.failed, [*args.sections, *args.only], args.force)

    build, results = chosen("raw"), []  # which tells of code alone, in half the time
    missing = [] if args.scheduler else missing_frameworks(config, tabs)
    if build.notebooks:
        with alone(config, lambda: say("another `bookc execute` runs on this book")):
            build = chosen("all")  # what the other one did is done
            folder = config.output_dir / "quick" if args.quick else config.record_dir
            with terminal.progress() as watcher:
                runner = _runner(args, config)
                results = execute_book(build, folder, runner, watcher, record=not args.quick)
    if results:
        terminal.show_results(results)
    elif not missing:
        say(NOTHING_FAILED if args.failed else NOTHING_STALE)
    failures = [result.failure.problem for result in results if result.failure]
    return [*build.book.warnings, *missing, *failures]


def _runner(args: Arguments, config: Config) -> Runner:
    """What runs notebooks: this machine's kernels, or a cluster.

    Raises:
        BookError: there is no Dask.
    """
    if not args.scheduler and not args.workers:
        from bookc.run.execute import local_runner

        return local_runner(args.jobs)
    try:
        from bookc.run.cluster import cluster_runner
    except ModuleNotFoundError as error:
        message = f"needs {error.name}: pip install 'bookc[cluster]'"
        raise BookError([Problem("--scheduler", 0, message)]) from None
    return cluster_runner(config, args.scheduler, args.workers or 0)


@verb(
    "show which outputs are of today's code, and why others are not",
    "bookc status --tab pytorch",
    BOOK,
    SECTIONS,
    TAB,
)
def status(args: Arguments) -> Iterable[Problem] | int:
    from bookc.notebook.compile import with_code
    from bookc.run.build import make_build
    from bookc.run.status import statuses

    build = make_build(args.book, "raw", _tabs(args, read_config(args.book)))
    found = statuses(with_code(build, args.sections))
    terminal.show_statuses(found)
    return 1 if any(not one.is_fresh for one in found) else 0


@verb(
    "show in which kernel the notebooks of each tab run, and what is installed there",
    "bookc kernels",
    BOOK,
)
def kernels(args: Arguments) -> Iterable[Problem]:
    from bookc.run.environments import environment_of, framework_version, missing_frameworks

    config = read_config(args.book)
    environments = {tab: environment_of(config, tab) for tab in config.tabs}
    versions = {tab: framework_version(config, tab) for tab in config.tabs}
    terminal.show_kernels(environments, versions)
    return missing_frameworks(config, config.tabs)


@verb(
    "run the book's code: quick builds under nbval, compared with the record",
    "bookc test --tab tensorflow game/gan",
    BOOK,
    SECTIONS,
    TAB,
    JOBS,
)
def test(args: Arguments) -> Iterable[Problem]:
    from bookc.run.build import make_build
    from bookc.run.check import check_book

    begin = time.monotonic()
    build = make_build(args.book, tabs=_tabs(args, read_config(args.book)))
    checked = check_book(build, args.sections, args.jobs)
    if checked.details:
        complain(checked.details)
    say(
        f"nbval: {checked.executed} cells executed, {checked.compared} of them compared with the "
        f"record, in {time.monotonic() - begin:.0f} s"
    )
    for why, count in checked.others.items():
        say(f"{count} not compared: {'it' if count == 1 else 'each'} {why}")
    return [*build.book.warnings, *checked.problems]


@verb(
    "bring the edits of a notebook back to its Markdown file",
    "bookc sync _build/notebooks/mxnet/game/gan.ipynb --diff",
    BOOK,
    option("notebook", type=Path, metavar="NOTEBOOK"),
    option("--diff", action="store_true", help="show the change and write nothing"),
    option(
        "--shared",
        choices=("all", "split"),
        help="change what other tabs see, too, for all of them or only for this one "
        "(default: ask at a terminal, else refuse)",
    ),
)
def sync(args: Arguments) -> Iterable[Problem]:
    from bookc.author.sync import sync_notebook, write_synced

    def choose(question: Question) -> Choice | None:
        return args.shared or terminal.ask_for_whom(question)

    synced = sync_notebook(args.book, args.notebook, choose)
    before, after = synced.before.splitlines(), synced.after.splitlines()
    changes = list(difflib.unified_diff(before, after, synced.name, synced.name, lineterm=""))
    if args.diff:
        for line in changes:
            say(line)
        return synced.warnings
    write_synced(synced)
    if not changes:
        say(f"{synced.name} is as the notebook has it")
        return synced.warnings
    added = sum(line.startswith("+") for line in changes[2:])
    deleted = sum(line.startswith("-") for line in changes[2:])
    say(f"{synced.name}: {added} lines added, {deleted} deleted")
    say(f"{synced.notebook}: compiled again; if it is open in Jupyter, reload it from disk")
    return synced.warnings


@verb(
    "remove what `build` wrote, and nothing else",
    "bookc clean",
    BOOK,
    option("--record", action="store_true", help="also executed notebooks whose section is gone"),
)
def clean(args: Arguments) -> Iterable[Problem]:
    from bookc.stamps import remove_all

    config = read_config(args.book)
    if args.record:
        from bookc.run import orphans
        from bookc.run.build import make_build

        lone = list(orphans.orphans(make_build(args.book)))
        orphans.remove(config, lone)
        say(f"{len(lone)} executed notebooks removed from {config.record_dir}")
    removed, left = remove_all(config.output_dir)
    say(f"{removed} files removed from {config.output_dir}")
    if left:
        say(f"{left} files are left there: edited since, or not written by `bookc build`")
    return ()


@verb(
    "let a Markdown editor of Jupyter run one tab's cells; `all` undoes it",
    "bookc activate mxnet chapters/game/*.md",
    BOOK,
    option("tab", metavar="TAB", help="a tab, `default` or `all`"),
    option("files", nargs="+", metavar="FILE"),
    is_listed=False,
)
def activate(args: Arguments) -> Iterable[Problem]:
    from bookc.author.activate import activate_files

    for file in activate_files(args.book, args.tab, args.files):
        say(f"{file}: changed")
    return ()


def _tabs(args: Arguments, config: Config) -> Sequence[str]:
    if args.tab is None:
        return config.tabs
    if args.tab not in config.tabs:
        message = f"unknown tab '{args.tab}' (known: {', '.join(config.tabs)})"
        raise BookError([Problem("--tab", 0, message)])
    return [args.tab]


def run(words: Sequence[str]) -> int:
    """Run one verb; 0 if all is well, 1 with errors."""
    words = list(words)
    if words and (now := EARLIER.get(words[0])):
        complain(f"bookc {words[0]} is called bookc {' '.join(now)} now")
        words[:1] = now
    args = make_parser().parse_args(words)
    # Syntax trees and tokens are many and form no cycles. To look for cycles took a quarter of the
    # time of a build (2.5 s in place of 1.9 s for d2l-en's notebooks).
    gc.set_threshold(1_000_000, 50, 1000)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know few letters
    failed = False
    try:
        found = args.run(args)
        if isinstance(found, int):
            return found
        problems = tuple(found)
    except BookError as error:
        problems, failed = error.problems, True
    except BrokenPipeError:  # as of `bookc status | head`: who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell has for a program that SIGPIPE ended
    except OSError as error:
        problems = (Problem(error.filename or "bookc", 0, error.strerror or str(error)),)
        failed = True
    terminal.show_problems(problems)
    return 1 if failed or not all(problem.warning for problem in problems) else 0
