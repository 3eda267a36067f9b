"""HTML or SVG of an output -> the same without anything that could run or reach another site.

Outputs are data, not markup of ours. A page's Content-Security-Policy (csp.py) is a second wall:
it holds even where this one should fail.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import nh3

# Text and tables; no ids, classes or styles, which would meet the page's own.
TAGS = (
    "a abbr b bdi bdo blockquote br caption cite code col colgroup dd del dfn div dl dt em "
    "h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp small span strong sub sup "
    "table tbody td tfoot th thead tr u ul var wbr"
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

SVG = "{http://www.w3.org/2000/svg}"
HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
SVG_TAGS = (
    "svg g defs desc title style symbol use image path rect circle ellipse line polyline polygon "
    "text tspan textPath marker clipPath mask pattern linearGradient radialGradient stop filter "
    "feBlend feColorMatrix feComposite feFlood feGaussianBlur feMerge feMergeNode feOffset"
)
SVG_NAMES = frozenset(SVG_TAGS.split())
INSIDE = re.compile(r"#|data:image/(png|jpeg|gif|webp);base64,")  # the file itself
OUTSIDE = re.compile(r"@|\\|url\(\s*['\"]?(?!#)", re.IGNORECASE)  # a style that loads a file

ElementTree.register_namespace("", SVG[1:-1])
ElementTree.register_namespace("xlink", HREFS[1][1 : HREFS[1].index("}")])


def safe_html(html: str) -> str:
    """The text and tables of an HTML output; "" if nothing of it is left to read."""
    clean = nh3.clean(
        html,
        tags=set(TAGS.split()),
        clean_content_tags=set(DROPPED.split()),
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
    )
    return clean if re.sub(r"<[^>]*>", "", clean).strip() else ""


def safe_svg(text: str) -> bytes | None:
    """An SVG without script, foreign content and links; None if it is no SVG at all."""
    root = _parse(text)
    if root is None:
        return None
    _clean(root)
    clean: bytes = ElementTree.tostring(root, encoding="utf-8")
    return clean


def _parse(text: str) -> ElementTree.Element | None:
    if "<!ENTITY" in text:  # a few of them can stand for gigabytes
        return None
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    return root if root.tag == f"{SVG}svg" else None


def _clean(element: ElementTree.Element) -> None:
    for name, value in list(element.attrib.items()):
        loads = name in HREFS and not INSIDE.match(value)
        if name.lower().startswith("on") or loads or OUTSIDE.search(value):
            del element.attrib[name]
    for child in list(element):
        known = isinstance(child.tag, str) and child.tag.removeprefix(SVG) in SVG_NAMES
        if not known or (child.tag == f"{SVG}style" and OUTSIDE.search("".join(child.itertext()))):
            element.remove(child)
        else:
            _clean(child)
