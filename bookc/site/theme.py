"""Theme -> the site's styles, scripts and fonts; tab -> the name that readers know it by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

THEME = Path(__file__).parent / "theme"
# Each of these becomes one file for readers.
STYLES = ("book.css", "code.css", "navigation.css", "outputs.css", "search.css", "print.css")
SCRIPTS = (
    "book.js",
    "scheme.js",
    "code.js",
    "navigation.js",
    "preview.js",
    "search.js",
    "scroll.js",
)
FONTS = {  # each with what a page has that needs it
    "STIXTwoText.woff2": "",
    "STIXTwoText-Italic.woff2": "<em>",
    "STIXTwoMath.woff2": "<math",
    "SourceCodePro.woff2": "<code",
}
STATIC = "_static"  # where the theme's files stand in the site
NAMES = {
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "mxnet": "MXNet",
    "jax": "JAX",
    "paddle": "PaddlePaddle",
    "numpy": "NumPy",
    "python": "Python",
}


def theme_files(tabs: Sequence[str]) -> dict[str, str | bytes]:
    """Styles, script and fonts, for a book with these tabs."""
    files: dict[str, str | bytes] = {
        f"{STATIC}/{name}": (THEME / name).read_bytes()
        for name in ("icon.svg", "fonts/OFL.txt", *(f"fonts/{font}" for font in FONTS))
    }
    styles = "".join((THEME / name).read_text("utf-8") for name in STYLES)
    files[f"{STATIC}/book.css"] = styles + _tab_rules(tabs)
    files[f"{STATIC}/book.js"] = "\n".join((THEME / name).read_text("utf-8") for name in SCRIPTS)
    files[".nojekyll"] = b""  # GitHub Pages would leave out folders that begin with "_"
    return files


def tab_name(tab: str) -> str:
    """How readers know a tab."""
    return NAMES.get(tab, tab)


def _tab_rules(tabs: Sequence[str]) -> str:
    """What is shown once <html data-tab=...> says which framework is chosen.

    `data-for` lists the choices for which an element is there; `data-on` those for which a tab
    is the selected one. So a choice made before the page is drawn moves nothing afterwards.
    A group with a `data-tab` of its own was switched alone. No rule speaks of the choice "all".
    """
    hidden, chosen = [], []
    for tab in tabs:
        page, alone = f':root[data-tab="{tab}"]', f'.group[data-tab="{tab}"]'
        hidden.append(f'{page} [data-for]:not([data-for~="{tab}"], .group[data-tab] *)')
        hidden.append(f'{alone} [data-for]:not([data-for~="{tab}"])')
        chosen.append(f'{page} [data-on~="{tab}"]:not(.group[data-tab] *)')
        chosen.append(f'{alone} [data-on~="{tab}"]')
    look = "color: var(--accent); border-bottom-color: var(--accent);"
    return f"\n{_list(hidden)} {{ display: none; }}\n{_list(chosen)} {{ {look} }}\n"


def _list(selectors: Sequence[str]) -> str:
    return ",\n".join(selectors)
