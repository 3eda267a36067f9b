"""Download against a local server that misbehaves."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from d2l_shim import archive, download

CONTENT = bytes(range(256)) * 1000
SHA1 = hashlib.sha1(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


AWAY = {
    "away-ftp": "ftp://127.0.0.1:9/a",
    "away-port": "http://127.0.0.1:99999/a",
    "away-odd": "http://[/a",
    "away-file": "file:///etc/passwd",
    "away-none": "http://",
}


class Handler(http.server.BaseHTTPRequestHandler):
    """What happens depends on the path; `log` has the path and range of each request."""

    log: list[tuple[str, str]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.log.append((self.path, asked))
        count = sum(path == self.path for path, _ in self.log)
        name = self.path.strip("/").split("?")[0]
        self.close_connection = True
        if name == "missing":
            self.send_error(404)
        elif name == "busy" and count < 3:
            self.send_error(503)
        elif name == "moved":
            self.send_response(302)
            self.send_header("Location", "/file.bin")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name in AWAY:
            self.send_response(302)
            self.send_header("Location", AWAY[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name == "liar":  # another version each time, whatever If-Range says
            self._liar(int(asked.removeprefix("bytes=").rstrip("-") or 0), count)
        elif name == "shifted" and asked:
            self._send(206, CONTENT, "bytes 0-255999/256000")
        elif name == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3e8\r\n" + CONTENT[:1000] + b"\r\n")
            if count > 1:
                rest = CONTENT[1000:]
                self.wfile.write(b"%x\r\n" % len(rest) + rest + b"\r\n0\r\n\r\n")
        else:
            start = int(asked.removeprefix("bytes=").rstrip("-") or 0)
            changed = name == "changes" and self.headers.get("If-Range") not in (
                None,
                f'"v{count}"',
            )
            if name == "whole" or changed:
                start = 0
            if start >= len(CONTENT):
                self.send_error(416)
                return
            status, rest = (206, CONTENT[start:]) if start else (200, CONTENT)
            kept = {"cut": 1000, "drops": 60_000, "changes": 60_000, "shifted": 1000, "whole": 1000}
            sent = kept.get(name) if name in ("cut", "drops") or count == 1 else None
            place = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}" if start else ""
            self._send(status, rest, place, sent, f'"v{count}"' if name == "changes" else '"v"')
            if name == "stalls":
                self.server.stop.wait(10)  # type: ignore[attr-defined]

    def _liar(self, start: int, count: int) -> None:
        body = bytes([count]) * 100_000
        place = f"bytes {start}-99999/100000" if start else ""
        sent = 1000 if count < 3 else None
        self._send(206 if start else 200, body[start:], place, sent, f'"v{min(count, 3)}"')

    def _send(
        self, status: int, body: bytes, place: str, sent: int | None = None, etag: str = '"v"'
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        if self.path.startswith("/slow"):
            self.wfile.write(body[:1000])
            self.server.stop.wait(0.5)  # type: ignore[attr-defined]
            body = body[1000:]
        self.wfile.write(b"" if self.path.startswith("/stalls") else body[:sent])

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server:
    """A running server.

    Attributes:
        url: its address.
        log: the path and the header "Range" of each request.
    """

    def __init__(self, httpd: http.server.ThreadingHTTPServer, log: list[tuple[str, str]]) -> None:
        self.url = f"http://127.0.0.1:{httpd.server_address[1]}"
        self.log = log


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    handler = type("Handler", (Handler,), {"log": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        httpd.stop = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(httpd, handler.log)
        httpd.stop.set()  # type: ignore[attr-defined]
        httpd.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which are not made."""
    slept: list[float] = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    return slept


def only(folder: Path) -> list[str]:
    """The files in a folder but for the lock, which stays."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_download(server: Server, tmp_path: Path) -> None:
    path = download.download(f"{server.url}/file.bin", tmp_path, SHA1)
    assert path == str(tmp_path / "file.bin")
    assert Path(path).read_bytes() == CONTENT
    assert only(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("name", ["busy", "moved", "chunked", "drops", "whole", "shifted"])
@pytest.mark.parametrize("digest", [SHA1, None])
def test_what_passes(server: Server, tmp_path: Path, name: str, digest: str | None) -> None:
    path = download.download(f"{server.url}/{name}?x=1", tmp_path, digest)
    assert Path(path).read_bytes() == CONTENT
    assert only(tmp_path) == [name]


def test_a_lost_connection_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    download.download(f"{server.url}/drops", tmp_path, retries=2)
    assert [asked for _, asked in server.log] == [
        "",
        *(f"bytes={60_000 * i}-" for i in range(1, 5)),
    ]


def test_a_file_that_changes_meanwhile_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    path = download.download(f"{server.url}/changes", tmp_path)
    assert Path(path).read_bytes() == CONTENT


def test_two_versions_are_never_mixed(server: Server, tmp_path: Path) -> None:
    """A server that answers with a part of another version than was begun with."""
    path = Path(download.download(f"{server.url}/liar", tmp_path))
    assert len(set(path.read_bytes())) == 1 and path.stat().st_size == 100_000


@pytest.mark.parametrize("name", AWAY)
def test_an_odd_redirection_is_an_error_of_downloads(
    server: Server, tmp_path: Path, name: str
) -> None:
    with pytest.raises(download.DownloadError, match="cannot fetch"):
        download.download(f"{server.url}/{name}", tmp_path, retries=1)
    assert not (tmp_path / name).exists()


def test_an_address_may_have_any_letters(server: Server, tmp_path: Path) -> None:
    path = Path(download.download(f"{server.url}/größe ä.bin?q=ü", tmp_path))
    assert path.name == "größe ä.bin" and path.read_bytes() == CONTENT


def test_an_interrupted_program_is_taken_up(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".file.bin.part").write_bytes(CONTENT[:5000])
    download.download(f"{server.url}/file.bin", tmp_path, sha256=SHA256.upper())
    assert server.log == [("/file.bin", "bytes=5000-")]
    # Without a digest nothing would tell whether the two parts belong together.
    (tmp_path / ".other.bin.part").write_bytes(CONTENT[:5000])
    download.download(f"{server.url}/other.bin", tmp_path)
    assert server.log[1:] == [("/other.bin", "")]


@pytest.mark.parametrize("left", [b"of another version", CONTENT + b"too long"])
def test_a_wrong_beginning_is_thrown_away(server: Server, tmp_path: Path, left: bytes) -> None:
    (tmp_path / ".file.bin.part").write_bytes(left)
    path = download.download(f"{server.url}/file.bin", tmp_path, SHA1)
    assert Path(path).read_bytes() == CONTENT and len(server.log) == 2


def test_pauses_grow(server: Server, tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(download.DownloadError):
        download.download("http://127.0.0.1:1/x", tmp_path, retries=7)
    assert pauses == [0.5, 1, 2, 4, 8, 8]
    with pytest.raises(download.DownloadError, match="404 Not Found"):
        download.download(f"{server.url}/missing", tmp_path)
    assert len(server.log) == 1  # another try would not help


def test_download_keeps_a_right_file_and_replaces_a_wrong_one(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    download.download(f"{server.url}/file.bin", tmp_path, SHA1)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    (tmp_path / "missing").write_bytes(CONTENT)
    assert download.download(f"{server.url}/missing", tmp_path, SHA1)
    assert len(server.log) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "404 Not Found"),
        ("cut", "the connection ended after 1,000 of 256,000 bytes"),
        ("stalls", "timed out"),
    ],
)
def test_download_fails_and_says_where_the_file_belongs(
    server: Server, tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / name).write_bytes(b"old")
    url = f"{server.url}/{name}"
    if name == "cut":  # always, so that nothing is gained by going on
        Handler.do_GET, whole = _always_the_start, Handler.do_GET  # type: ignore[method-assign]
    try:
        with pytest.raises(download.DownloadError, match=reason) as caught:
            download.download(url, tmp_path, SHA1, timeout=0.3, retries=2)
    finally:
        if name == "cut":
            Handler.do_GET = whole  # type: ignore[method-assign]
    assert str(tmp_path / name) in str(caught.value) and f"SHA-1 {SHA1}" in str(caught.value)
    assert (tmp_path / name).read_bytes() == b"old"


def _always_the_start(handler: Handler) -> None:
    handler.close_connection = True
    handler._send(200, CONTENT, "", sent=1000)


def test_download_of_wrong_bytes_leaves_the_old_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    with pytest.raises(download.DownloadError, match=f"has SHA-1 {SHA1}, expected 0000"):
        download.download(f"{server.url}/file.bin", tmp_path, "0" * 40)
    with pytest.raises(download.DownloadError, match=f"has SHA-256 {SHA256}, expected 0000"):
        download.download(f"{server.url}/file.bin", tmp_path, sha256="0" * 64)
    assert (tmp_path / "file.bin").read_bytes() == b"old"
    assert only(tmp_path) == ["file.bin"]


FETCH = """
import resource, signal, sys
from d2l_shim import download
url, folder, sha1, limit = sys.argv[1:]
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    print(download.download(url, folder, sha1 or None))
except download.DownloadError as error:
    print("DownloadError:", error)
"""


def fetch(url: str, folder: Path, sha1: str = "", limit: str = "") -> subprocess.Popen[str]:
    """A program that downloads, whose files can have no more than `limit` bytes."""
    command = [sys.executable, "-c", FETCH, url, str(folder), sha1, limit]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_disk_without_room_leaves_the_old_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    program = fetch(f"{server.url}/file.bin", tmp_path, SHA1, limit="100000")
    said = program.communicate(timeout=60)[0]
    assert "DownloadError: cannot write" in said and "D2L_DATA_ROOT" in said
    assert (tmp_path / "file.bin").read_bytes() == b"old"
    assert only(tmp_path) == ["file.bin"]


def test_a_disk_that_is_too_small_is_noticed_before(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(download.DownloadError, match="256,000 bytes are to come, 1,000 are free"):
        download.download(f"{server.url}/file.bin", tmp_path)
    assert only(tmp_path) == []


def test_a_folder_that_cannot_be(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(download.DownloadError, match=r"cannot write .* D2L_DATA_ROOT"):
        download.download(f"{server.url}/file.bin", tmp_path / "file" / "below")
    assert only(tmp_path) == ["file"]


def test_two_programs_fetch_once(server: Server, tmp_path: Path) -> None:
    programs = [fetch(f"{server.url}/slow", tmp_path) for _ in range(3)]
    outputs = [program.communicate(timeout=60)[0] for program in programs]
    assert all(str(tmp_path / "slow") in output for output in outputs)
    assert len(server.log) == 1 and (tmp_path / "slow").read_bytes() == CONTENT


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(download.DATA_HUB, "x", ("http://127.0.0.1:1/x.zip", SHA1))
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path / "root"))
    with pytest.raises(download.DownloadError, match="Without a network, get the file elsewhere"):
        download.download("x", retries=1)


def test_download_refuses_what_is_not_an_address(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown data set 'pokmon' \(known: .*pokemon"):
        download.download("pokmon")
    with pytest.raises(ValueError, match="unknown data set 'file:"):
        download.download("file:///etc/passwd", tmp_path)
    with pytest.raises(ValueError, match="does not end in the name of a file"):
        download.download("http://127.0.0.1:1/..", tmp_path)
    with pytest.raises(ValueError, match="neither a SHA-1"):
        download.download("http://127.0.0.1:1/x", tmp_path, "123")


def test_the_bar_appears_only_where_one_waits(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download.download(f"{server.url}/file.bin", tmp_path)
    assert capsys.readouterr().err == ""


def test_hub_knows_the_sets_of_the_book() -> None:
    url, sha1 = download.DATA_HUB["pokemon"]
    assert url == download.DATA_URL + "pokemon.zip" and len(sha1) == 40
    assert sum(key.startswith("fashion-mnist-") for key in download.DATA_HUB) == 4


def test_download_extract(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as opened:
        opened.writestr("set/a.txt", "1")
        opened.writestr("other/b.txt", "2")
    digest = hashlib.sha1((tmp_path / "set.zip").read_bytes()).hexdigest()
    monkeypatch.setitem(download.DATA_HUB, "set", (f"{server.url}/set.zip", digest))
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path))
    assert archive.download_extract("set") == str(tmp_path / "set")
    assert archive.download_extract("set", "other") == str(tmp_path / "other")
    assert (tmp_path / "other" / "b.txt").read_bytes() == b"2"
