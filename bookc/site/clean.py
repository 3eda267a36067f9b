"""HTML or SVG of a stranger -> the same without anything that could run or reach another site.

Outputs are data, not markup of ours, and so are an author's drawings. A page's
Content-Security-Policy (csp.py) is a second wall: it holds even where this one should fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import nh3

LONGEST = 1_000_000  # letters of HTML or SVG in an output; a page of more is of no use to readers
DEEPEST = 200  # elements within elements; browsers and cleaners slow down with their number
# Text and tables; no ids, classes or styles, which would meet the page's own.
TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
        "wbr",
    ]
)
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "reversed"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
DROPPED = "script style title textarea iframe object noscript template"
TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
# Tags that have no end, or whose end may be left out and comes with the next of them.
FLAT = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "dd",
        "dt",
        "hr",
        "img",
        "input",
        "li",
        "link",
        "meta",
        "option",
        "p",
        "source",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "track",
        "wbr",
    ]
)

SVG = "{http://www.w3.org/2000/svg}"
XHTML = "{http://www.w3.org/1999/xhtml}"
READ = ("id", "class", "title", "alt", "aria-label", "d", "points")  # no styles
MATHML = "{http://www.w3.org/1998/Math/MathML}"
HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
DRAWN = frozenset(
    [
        "svg",
        "g",
        "defs",
        "desc",
        "title",
        "style",
        "symbol",
        "use",
        "image",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "textPath",
        "marker",
        "clipPath",
        "mask",
        "pattern",
        "linearGradient",
        "radialGradient",
        "stop",
        "filter",
        "feBlend",
        "feColorMatrix",
        "feComponentTransfer",
        "feComposite",
        "feConvolveMatrix",
        "feDiffuseLighting",
        "feDisplacementMap",
        "feDistantLight",
        "feDropShadow",
        "feFlood",
        "feFuncA",
        "feFuncB",
        "feFuncG",
        "feFuncR",
        "feGaussianBlur",
        "feMerge",
        "feMergeNode",
        "feMorphology",
        "feOffset",
        "fePointLight",
        "feSpecularLighting",
        "feSpotLight",
        "feTile",
        "feTurbulence",
    ]
)
MORE_DRAWN = frozenset(
    ["switch", "foreignObject", "metadata", "view", "animate", "animateTransform"]
)
INSIDE = re.compile(r"#|data:image/(png|jpeg|gif|webp);base64,")  # the file itself
# In a style, what could load a file. Colours and places are computed by the others.
HARMLESS = "rgba?|hsla?|hwb|lab|lch|oklab|oklch|calc|min|max|clamp|var|matrix|matrix3d"
HARMLESS += "|(translate|scale|rotate|skew)(X|Y|Z|3d)?|cubic-bezier|steps|attr|not|is|where"
HARMLESS += "|(first|last|nth|only)(-last)?-(child|of-type)"
OUTSIDE = re.compile(
    rf"@|\\|url\(\s*['\"]?(?!#)|(?<![\w-])(?!(url|{HARMLESS})\()[\w-]+\(", re.IGNORECASE
)
NOT_A_DRAWING = b"""\
<svg xmlns="http://www.w3.org/2000/svg" width="240" height="24"><text x="4" y="16"
font-family="sans-serif" font-size="12" fill="gray">This file is not a drawing.</text></svg>
"""

ElementTree.register_namespace("", SVG[1:-1])
ElementTree.register_namespace("xlink", HREFS[1][1 : HREFS[1].index("}")])


def safe_html(html: str) -> str:
    """The text and tables of an HTML output; "" if nothing of it is left to read."""
    clean = nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=set(DROPPED.split()),
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
    )
    return clean if re.sub(r"<[^>]*>", "", clean).strip() else ""


def excess(html: str) -> str:
    """Why HTML or SVG is too much for a page: "" if it is not."""
    if len(html) > LONGEST:
        return f"{len(html):,} letters, a page shows {LONGEST:,}"
    depth = 0
    for found in TAG.finditer(html):
        if found[2].lower() not in FLAT:
            depth = max(0, depth - 1) if found[1] else depth + 1
        if depth > DEEPEST:
            return f"more than {DEEPEST} elements within each other"
    return ""


def safe_svg(text: str) -> bytes | None:
    """An SVG without script, foreign content and links; None if it is no SVG at all."""
    if "<!ENTITY" in text:  # a few of them can stand for gigabytes
        return None
    root = _parse(text)
    if root is None:
        return None
    _clean(root, lambda tag: tag.removeprefix(SVG) in DRAWN)
    return _written(root)


def harmless_svg(data: bytes) -> bytes:
    """An author's drawing as it is; without what could run when it is opened by itself."""
    root = _parse(data)
    if root is None:
        return NOT_A_DRAWING
    changed = _clean(root, _is_harmless)
    head = data[: data.find(b"<svg")]
    plain = b"[" not in head and b"<?xml-" not in data and b"\0" not in data
    if (
        not changed
        and plain
        and re.search(rb"encoding=(?!['\"](utf-8|us-ascii))", head, re.I) is None
    ):
        return data
    return _written(root)


def _is_harmless(tag: str) -> bool:
    if tag.startswith(SVG):
        return tag.removeprefix(SVG) in DRAWN | MORE_DRAWN
    if tag.startswith(XHTML):  # in a foreignObject
        return tag.removeprefix(XHTML) in TAGS
    return tag.startswith("{") and not tag.startswith(
        MATHML
    )  # an editor's notes: nobody draws them


def _written(root: ElementTree.Element) -> bytes:
    written: bytes = ElementTree.tostring(root, encoding="utf-8")
    return written


def _parse(text: str | bytes) -> ElementTree.Element | None:
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    below = [root]  # level by level: to go down by recursion has an end
    for _ in range(DEEPEST):
        below = [child for element in below for child in element]
    return root if root.tag == f"{SVG}svg" and not below else None


def _clean(root: ElementTree.Element, is_allowed: Callable[[str], bool]) -> bool:
    """Take away what is not allowed; whether that was anything."""
    changed = False
    for element in list(root.iter()):
        for name, value in list(element.attrib.items()):
            if _is_active(element, name, value):
                del element.attrib[name]
                changed = True
        for child in list(element):
            known = isinstance(child.tag, str) and is_allowed(child.tag)
            style = known and child.tag in (f"{SVG}style", f"{XHTML}style")
            if not known or (style and OUTSIDE.search("".join(child.itertext()))):
                element.remove(child)
                changed = True
    return changed


def _is_active(element: ElementTree.Element, name: str, value: str) -> bool:
    """Whether an attribute could run something, or load another file."""
    local = name.rpartition("}")[2].lower()
    if local in ("href", "src", "srcset", "action", "formaction", "data", "base"):
        return not (local == "href" and INSIDE.match(value))
    if local == "attributename":  # what an animation changes
        return value.strip().lower().rpartition(":")[2] in ("href", "src", "style", "class")
    animated = element.tag in (f"{SVG}animate", f"{SVG}animateTransform")
    if animated and local in ("to", "from", "by", "values"):
        return OUTSIDE.search(value) is not None or "script" in value.lower()
    is_style = "{" not in name and local not in READ
    return local.startswith("on") or (is_style and OUTSIDE.search(value) is not None)
