"""Download against a local server that misbehaves, and extraction of hostile archives."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from d2l_shim import data

CONTENT = bytes(range(256)) * 1000
SHA1 = hashlib.sha1(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """What happens depends on the path; `seen` counts the requests for each."""

    seen: dict[str, int]

    def do_GET(self) -> None:
        count = self.seen[self.path] = self.seen.get(self.path, 0) + 1
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        if self.path.startswith("/busy") and count == 1:
            self.send_error(503)
            return
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/file.bin")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path.startswith("/stalls"):
            self.server.stop.wait(10)  # type: ignore[attr-defined]
            return
        cut = self.path.startswith("/cut") or (self.path.startswith("/once") and count == 1)
        self.wfile.write(CONTENT[:1000] if cut else CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(data.time, "sleep", lambda seconds: None)
    handler = type("Handler", (Handler,), {"seen": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        httpd.stop = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.stop.set()  # type: ignore[attr-defined]
        httpd.shutdown()
        thread.join()


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_download(server: str, tmp_path: Path) -> None:
    path = data.download(f"{server}/file.bin", tmp_path, SHA1)
    assert path == str(tmp_path / "file.bin")
    assert Path(path).read_bytes() == CONTENT
    assert only(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("name", ["busy", "once", "moved"])
def test_download_tries_again_and_follows(server: str, tmp_path: Path, name: str) -> None:
    path = data.download(f"{server}/{name}?x=1", tmp_path, SHA1)
    assert Path(path).read_bytes() == CONTENT
    assert only(tmp_path) == [name]


def test_download_keeps_a_right_file_and_replaces_a_wrong_one(server: str, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    data.download(f"{server}/file.bin", tmp_path, SHA1)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    (tmp_path / "missing.bin").write_bytes(CONTENT)
    assert data.download(f"{server}/missing.bin", tmp_path, SHA1)  # no request


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "Not Found"), ("cut", "1000 bytes read|more expected"), ("stalls", "timed out")],
)
def test_download_fails_and_says_where_the_file_belongs(
    server: str, tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(data.DownloadError, match=reason) as caught:
        data.download(f"{server}/{name}", tmp_path, SHA1, timeout=0.3, retries=2)
    assert str(tmp_path / name) in str(caught.value) and SHA1 in str(caught.value)
    assert only(tmp_path) == []


def test_download_of_wrong_bytes_leaves_the_old_file(server: str, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    with pytest.raises(data.DownloadError, match=f"has SHA-1 {SHA1}, expected 0000"):
        data.download(f"{server}/file.bin", tmp_path, "0" * 40)
    assert (tmp_path / "file.bin").read_bytes() == b"old"
    assert only(tmp_path) == ["file.bin"]


def test_download_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(data.DATA_HUB, "x", ("http://127.0.0.1:1/x.zip", SHA1))
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path / "root"))
    with pytest.raises(data.DownloadError, match="Without a network, get the file elsewhere"):
        data.download("x", retries=1)


def test_download_refuses_what_is_not_an_address(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown data set 'pokmon' \(known: .*pokemon"):
        data.download("pokmon")
    with pytest.raises(ValueError, match="unknown data set 'file:"):
        data.download("file:///etc/passwd", tmp_path)
    with pytest.raises(ValueError, match="does not end in the name of a file"):
        data.download("http://127.0.0.1:1/..", tmp_path)


def test_hub_knows_pokemon() -> None:
    url, sha1 = data.DATA_HUB["pokemon"]
    assert url == data.DATA_URL + "pokemon.zip" and len(sha1) == 40


# --- Extraction --------------------------------------------------------------------


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, members: list[tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info in members:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def tar_info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 3 if kind == tarfile.REGTYPE else 0
    return info


def test_extract_zip(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a/": b"", "a/b/c.txt": b"1", "d.txt": b"2"})
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "stale").write_text("of an earlier version")
    assert data.extract(archive) == str(tmp_path)
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"1"
    assert only(tmp_path) == ["a", "a.zip", "d.txt"] and only(tmp_path / "a") == ["b"]


def test_extract_tar(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", [tar_info("a", tarfile.DIRTYPE), tar_info("a/b.txt")])
    data.extract(archive, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b.txt").read_bytes() == b"xxx"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil"])
def test_extract_refuses_paths_out_of_the_folder(tmp_path: Path, name: str) -> None:
    out = tmp_path / "in" / "out"
    for archive in (
        make_zip(tmp_path / "a.zip", {"good": b"1", name: b"2"}),
        make_tar(tmp_path / "a.tgz", [tar_info("good"), tar_info(name)]),
    ):
        with pytest.raises(data.ExtractError, match="leads out of the folder"):
            data.extract(archive, out)
        assert not out.exists()  # not even the good file was written
    assert only(tmp_path) == ["a.tgz", "a.zip"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_extract_refuses_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar", [tar_info("link", kind, "/etc/passwd")])
    with pytest.raises(data.ExtractError, match="'link' is a link or a device"):
        data.extract(archive, tmp_path / "out")


def test_extract_refuses_links_in_zip(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(data.ExtractError, match="is a link"):
        data.extract(tmp_path / "a.zip", tmp_path / "out")


def test_extract_refuses_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(10_000)})
    monkeypatch.setattr(data, "_MAX_BYTES", 9_999)
    with pytest.raises(data.ExtractError, match="larger than 9999 bytes"):
        data.extract(archive)
    # A size in the directory that is smaller than the data is noticed while unpacking.
    monkeypatch.setattr(data, "_MAX_BYTES", 1 << 20)
    original = data._members
    monkeypatch.setattr(
        data,
        "_members",
        lambda archive: ((name, 100, kind, opener) for name, _, kind, opener in original(archive)),
    )
    with pytest.raises(data.ExtractError, match="larger than it says"):
        data.extract(archive)
    assert only(tmp_path) == ["a.zip"]


def test_extract_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="neither a zip nor a tar"):
        data.extract(tmp_path / "a.zip")


def test_download_extract(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_zip(tmp_path / "set.zip", {"set/a.txt": b"1", "other/b.txt": b"2"})
    digest = hashlib.sha1(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(data.DATA_HUB, "set", (f"{server}/set.zip", digest))
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path))
    assert data.download_extract("set") == str(tmp_path / "set")
    assert data.download_extract("set", "other") == str(tmp_path / "other")
    assert (tmp_path / "other" / "b.txt").read_bytes() == b"2"


@pytest.mark.needs("torch")
def test_pokemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from d2l_shim import torch as d2l

    members = {}
    for i, alpha in enumerate((0, 255, 255, 255)):
        file = io.BytesIO()
        Image.new("RGBA", (96, 80), (200, 30 * i, 0, alpha)).save(file, "png")
        members[f"pokemon/kind{i}/{i}.png"] = file.getvalue()
    members["pokemon/readme.txt"] = b"not an image"
    archive = make_zip(tmp_path / "pokemon.zip", members)
    digest = hashlib.sha1(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(data.DATA_HUB, "pokemon", (data.DATA_HUB["pokemon"][0], digest))
    monkeypatch.setenv("D2L_DATA_ROOT", str(tmp_path))
    images = data.pokemon_images(64)
    assert images.shape == (4, 64, 64, 3) and images.dtype == np.uint8
    assert (images[0] == 255).all()  # transparent: the white below
    assert (images[2] == (200, 60, 0)).all()
    (X,) = next(iter(d2l.load_pokemon(2, size=32)))
    assert X.shape == (2, 3, 32, 32)
