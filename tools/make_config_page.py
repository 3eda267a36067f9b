"""Write docs/config.md, the table of all keys of config.ini, from the fields that declare them.

    python tools/make_config_page.py

A test says when the page is due.
"""

from __future__ import annotations

from pathlib import Path

from bookc.config import ALIAS_KEYS, KERNELS, KEYS, LIBRARY, READ_OVER

PAGE = Path(__file__).parents[1] / "docs" / "config.md"
HEAD = """\
# The keys of config.ini

Written by `tools/make_config_page.py` from bookc/config.py. Files are named relative to the folder
of config.ini unless a key says otherwise. An unknown key is told with the nearest known one.
"""


def make_page() -> str:
    """The whole page in Markdown."""
    sections: dict[str, list[str]] = {}
    for key in (*KEYS.values(), *ALIAS_KEYS.values()):
        section = "library-TAB" if key.section == LIBRARY else key.section
        help = f"{key.help[0].upper()}{key.help[1:]}"
        shown = key.default.replace("|", "\\|")  # which would end a cell of the table
        default = f"`{shown}`" if shown else ""
        rows = sections.setdefault(section, [])
        name = "TAB" if key.section == KERNELS else key.name
        rows.append(f"| `{name}` | {help} | {default} |\n")
    parts = [HEAD]
    for section, rows in sections.items():
        head = f"\n## [{section}]\n\n| key | what it says | default |\n|:--|:--|:--|\n"
        parts.append(head + "".join(rows))
    left = ", ".join(
        f"`{name}` in `[{section}]`"
        for section, names in READ_OVER.items()
        for name in names.split()
    )
    parts.append(f"\n## Read over\n\nd2lbook's keys for what bookc does not make: {left}.\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
