"""Page -> the same page with its Content-Security-Policy.

The policy allows inline scripts and styles by their hashes, so it is made when the page is
finished. Everything else must be a file of the site; other sites are never asked.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

PLACE = '<meta http-equiv="Content-Security-Policy" content="">'  # head.html has it first
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def with_policy(page: str, styles: Iterable[str], trusted: bool) -> str:
    """Fill in the policy of a page.

    Args:
        styles: the style attributes that bookc itself wrote: MathML and figures have some.
        trusted: whether the page shows outputs that may run script of their own. It still
            comes from the page alone, and may ask no other site; but it may lead the reader to
            one.
    """
    head = page.partition("</head>")[0]
    if trusted:
        script = style = "'unsafe-inline'"
    else:
        # Scripts and style blocks of the head only: nothing in the body may bring its own.
        script = _hashes(SCRIPT.findall(head))
        attributes = _hashes(styles)
        style = _hashes(STYLE.findall(head))
        style += f" 'unsafe-hashes' {attributes}" if attributes else ""
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'wasm-unsafe-eval' {script}",  # the search index is WebAssembly
        "style-src": f"'self' {style}",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    text = "; ".join(f"{name} {' '.join(value.split())}" for name, value in policy.items())
    return page.replace(PLACE, PLACE.replace('""', f'"{text}"'), 1)


def _hashes(texts: Iterable[str]) -> str:
    digests = {hashlib.sha256(text.encode()).digest() for text in texts}
    return " ".join(sorted(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests))
