"""Texts that a stranger may put wherever a book takes a text, and what no page may then have."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# Each is tried in every field of a book.
TEXTS = {
    "script": "<script>ran = 1</script>",
    "script src": '"><script src="img/evil.js"></script>',
    "single quotes": "'><script src='img/evil.js'></script>",
    "handler": '" onmouseover="ran = 1" x="',
    "handler, single": "' onfocus='ran = 1' autofocus x='",
    "handler without quotes": "x onclick=ran=1 ",
    "image": "<img src=x onerror=ran=1>",
    "svg": "<svg/onload=ran=1>",
    "iframe": "<iframe srcdoc='<script>top.ran = 1</script>'></iframe>",
    "refresh": '"><meta http-equiv="refresh" content="0; url=http://127.0.0.1:9/">',
    "base": '"><base href="http://127.0.0.1:9/">',
    "style": '" style="position:fixed;inset:0;z-index:9" x="',
    "style element": "</style><style>.top { display: none }</style>",
    "end of title": "</title><script>ran = 1</script>",
    "end of textarea": "</textarea></noscript></template><script>ran = 1</script>",
    "comment": "--><!--<script>ran = 1</script>",
    "cdata": "]]><![CDATA[<script>ran = 1</script>]]>",
    "entity": "&#60;script&#62;ran = 1&#60;/script&#62;",
    "entity of a quote": "&quot; onmouseover=&quot;ran = 1",
    "javascript": "javascript:ran=1",
    "javascript with blanks": " java\tscript:ran=1",
    "javascript in entities": "java&#115;cript:ran=1",
    "data": "data:text/html,<script>ran=1</script>",
    "vbscript": "vbscript:ran",
    "another server": "//127.0.0.1:9/x",
    "backslashes": "/\\127.0.0.1:9/x",
    "template": "{{ 7 * 7 }}{% raw %}{{ config.root }}",
    "format": "{0.__class__}{token!r}%s%(x)s",
    "escape": "\x1b]0;owned\x07\x1b[2J",
    "direction": "\u202egnp.exe\u2066",
    "nul": "a\x00b",
    "noncharacters": "a\ufffe\uffffb",
    "math": "$\\color{red;position:fixed}{\\kern-900em x}$",
    "deep": "(" * 60 + "$" + "{" * 400 + "x" + "}" * 400 + "$",
    "role": ':numref:`<b onclick=ran=1>`:cite:`"><script>`',
    "marks": ':label:`"><script>ran=1</script>`',
    "link": '[a](x"onmouseover="ran=1) [b](<javascript:ran=1>) ![c](x"onerror="ran=1)',
    "table": "| a | <script>ran=1</script> |",
    "mathml": "<math><mtext><style><img title='--></style><img src=x onerror=ran=1>'>",
    "long": "<b>" * 300,
}

ELEMENTS = """
    a abbr annotation article b bdi bdo blockquote body br button caption cite code col colgroup
    dd del dfn dialog div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 head header hr html
    i img input ins kbd li link main mark math menclose merror meta mfenced mfrac mi
    mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub
    msubsup msup mtable mtd mtext mtr munder munderover nav ol option p path picture pre q s samp
    script section select semantics small source span strong sub summary sup svg table tbody td
    tfoot th thead time title tr u ul var wbr
"""
ATTRIBUTES = """
    accent accentunder align alt as autocomplete charset cite class color colspan columnalign
    content crossorigin d datetime defer depth dir display displaystyle download encoding fence
    fill for form height hidden href http-equiv id intent kind lang largeop linebreak
    linethickness loading lquote lspace mathcolor mathsize mathvariant maxlength maxsize media
    minsize movablelimits name notation open placeholder popover popovertarget property rel
    reversed role rowspan rquote rspace scope scriptlevel separator span spellcheck src srcset
    start stretchy stroke stroke-linecap stroke-width style symmetric tabindex title type value
    viewbox voffset width
"""
NAMED = re.compile(r"(data|aria)-[a-z-]+(\[content\])?")
ADDRESS = re.compile(
    r"https?://[^\s\"'<>\\]*|mailto:[^\s\"'<>\\]+|(?![a-z][a-z0-9+.-]*:|[/\\]{2})[^\s\"<>\\]*", re.I
)
# What math-core, tables and the sizes of figures need; lengths have four digits at most.
STYLE = re.compile(
    r"((text-align|justify-items|padding-left|padding-right|margin-left|border-right|width|height"
    r"|color)\s*:[\w\s.%#-]{1,40};?\s*)+"
)


class Reader(HTMLParser):
    """Notes what on a page is not what bookc, or its cleaner, writes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.styles: set[str] = set()
        self._scripts = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = dict(attributes)
        if tag not in ELEMENTS.split():
            self.found.append(f"<{tag}>")
        for name, value in attributes:
            if name not in ATTRIBUTES.split() and not NAMED.fullmatch(name):
                self.found.append(f"{tag} {name}={value!r}")
            if name in ("href", "src", "srcset", "action") and not ADDRESS.fullmatch(value or ""):
                self.found.append(f"{tag} {name}={value!r}")
            if name == "style":
                self.styles.add(value or "")
        if tag == "script":
            self._scripts += 1
            source = about.get("src", "")
            if self._scripts > 2 or (source and not source.endswith("_static/book.js")):
                self.found.append(f"script {about}")
        if (
            tag == "meta"
            and about.get("http-equiv", "Content-Security-Policy") != "Content-Security-Policy"
        ):
            self.found.append(f"meta {about}")
        if tag == "input" and about.get("id") != "bookc-search":
            self.found.append(f"input {about}")


def unexpected(page: str) -> list[str]:
    """What a page has that no text of a book may give it."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    control = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]", page)
    wide = [style for style in reader.styles if not STYLE.fullmatch(style)]
    return [*reader.found, *(repr(letter) for letter in control), *wide]
