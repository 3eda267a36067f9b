"""Which addresses a page may lead to: places of the book, and http, https and mailto."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
NETWORK = re.compile(r"[/\\]{2}")  # another server by the way that the page came: //example.org
OUTSIDE = re.compile(r"https?://[^/\\?#]|mailto:.", re.IGNORECASE)
IGNORED = re.compile(r"[\x00-\x20\x7f]+")  # what browsers drop at an end or even inside

Kind = Literal["inside", "outside", "refused"]


def kind_of(address: str) -> Kind:
    """Whether an address leads into the book, out of it, or nowhere that a page may lead to."""
    plain = IGNORED.sub("", address)
    if OUTSIDE.match(plain) or (NETWORK.match(plain) and OUTSIDE.match(f"https:{plain}")):
        return "outside"
    return "refused" if SCHEME.match(plain) or NETWORK.match(plain) else "inside"


def outside(address: str) -> str:
    """An address of another site as a page has it; "" for one that a page may not lead to."""
    plain = IGNORED.sub("", address)
    if kind_of(plain) != "outside":
        return ""
    return encoded(f"https:{plain}" if NETWORK.match(plain) else plain)


def encoded(address: str) -> str:
    """An address with every letter written out that would end it or mean something else."""
    return quote(address, safe="/:?#[]@!$&*+,;=%~()")


def path(place: str) -> str:
    """The address of a file of the site: its name may have any letter."""
    return quote(place, safe="/~")


def fragment(anchor: str) -> str:
    """What stands behind the # of an address, for an element with this id."""
    return quote(anchor, safe="/:*~")
