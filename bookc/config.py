"""config.ini -> Config. Takes d2lbook's file unchanged; our own keys are `lib_helpers` and [bookc].

Each key is declared once, as a field of `Config` or of `Aliases`: where it stands, how its text is
read and checked, what it means, and what it is by default.
"""

from __future__ import annotations

import configparser
import dataclasses
import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from bookc import config_values as to
from bookc.config_values import FILE, Entry
from bookc.problems import BookError, Problem

LIBRARY = "library-"  # what the name of a tab's own section begins with
KERNELS = "kernels"  # the section whose keys are the tabs
Sections = Mapping[str, Mapping[str, str]]
Words = tuple[str, ...]
ByTab = dict[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of config.ini.

    Attributes:
        section: where it stands; `library-` is a section for each tab, and the keys of `kernels`
            are the tabs.
        read: makes a value of its text and notes what is wrong with it.
        help: what it says.
        default: the text that stands for a missing or an empty one.
        name: how it is called, if not as its field.
    """

    section: str
    read: Callable[[Entry], object]
    help: str
    default: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Aliases:
    """What `d2l.name` stands for in one tab, as its [library-tab] section says."""

    library: Annotated[
        str, Key(LIBRARY, to.text, "the framework's name in notebooks: `torch`", name="lib_name")
    ]
    simple: Annotated[
        ByTab,
        Key(LIBRARY, to.simple_alias, "`a -> b`: `d2l.a` is `lib_name.b`", name="simple_alias"),
    ]
    fluent: Annotated[
        ByTab,
        Key(LIBRARY, to.fluent_alias, "`a -> b`: `d2l.a(x, y)` is `x.b(y)`", name="fluent_alias"),
    ]
    args: Annotated[
        dict[str, tuple[str, str]],
        Key(
            LIBRARY,
            to.args_alias,
            "`a(x, k=None) -> b(x, k=k)`: a call of `d2l.a` is this expression, with its arguments",
            name="args_alias",
        ),
    ]
    reverse: Annotated[
        tuple[tuple[re.Pattern[str], str], ...],
        Key(
            LIBRARY,
            to.reverse_alias,
            "regular expressions of code that begins with `d2l.`, and what it becomes",
            name="reverse_alias",
        ),
    ]
    defined: Annotated[
        str, Key(LIBRARY, to.python, "Python that the tab's module ends with", name="alias")
    ]


@dataclass(frozen=True, slots=True)
class Config:
    """What config.ini says, with defaults filled in.

    Attributes:
        root: the book's folder: where config.ini is.
        aliases: for each tab with a [library-tab] section, what `d2l.name` stands for.
        warnings: what is odd in the file itself.
    """

    root: Path
    name: Annotated[str, Key("project", to.project_name, "the name of the archives", "book")]
    title: Annotated[str, Key("project", to.title, "the book's title (default: its folder)")]
    author: Annotated[str, Key("project", to.text, "who wrote it", "The contributors")]
    copyright: Annotated[str, Key("project", to.text, "the line at the end of each page")]
    release: Annotated[str, Key("project", to.text, "its version")]
    lang: Annotated[str, Key("project", to.language, "the code of its language", "en")]
    source_dir: Annotated[Path, Key("build", to.source_folder, "the Markdown files", ".")]
    output_dir: Annotated[Path, Key("build", to.output_folder, "what can be made again", "_build")]
    index: Annotated[str, Key("build", to.section_path, "the first page", "index")]
    notebooks: Annotated[
        Words, Key("build", to.wildcards, "the files of `source_dir` to read", "**/*.md")
    ]
    non_notebooks: Annotated[
        Words, Key("build", to.wildcards, "pages that are no notebooks", name="non-notebooks")
    ]
    exclusions: Annotated[Words, Key("build", to.wildcards, "files to leave out")]
    resources: Annotated[Words, Key("build", to.wildcards, "files that pages or notebooks need")]
    tabs: Annotated[
        Words, Key("build", to.tab_names, "the tabs; the first is the default", "python")
    ]
    warning_is_error: Annotated[
        bool, Key("build", to.switch, "whether a warning keeps a book from compiling", "false")
    ]
    bibliography: Annotated[
        str, Key("pdf", to.bibliography_file, "the .bib file in `source_dir`", name="bibfile")
    ]

    icon: Annotated[str, Key("html", to.picture, "a picture in `source_dir`", name="favicon")]
    logo: Annotated[str, Key("html", to.picture, "a picture in `source_dir`", name="html_logo")]
    colab: Annotated[
        ByTab,
        Key(
            "colab",
            to.repositories,
            "what Colab, Kaggle and Binder open: `owner/name`, or lines of `tab, owner/name`",
            name="github_repo",
        ),
    ]
    sagemaker: Annotated[
        ByTab, Key("sagemaker", to.repositories, "the same for Studio Lab", name="github_repo")
    ]

    libraries: Annotated[
        dict[str, Path],
        Key(LIBRARY, to.module_file, "the module of `#@save` code", name="lib_file"),
    ]
    helpers: Annotated[
        dict[str, str],
        Key(
            LIBRARY,
            to.module_name,
            "the full name of what `lib_file` imports as `d2l`, where the library that chapters "
            "import as `d2l` imports `lib_file` itself; saved names are bare there",
            name="lib_helpers",
        ),
    ]
    version_file: Annotated[
        Path | None, Key("library", to.version_file, "where `bookc build lib` writes `release`")
    ]

    kernels: Annotated[
        ByTab,
        Key(KERNELS, to.kernel, "the Jupyter kernel that runs the notebooks of a tab", "python3"),
    ]

    record_dir: Annotated[
        Path, Key("bookc", to.record_folder, "the executed notebooks", "notebooks")
    ]
    timeout: Annotated[int, Key("bookc", to.seconds, "seconds that a cell may run", "1200")]
    notebook_timeout: Annotated[
        int, Key("bookc", to.seconds, "seconds that a notebook may run", "14400")
    ]
    start_timeout: Annotated[
        int, Key("bookc", to.seconds, "seconds that a kernel may take to start", "60")
    ]
    gpu_pattern: Annotated[
        re.Pattern[str],
        Key(
            "bookc",
            to.pattern,
            "a regular expression of code that uses a GPU: where there are GPUs, a notebook with "
            "such code gets one to itself",
            r"\btry_(gpu|all_gpus)\(",
        ),
    ]
    output_limit: Annotated[
        int, Key("bookc", to.letters, "letters that a record keeps of a cell's outputs", "2000000")
    ]
    record_limit: Annotated[
        int, Key("bookc", to.megabytes, "megabytes that all executed notebooks may have", "100")
    ]
    library: Annotated[Path | None, Key("bookc", to.folder, "the package that notebooks import")]
    frameworks: Annotated[
        dict[str, tuple[str, str]],
        Key("bookc", to.frameworks, "lines of `tab, module, what pip installs`"),
    ]
    sort_imports: Annotated[
        bool, Key("bookc", to.switch, "whether to sort a cell's imports", "true")
    ]
    sections_in_docstrings: Annotated[
        bool, Key("bookc", to.switch, "whether a saved definition names its section", "true")
    ]
    trusted_html: Annotated[
        Words,
        Key(
            "bookc",
            to.words,
            "sections whose HTML outputs are shown as recorded, with scripts (wildcards)",
        ),
    ]
    site_url: Annotated[str, Key("bookc", to.site_address, "where the site will be found")]
    license_url: Annotated[str, Key("bookc", to.address, "the licence of the text")]
    notebook_branch: Annotated[str, Key("bookc", to.text, "the branch that hosts open", "master")]

    aliases: dict[str, Aliases]
    warnings: tuple[Problem, ...]

    @property
    def file(self) -> str:
        """config.ini relative to `root`."""
        return FILE


def _keys(nouns: type) -> dict[str, Key]:
    """The keys of a class by their fields' names, in order."""
    hints = get_type_hints(nouns, include_extras=True)
    return {
        field: dataclasses.replace(key, name=key.name or field)
        for field, hint in hints.items()
        for key in getattr(hint, "__metadata__", ())
    }


KEYS, ALIAS_KEYS = _keys(Config), _keys(Aliases)
# What else d2lbook documents. These keys speak of targets that we do not make (pdf, slides,
# deployment) and are read over: a book that moves here keeps its config.ini as it is.
READ_OVER = {
    "translation": "origin_repo origin_lang translator terminology",
    "build": "rsts dependencies eval_notebook html_dir sphinx_extensions sphinx_configs "
    "origin_repo",
    "html": "header_links include_css include_js",
    "pdf": "main_font sans_font mono_font post_latex latex_logo latex_url style",
    "library": "save_filename save_mark save_patterns version root_dir",
    "deploy": "google_analytics_tracking_id github_repo s3_bucket other_file_s3urls sagemaker",
    "colab": "exclusions libs libs_header gpu_pattern replace_svg_url",
    "sagemaker": "kernel libs libs_header",
    "slides": "top_left top_right github_repo",
}


def read_config(root: Path) -> Config:
    """Read `root`/config.ini.

    Raises:
        BookError: no such file, not an ini file, an unknown section or key, a bad value.
    """
    file = root / FILE
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
    lines = _lines_of(text)
    sections = _sections(text, lines)
    problems: list[Problem] = []

    def read(key: Key, section: str, known: Mapping[str, Any], name: str = "") -> Any:
        name = name or key.name
        said = sections.get(section, {}).get(name, "").strip() or key.default
        line = lines[section, name]
        return key.read(Entry(name, said, root, known, line, problems))

    known: dict[str, Any] = {}
    for field, key in KEYS.items():
        if key.section == KERNELS:
            known[field] = {tab: read(key, KERNELS, known, tab) for tab in known["tabs"]}
        elif key.section == LIBRARY:
            by_tab = {tab: read(key, LIBRARY + tab, known) for tab in known["tabs"]}
            known[field] = {tab: value for tab, value in by_tab.items() if value}
        else:
            known[field] = read(key, key.section, known)
    problems += _unknown(sections, lines, known["tabs"])
    aliases = {}
    for tab in known["tabs"]:
        if LIBRARY + tab in sections:
            of_tab: dict[str, Any] = {}
            for field, key in ALIAS_KEYS.items():
                of_tab[field] = read(key, LIBRARY + tab, of_tab)
            aliases[tab] = Aliases(**of_tab)
    if known["warning_is_error"]:
        problems = [dataclasses.replace(problem, warning=False) for problem in problems]
    if not all(problem.warning for problem in problems):
        raise BookError(problems)
    return Config(root=root, aliases=aliases, warnings=tuple(problems), **known)


def _sections(text: str, lines: Counter[tuple[str, str]]) -> Sections:
    """The texts of config.ini by section and key.

    Raises:
        BookError: it is not an ini file.
    """
    ini = configparser.ConfigParser()
    try:
        ini.read_string(text)
        return {section: dict(ini[section]) for section in ini.sections()}
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [(0, "")])[0][0]
        if isinstance(error, configparser.InterpolationError):
            line = lines[error.section, error.option]
        first = str(error).splitlines()[0]
        raise BookError([Problem(FILE, line, first)]) from None


def _known_names() -> dict[str, list[str]]:
    """The keys of each section, those first that mean something."""
    names: dict[str, list[str]] = {}
    for key in (*KEYS.values(), *ALIAS_KEYS.values()):
        names.setdefault(key.section, []).append(key.name)
    for section, read_over in READ_OVER.items():
        names.setdefault(section, []).extend(read_over.split())
    return names


def _unknown(sections: Sections, lines: Counter[tuple[str, str]], tabs: Words) -> list[Problem]:
    known = _known_names() | {KERNELS: list(tabs)}
    problems = []
    for section, keys in sections.items():
        names = known.get(LIBRARY if section.startswith(LIBRARY) else section)
        if names is None:
            message = f"unknown section [{section}]{_nearest(section, known)}"
            problems.append(Problem(FILE, lines[section, ""], message, warning=True))
            continue
        for name in keys.keys() - set(names):
            message = f"unknown key '{name}' in [{section}]{_nearest(name, names)}"
            message += f" (known: {', '.join(names)})"
            ours = section in (
                "bookc",
                KERNELS,
            )  # d2lbook reads over what it does not know in its own
            line = lines[section, name]
            problems.append(Problem(FILE, line, message, warning=not ours))
    return problems


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean '{close[0]}'?" if close else ""


def _lines_of(text: str) -> Counter[tuple[str, str]]:
    """The line of each section's header, as its key "", and of each key; 0 for what is missing."""
    lines: Counter[tuple[str, str]] = Counter()
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\[([^]]+)]", line):
            section = header[1]
        name = "" if header else re.split(r"[=:]", line, maxsplit=1)[0].strip().lower()
        if header or name:
            lines.setdefault((section, name), number)
    return lines
