"""Files from the network: fetched once, checked, resumed, and never half there."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"
"""Where the data sets of "Dive into Deep Learning" are."""

_FASHION_URL = (
    "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/fashion-mnist/"
)

DATA_HUB: dict[str, tuple[str, str]] = {
    "pokemon": (DATA_URL + "pokemon.zip", "c065c0e2593b8b161a2d7873e42418bf6a21106c"),
    "fashion-mnist-train-images": (
        _FASHION_URL + "train-images-idx3-ubyte.gz",
        "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
    ),
    "fashion-mnist-train-labels": (
        _FASHION_URL + "train-labels-idx1-ubyte.gz",
        "236021d52f1e40852b06a4c3008d8de8aef1e40b",
    ),
    "fashion-mnist-test-images": (
        _FASHION_URL + "t10k-images-idx3-ubyte.gz",
        "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
    ),
    "fashion-mnist-test-labels": (
        _FASHION_URL + "t10k-labels-idx1-ubyte.gz",
        "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
    ),
}
"""Data sets by name: the address, and the SHA-1 or SHA-256 of the file in hexadecimal."""

_BLOCK = 1 << 16
_LONGEST_PAUSE = 8.0  # seconds between two tries
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP errors that may be gone at the next try


class DownloadError(OSError):
    """A file could not be fetched, or is not the file that was asked for."""


class _Lost(Exception):
    """The network failed; `passing` if another try may mend it."""

    def __init__(self, reason: str, passing: bool = True) -> None:
        super().__init__(reason)
        self.passing = passing


def data_root() -> Path:
    """The folder of downloaded files: D2L_DATA_ROOT, or a folder in the user's cache."""
    root = os.environ.get("D2L_DATA_ROOT")
    return Path(root).expanduser() if root else Path.home() / ".cache" / "d2l_shim"


def download(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    sha1_hash: str | None = None,
    *,
    sha256: str | None = None,
    timeout: float = 30,
    retries: int = 5,
) -> str:
    """Fetch a file unless it is there already, and return its path.

    The file appears under its name only when it is complete and its digest is right. A
    lost connection is taken up where it broke; so is an interrupted program's download,
    if the digest is known. A second program that wants the same file waits for the first.

    Args:
        name: a key of `DATA_HUB`, or an http(s) address.
        folder: where the file goes; by default D2L_DATA_ROOT or the user's cache.
        sha1_hash: the SHA-1 that the file must have; for a key, `DATA_HUB` says so.
        sha256: the same for SHA-256.
        timeout: seconds of silence after which a connection counts as lost.
        retries: failures in a row, without a new byte, before giving up; between them
            pauses of 0.5, 1, 2, 4, 8, 8, ... seconds.

    Returns:
        The path of the file.

    Raises:
        ValueError: `name` is neither a known data set nor an http(s) address, or a
            digest has not the form of one.
        DownloadError: the file cannot be fetched or written, or is not the right one. A
            file that was there before is left as it was.
    """
    url, digest = name, sha256 or sha1_hash
    if name in DATA_HUB:
        url, digest = DATA_HUB[name]
    if digest is not None and not re.fullmatch("[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", digest):
        raise ValueError(f"{digest!r} is neither a SHA-1 (40 digits) nor a SHA-256 (64 digits)")
    digest = digest and digest.lower()
    target = Path(data_root() if folder is None else folder) / _file_name(url)
    if _is_right(target, digest):
        return str(target)

    from filelock import FileLock, Timeout

    part = target.with_name(f".{target.name}.part")
    lock = FileLock(target.with_name(f".{target.name}.lock"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"{target.name}: waiting for another program that fetches it")
            lock.acquire()
        try:
            if not _is_right(target, digest):
                _fetch_checked(url, part, digest, timeout, retries)
                part.replace(target)
        finally:
            lock.release()
    except _Lost as error:
        check = f" ({_algorithm(digest)} {digest})" if digest else ""
        raise DownloadError(
            f"cannot fetch {url}: {error}. Without a network, get the file elsewhere{check} "
            f"and put it at {target}"
        ) from error.__cause__
    except DownloadError:
        raise
    except OSError as error:  # of the disk: those of the network are caught where it is read
        raise DownloadError(
            f"cannot write {target}: {error.strerror or error}. Make room there, or set "
            "D2L_DATA_ROOT to a folder that has it"
        ) from error
    return str(target)


def _file_name(url: str) -> str:
    """The last part of an address.

    Raises:
        ValueError: the address is not one of http(s), or ends without a name.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"unknown data set {url!r} (known: {', '.join(sorted(DATA_HUB))})")
    name = PurePosixPath(urllib.parse.unquote(parts.path)).name
    if not name or name == ".." or "\\" in name or "\0" in name:
        raise ValueError(f"{url} does not end in the name of a file")
    return name


def _ascii(url: str) -> str:
    """An address as it is sent: other letters than ASCII in its path written out."""
    parts = urllib.parse.urlsplit(url)
    path, query = (urllib.parse.quote(part, safe="/%:=&?~+!$,;'@()*[]") for part in parts[2:4])
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _algorithm(digest: str) -> str:
    return "SHA-1" if len(digest) == 40 else "SHA-256"


def _digest_of(path: Path, digest: str) -> str:
    """The digest of a file, of the same kind as `digest`."""
    found = hashlib.new(_algorithm(digest).replace("-", ""))
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _is_right(path: Path, digest: str | None) -> bool:
    return path.is_file() and digest in (None, _digest_of(path, digest or "0" * 40))


def _fetch_checked(url: str, part: Path, digest: str | None, timeout: float, retries: int) -> None:
    """Make `part` the whole file, with the right digest.

    Raises:
        _Lost, DownloadError, OSError: it could not be had, is another one, or has no room.
    """
    if digest is None:
        part.unlink(missing_ok=True)
    resumed = _size(part) > 0
    try:
        _Transfer(url, part, timeout, checked=digest is not None).run(retries)
    except BaseException as error:
        # What cannot be checked cannot be resumed, and a full disk wants its room back.
        if digest is None or isinstance(error, OSError):
            part.unlink(missing_ok=True)
        raise
    if digest is None or (found := _digest_of(part, digest)) == digest:
        return
    part.unlink()
    if not resumed:
        raise DownloadError(
            f"{url} has {_algorithm(digest)} {found}, expected {digest}; the file was not kept"
        )
    # What an earlier program left may have been the start of another version.
    _fetch_checked(url, part, digest, timeout, retries)


class _Transfer:
    """A file on its way, over as many connections as it takes.

    Attributes:
        validator: the server's name for the version of the file that the bytes so far belong
            to; only with it, or with a digest to check at the end, can they be added to.
    """

    def __init__(self, url: str, part: Path, timeout: float, checked: bool) -> None:
        self.url = url
        self.part = part
        self.timeout = timeout
        self.checked = checked
        self.validator: str | None = None

    def run(self, retries: int) -> None:
        """Add to the file what it lacks.

        Raises:
            _Lost: `retries` failures in a row without a new byte, or one that will stay.
            OSError: the file cannot be written.
        """
        failures, longest = 0, _size(self.part)
        while True:
            try:
                self._connect()
                return
            except _Lost as error:
                failures = failures + 1 if _size(self.part) <= longest else 1
                longest = max(longest, _size(self.part))
                if failures >= retries or not error.passing:
                    raise
            time.sleep(min(0.5 * 2 ** (failures - 1), _LONGEST_PAUSE))

    def _connect(self) -> None:
        """Receive the rest of the file, or all of it where the server sends all."""
        start = _size(self.part) if self.checked or self.validator else 0
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and self.validator:
            headers["If-Range"] = self.validator
        try:
            request = urllib.request.Request(_ascii(self.url), headers=headers)
            response = urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:  # there is nothing behind what we have: begin again
                self.part.unlink(missing_ok=True)
            passing = error.code in _PASSING or (error.code == 416 and start > 0)
            raise _Lost(f"{error.code} {error.reason}", passing) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            raise _Lost(str(reason)) from error
        except ValueError as error:  # an address, perhaps one that a server sends us on to
            raise _Lost(f"no address: {error}", passing=False) from error
        with response:
            if urllib.parse.urlsplit(response.geturl()).scheme not in ("http", "https"):
                raise _Lost(f"the server sends us on to {response.geturl()}", passing=False)
            etag = response.headers.get("ETag", "")
            strong = etag if not etag.startswith("W/") else ""
            validator = strong or response.headers.get("Last-Modified")
            if response.status != 206:
                start = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self.part.unlink(missing_ok=True)
                raise _Lost("the server answered with another part of the file than was asked for")
            elif self.validator and validator != self.validator:  # If-Range asked for this one
                self.part.unlink(missing_ok=True)
                self.validator = None
                raise _Lost("the file changed on the server while it was fetched")
            self.validator = validator
            self._receive(response, start)

    def _receive(self, response: http.client.HTTPResponse, start: int) -> None:
        from tqdm import tqdm

        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None and length.isdigit() else None
        if total is not None and (room := shutil.disk_usage(self.part.parent).free) < total - start:
            raise OSError(errno.ENOSPC, f"{total - start:,} bytes are to come, {room:,} are free")
        # Files that come at once need no bar.
        bar = tqdm(
            desc=self.part.name.removeprefix(".").removesuffix(".part"),
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            delay=1,
        )
        with self.part.open("ab" if start else "wb") as file, bar:
            for block in _blocks(response):
                file.write(block)
                bar.update(len(block))
        if total is not None and _size(self.part) != total:
            raise _Lost(f"the connection ended after {_size(self.part):,} of {total:,} bytes")


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = response.read1(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _Lost(str(error) or type(error).__name__) from error
        if not block:
            return
        yield block


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
