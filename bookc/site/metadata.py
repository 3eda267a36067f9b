"""Page -> its metadata for search engines and social networks; book -> sitemap.xml, robots.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from urllib.parse import quote, urlsplit

from bookc.config import Config

Meta = tuple[str, str, str]  # ("name" or "property", its name, the content)
LOCAL_LINK = re.compile(r'(<[^<>]* (?:href|src)=")(?![a-z]+:|[/#])([^"]*")')


def address(config: Config, file: str) -> str:
    """Where a file of the site will be found; "" for a book that does not know its address."""
    path = "" if file == "index.html" else quote(file)
    return f"{config.site_url}/{path}" if config.site_url else ""


def page_meta(
    config: Config, file: str, title: str, description: str, picture: str, changed: str
) -> Iterator[Meta]:
    """Open Graph, which social networks read, and the tags that Google Scholar reads.

    Args:
        picture: a PNG of the site, or "".
        changed: the date of its last change, or "".
    """
    is_index = file == "index.html"
    yield "property", "og:type", "website" if is_index else "article"
    yield "property", "og:site_name", config.title
    yield "property", "og:title", title
    yield "property", "og:description", description
    url = address(config, file)
    if url:
        yield "property", "og:url", url
    if url and picture:  # networks take full addresses only
        yield "property", "og:image", address(config, picture)
        yield "name", "twitter:card", "summary_large_image"
    yield "name", "citation_title", title
    for author in authors(config.author):
        yield "name", "citation_author", author
    if year := re.search(r"\b(19|20)\d\d\b", config.copyright):
        yield "name", "citation_publication_date", year[0]
    if not is_index:
        yield "name", "citation_inbook_title", config.title
    yield "name", "citation_language", config.lang
    if url:
        yield "name", "citation_public_url", url
    if changed:
        yield "property", "article:modified_time", changed


def authors(text: str) -> list[str]:
    """`A, B, and C` as three names."""
    parts = re.split(r",|(?:^|\s)and\s", text)
    return [name for part in parts if (name := part.strip().removeprefix("and "))]


def site_files(config: Config, changed: Mapping[str, str]) -> dict[str, str]:
    """sitemap.xml, for a site that knows its address, and robots.txt where robots look for it.

    Args:
        changed: for each page's file the date of its last change, or "".
    """
    if not config.site_url:
        return {}
    rows = []
    for file, date in sorted(changed.items()):
        last = f"<lastmod>{date}</lastmod>" if date else ""
        rows.append(f"<url><loc>{escape(address(config, file))}</loc>{last}</url>\n")
    sitemap = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"{''.join(rows)}</urlset>\n"
    )
    written = {"sitemap.xml": sitemap}
    if not urlsplit(config.site_url).path:  # robots read it at the top of a host only
        written["robots.txt"] = f"User-agent: *\nAllow: /\nSitemap: {config.site_url}/sitemap.xml\n"
    return written


def rooted(page: str, config: Config) -> str:
    """A page whose links work wherever it is shown, as 404.html is for any address.

    A site that does not know its address keeps links that work at its top.
    """
    if not config.site_url:
        return page
    root = escape(quote(urlsplit(config.site_url).path + "/", safe="/%~@:$&+,;="))
    return LOCAL_LINK.sub(lambda found: found[1] + root + found[2], page)
