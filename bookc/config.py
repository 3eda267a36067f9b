"""config.ini -> Config. Takes d2lbook's file unchanged; our own keys are in [bookc]."""

from __future__ import annotations

import ast
import configparser
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from bookc.problems import BookError, Problem

# Every key that d2lbook documents. Those that speak of a target we do not make (pdf, slides,
# deployment) are read over: a book that moves here keeps its config.ini as it is.
KNOWN = {
    "project": "name title author release copyright lang",
    "translation": "origin_repo origin_lang translator terminology",
    "build": "index notebooks rsts non-notebooks exclusions dependencies resources eval_notebook "
    "source_dir output_dir html_dir warning_is_error sphinx_extensions sphinx_configs tabs "
    "origin_repo",
    "html": "header_links favicon html_logo include_css include_js",
    "pdf": "main_font sans_font mono_font post_latex latex_logo bibfile latex_url style",
    "library": "save_filename save_mark save_patterns version version_file root_dir",
    "deploy": "google_analytics_tracking_id github_repo s3_bucket other_file_s3urls sagemaker",
    "colab": "github_repo exclusions libs libs_header gpu_pattern replace_svg_url",
    "sagemaker": "github_repo kernel libs libs_header",
    "slides": "top_left top_right github_repo",
    "bookc": "record_dir timeout frameworks library sort_imports sections_in_docstrings "
    "trusted_html site_url license_url notebook_branch",
}
LIBRARY_KEYS = "lib_file lib_name simple_alias fluent_alias args_alias alias reverse_alias"


def read_config(root: Path) -> Config:
    """Read `root`/config.ini.

    Raises:
        BookError: no such file, not an ini file, an unknown section or key, a bad value.
    """
    file = root / "config.ini"
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = "not found: name the book's folder with --book, the one that holds config.ini"
        raise BookError([Problem(str(file), 0, message)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BookError([Problem(str(file), 0, f"cannot be read: {error}")]) from None
    return parse_config(text, root)


def parse_config(text: str, root: Path) -> Config:
    """The text of config.ini as a Config; `root` is the folder that its paths start from."""
    ini = configparser.ConfigParser()
    try:
        ini.read_string(text)
        values = {section: dict(ini[section]) for section in ini.sections()}
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [(0, "")])[0][0]
        if isinstance(error, configparser.InterpolationError):
            line = _line_of(text, error.section, error.option)
        first = str(error).splitlines()[0]
        raise BookError([Problem("config.ini", line, first)]) from None

    problems: list[Problem] = []
    warnings = _unknown_keys(values, text)

    def value(section: str, key: str, default: str = "") -> str:
        return values.get(section, {}).get(key, "").strip() or default

    def complain(section: str, key: str, message: str) -> None:
        problems.append(Problem("config.ini", _line_of(text, section, key), message))

    def warn(section: str, key: str, message: str) -> None:
        line = _line_of(text, section, key)
        warnings.append(Problem("config.ini", line, message, warning=True))

    tabs = tuple(tab.strip().lower() for tab in value("build", "tabs").split(",") if tab.strip())
    for tab in tabs:
        if not re.fullmatch(r"[\w-]+", tab):
            complain("build", "tabs", f"{tab!r} is no tab: want letters, digits, _ and -")
    timeout = value("bookc", "timeout", "1200")
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", timeout):
        complain("bookc", "timeout", f"timeout = {timeout}: want a whole number of seconds")
        timeout = "1"
    frameworks = {}
    for row in value("bookc", "frameworks").splitlines():
        parts = [part.strip() for part in row.split(",", 2)]
        if len(parts) != 3 or parts[0] not in tabs:
            complain(
                "bookc", "frameworks", f"'{row.strip()}': want 'tab, module, what pip installs'"
            )
        else:
            frameworks[parts[0]] = (parts[1], parts[2])

    def switch(section: str, key: str, default: str) -> bool:
        text = value(section, key, default).lower()
        if text not in ini.BOOLEAN_STATES:
            complain(section, key, f"{key} = {text}: want true or false")
        return ini.BOOLEAN_STATES.get(text, False)

    def patterns(key: str, default: str = "") -> tuple[str, ...]:
        found = value("build", key, default).split()
        for pattern in found:
            if not _is_inside(PurePosixPath(pattern)):
                complain("build", key, f"'{pattern}' names nothing in the book's folder")
        # `**` that is only part of a name is `*`, as in Python's glob, which d2lbook asks.
        return tuple(re.sub(r"(?<=[^/*])\*\*+|\*\*+(?=[^/*])", "*", one) for one in found)

    sort_imports = switch("bookc", "sort_imports", "true")
    sections_in_docstrings = switch("bookc", "sections_in_docstrings", "true")
    warning_is_error = switch("build", "warning_is_error", "false")
    urls = {key: value("bookc", key) for key in ("site_url", "license_url")}
    for key, url in urls.items():
        if url and not re.fullmatch(r"https?://[^\s?#/]+[^\s?#]*", url):
            complain(
                "bookc", key, f"{key} = {url}: want an address such as https://example.org/book"
            )
    aliases = {}
    for tab in tabs:
        if f"library-{tab}" in values:
            try:
                aliases[tab] = _aliases(values[f"library-{tab}"])
            except _BadAlias as bad:
                complain(f"library-{tab}", bad.key, str(bad))

    globs = {
        "notebooks": patterns("notebooks", "**/*.md"),
        "non_notebooks": patterns("non-notebooks"),
        "exclusions": patterns("exclusions"),
        "resources": patterns("resources"),
    }
    index = PurePosixPath(re.sub(r"\.(md|rst)$", "", value("build", "index", "index")))
    if not _is_inside(index):
        complain("build", "index", f"index = {index}: want a Markdown file in the book's folder")
    source_dir = root / value("build", "source_dir", ".")
    if not source_dir.is_dir():
        complain("build", "source_dir", f"no such folder: {source_dir}")
    output_dir = root / value("build", "output_dir", "_build")
    record_dir = root / value("bookc", "record_dir", "notebooks")
    if source_dir.resolve().is_relative_to(output_dir.resolve()):
        complain("build", "output_dir", f"{output_dir} holds the book itself: want another folder")
    elif record_dir.resolve() == (output_dir / "notebooks").resolve():
        complain("bookc", "record_dir", f"{record_dir} is where notebooks are compiled to")
    # d2lbook's keys; a book without the file gets along without it, as before.
    pictures = {}
    for key in ("favicon", "html_logo"):
        name = value("html", key)
        pictures[key] = name if (source_dir / name).is_file() else ""
        if name and not _is_inside(PurePosixPath(name)):
            complain("html", key, f"{key} = {name}: want a file in the book's folder")
    repositories = {}
    for host in ("colab", "sagemaker"):
        try:
            repositories[host] = _repositories(value(host, "github_repo"), tabs)
        except ValueError as error:
            complain(host, "github_repo", str(error))
    libraries = {
        tab: root / file
        for tab in tabs
        if (file := values.get(f"library-{tab}", {}).get("lib_file", "").strip())
    }
    # Only `bookc lib` writes these, and says so again.
    for tab, library in libraries.items():
        if library.is_dir():
            warn(f"library-{tab}", "lib_file", f"{library} is a folder: want a Python file")
    version_name = value("library", "version_file")
    version_file = root / version_name if version_name else None
    if version_file and value("project", "release") and not version_file.is_file():
        warn("library", "version_file", f"no such file: {version_file}")
    if warning_is_error:
        warnings = [replace(one, warning=False) for one in warnings]
    if problems or not all(one.warning for one in warnings):
        raise BookError([*problems, *warnings])
    return Config(
        root=root,
        file="config.ini",
        name=value("project", "name", "book"),
        title=value("project", "title", root.resolve().name),
        author=value("project", "author", "The contributors"),
        copyright=value("project", "copyright"),
        release=value("project", "release"),
        lang=value("project", "lang", "en"),
        source_dir=source_dir,
        output_dir=output_dir,
        index=str(index),
        **globs,
        tabs=tabs or ("python",),
        bibliography=value("pdf", "bibfile"),
        record_dir=record_dir,
        timeout=int(timeout),
        library=root / value("bookc", "library") if value("bookc", "library") else None,
        libraries=libraries,
        version_file=version_file,
        frameworks=frameworks,
        aliases=aliases,
        sort_imports=sort_imports,
        sections_in_docstrings=sections_in_docstrings,
        trusted_html=tuple(value("bookc", "trusted_html").split()),
        site_url=urls["site_url"].rstrip("/"),
        license_url=urls["license_url"],
        icon=pictures["favicon"],
        logo=pictures["html_logo"],
        colab=repositories["colab"],
        sagemaker=repositories["sagemaker"],
        notebook_branch=value("bookc", "notebook_branch", "master"),
        warning_is_error=warning_is_error,
        warnings=tuple(warnings),
    )


def _repositories(text: str, tabs: Sequence[str]) -> dict[str, str]:
    """`owner/name` for all tabs, or lines of `tab, owner/name`.

    Raises:
        ValueError: a line that is neither.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        tab, comma, repository = (part.strip() for part in line.rpartition(","))
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise ValueError(f"'{line.strip()}': want owner/name, or lines of 'tab, owner/name'")
        found |= dict.fromkeys([tab] if comma else tabs or ["python"], repository)
    return found


def _is_inside(path: PurePosixPath) -> bool:
    """Whether a path leads to something within the folder that it starts from."""
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


class _BadAlias(Exception):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _aliases(section: dict[str, str]) -> Aliases:
    """The aliases of one [library-tab] section.

    Raises:
        _BadAlias: a pattern that is no regular expression, a name or template that is not Python.
    """
    # `exp(` was d2lbook's way of keeping `exp` off `expand_dims`; whole names need none.
    simple = {
        name.rstrip("("): target.rstrip("(")
        for name, target in _pairs(section.get("simple_alias", "").replace(",", "\n"))
    }
    fluent = dict(_pairs(section.get("fluent_alias", "").replace(",", "\n")))
    for key, pairs in (("simple_alias", simple), ("fluent_alias", fluent)):
        for name, target in pairs.items():
            if not name.isidentifier() or not _is_python(f"{name} = x.{target}"):
                raise _BadAlias(key, f"'{name} -> {target}': want 'name' or 'name -> other'")
    args = {}
    for pattern, template in _pairs(section.get("args_alias", "")):
        # Notebooks need a call, and the library's module a function of that name.
        if not (_is_call(pattern) and _is_call(template)) or not _is_python(
            f"def {pattern}:\n    return {template}"
        ):
            message = f"'{pattern} -> {template}': want 'name(a, k=None) -> other(a, k=k)'"
            raise _BadAlias("args_alias", message)
        args[pattern.partition("(")[0].strip()] = (pattern, template)
    reverse = []
    for pattern, replacement in _pairs(section.get("reverse_alias", "")):
        try:
            compiled = re.compile(pattern)
            compiled.sub(replacement, "")  # tells whether the pattern has the groups it names
        except (re.error, IndexError) as error:
            message = f"'{pattern} -> {replacement}' is no pattern and what becomes of it: {error}"
            raise _BadAlias("reverse_alias", message) from None
        reverse.append((compiled, replacement))
    defined = section.get("alias", "").strip()
    if not _is_python(defined):
        raise _BadAlias("alias", "not Python (lines lose their indentation in config.ini)")
    return Aliases(
        library=section.get("lib_name", "").strip(),
        simple=simple if section.get("lib_name", "").strip() else {},
        fluent=fluent,
        args=args,
        reverse=tuple(reverse),
        defined=defined,
    )


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _is_call(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.Call)
    except (SyntaxError, ValueError):
        return False


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Each line's `name -> target`; a name alone keeps itself."""
    for line in text.splitlines():
        name, _, target = (part.strip() for part in line.partition("->"))
        if name:
            yield name, target or name


def _unknown_keys(values: dict[str, dict[str, str]], text: str) -> list[Problem]:
    problems = []
    for section, keys in values.items():
        known = LIBRARY_KEYS if section.startswith("library-") else KNOWN.get(section)
        if known is None:
            line = _line_of(text, section)
            message = f"unknown section [{section}]{_nearest(section, KNOWN)}"
            problems.append(Problem("config.ini", line, message, warning=True))
            continue
        names = known.split()
        for key in keys.keys() - set(names):
            line = _line_of(text, section, key)
            message = f"unknown key '{key}' in [{section}]{_nearest(key, names)}"
            message += f" (known: {', '.join(names)})"
            ours = section == "bookc"  # d2lbook reads over what it does not know in its own
            problems.append(Problem("config.ini", line, message, warning=not ours))
    return problems


def _nearest(word: str, known: object) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)  # type: ignore[call-overload]
    return f": did you mean '{close[0]}'?" if close else ""


def _line_of(text: str, section: str, key: str = "") -> int:
    """The line of a section's header or of a key in it; 0 when the file does not have it."""
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\[([^]]+)]", line):
            inside = header[1] == section
            if inside and not key:
                return number
        elif inside and key and re.split(r"[=:]", line)[0].strip().lower() == key:
            return number
    return 0


@dataclass(frozen=True, slots=True)
class Aliases:
    """What `d2l.name` stands for in one tab, as its [library-tab] section says.

    Attributes:
        library: the framework's name in the notebooks, such as `torch`.
        simple: `d2l.a` is `library.b`.
        fluent: `d2l.a(x, y)` is `x.b(y)`.
        args: `d2l.a(x, k=y)` is an expression in which the names of the arguments stand.
        reverse: patterns of source that begin with `d2l.`, and what they become.
        defined: Python that the library's module ends with.
    """

    library: str = ""
    simple: dict[str, str] = field(default_factory=dict)
    fluent: dict[str, str] = field(default_factory=dict)
    args: dict[str, tuple[str, str]] = field(default_factory=dict)
    reverse: tuple[tuple[re.Pattern[str], str], ...] = ()
    defined: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """What config.ini says, with defaults filled in.

    Attributes:
        root: the book's folder: where config.ini is.
        file: config.ini relative to `root`.
        title, author, copyright, release, lang, name: the `[project]` section.
        source_dir: folder of the Markdown files.
        output_dir: folder of everything that can be made again.
        index: the section path of the first page.
        notebooks, exclusions, resources: wildcards relative to `source_dir`.
        non_notebooks: wildcards of sections that are pages and no notebooks.
        tabs: names of the tabs; the first is the default.
        bibliography: .bib file, relative to `source_dir`, or "".
        record_dir: folder of the executed notebooks.
        timeout: seconds that one cell may run.
        library: folder of the package that the notebooks import, if the book has one.
        libraries: for each tab, the module file that `#@save` cells go to.
        version_file: where `bookc lib` writes `release` as `__version__`, or None.
        frameworks: for each tab, the module it imports and what pip has to install for it.
        aliases: for each tab with a [library-tab] section, what `d2l.name` stands for.
        sort_imports: whether isort puts the imports of code cells in order.
        sections_in_docstrings: whether a saved definition says in which section it is defined.
        site_url: where the site will be found, without "/" at its end, or "".
        license_url: the licence of the text, or "".
        icon, logo: picture files of the book, relative to `source_dir`, or "".
        colab, sagemaker: for each tab, the GitHub repository that these hosts open notebooks of.
        notebook_branch: the branch of these repositories.
        trusted_html: wildcards of the sections whose HTML outputs are shown as recorded.
        warning_is_error: whether a warning keeps a book from being compiled.
        warnings: what is odd in the file itself.
    """

    root: Path
    file: str
    name: str
    title: str
    author: str
    copyright: str
    release: str
    lang: str
    source_dir: Path
    output_dir: Path
    index: str
    notebooks: tuple[str, ...]
    non_notebooks: tuple[str, ...]
    exclusions: tuple[str, ...]
    resources: tuple[str, ...]
    tabs: tuple[str, ...]
    bibliography: str
    record_dir: Path
    timeout: int
    library: Path | None
    libraries: dict[str, Path]
    version_file: Path | None
    frameworks: dict[str, tuple[str, str]]
    aliases: dict[str, Aliases]
    sort_imports: bool
    sections_in_docstrings: bool
    trusted_html: tuple[str, ...]
    site_url: str
    license_url: str
    icon: str
    logo: str
    colab: dict[str, str]
    sagemaker: dict[str, str]
    notebook_branch: str
    warning_is_error: bool
    warnings: tuple[Problem, ...]
