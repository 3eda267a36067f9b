"""Hostile and damaged archives, unpacked into a folder that holds something."""

from __future__ import annotations

import dataclasses
import io
import shutil
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest

from d2l_shim import archive


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def make_tar(path: Path, members: list[tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        for info in members:
            opened.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def tar_info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 3 if kind == tarfile.REGTYPE else 0
    return info


def test_extract_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a/": b"", "a/b/c.txt": b"1", "d.txt": b"2"})
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "mine").write_text("stays")
    (tmp_path / "a" / "b" / "c.txt").write_text("of an earlier version")
    assert archive.extract(path) == str(tmp_path)
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"1"
    assert only(tmp_path) == ["a", "a.zip", "d.txt"] and only(tmp_path / "a") == ["b", "mine"]


def test_extract_tar(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar.gz", [tar_info("a", tarfile.DIRTYPE), tar_info("a/b.txt")])
    archive.extract(path, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b.txt").read_bytes() == b"xxx"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil"])
def test_extract_refuses_paths_out_of_the_folder(tmp_path: Path, name: str) -> None:
    out = tmp_path / "in" / "out"
    for path in (
        make_zip(tmp_path / "a.zip", {"good": b"1", name: b"2"}),
        make_tar(tmp_path / "a.tgz", [tar_info("good"), tar_info(name)]),
    ):
        with pytest.raises(archive.ExtractError, match="leads out of the folder"):
            archive.extract(path, out)
        assert not out.exists()  # not even the good file was written
    assert only(tmp_path) == ["a.tgz", "a.zip"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_extract_refuses_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    path = make_tar(tmp_path / "a.tar", [tar_info("link", kind, "/etc/passwd")])
    with pytest.raises(archive.ExtractError, match="'link' is a link or a device"):
        archive.extract(path, tmp_path / "out")


def test_extract_refuses_links_in_zip(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(archive.ExtractError, match="is a link"):
        archive.extract(tmp_path / "a.zip", tmp_path / "out")


def test_extract_refuses_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "a.zip", {"zeros": bytes(10_000)})
    monkeypatch.setattr(archive, "_MAX_BYTES", 9_999)
    with pytest.raises(archive.ExtractError, match="larger than 9,999 bytes"):
        archive.extract(path)
    # A size in the directory that is smaller than the data is noticed while unpacking.
    monkeypatch.setattr(archive, "_MAX_BYTES", 1 << 20)
    original = archive._members
    monkeypatch.setattr(
        archive,
        "_members",
        lambda opened: (dataclasses.replace(member, size=100) for member in original(opened)),
    )
    with pytest.raises(archive.ExtractError, match="larger than it says"):
        archive.extract(path)
    assert only(tmp_path) == ["a.zip"]


def test_extract_refuses_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a good one": b"1", "b/c.txt": b"2"})
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(archive.ExtractError, match=r"b is in the way of the archive's folder"):
        archive.extract(path)
    assert only(tmp_path) == ["a.zip", "b"] and (tmp_path / "b").read_bytes() == b"old"


def test_extract_refuses_a_name_that_is_a_file_and_a_folder(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"b": b"1", "b/c.txt": b"2"})
    with pytest.raises(archive.ExtractError, match="'b' is a file and a folder"):
        archive.extract(path)
    assert only(tmp_path) == ["a.zip"]


def test_extract_refuses_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"good": b"1", "a/b.txt": b"2"})
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").mkdir()
    with pytest.raises(archive.ExtractError, match=r"b.txt is in the way of the archive's file"):
        archive.extract(path)
    assert only(tmp_path) == ["a", "a.zip"]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_extract_of_a_damaged_archive_leaves_the_old_files(tmp_path: Path, kind: str) -> None:
    (tmp_path / "good").write_bytes(b"old")
    if kind == "zip":
        path = make_zip(tmp_path / "a.zip", {"good": b"new", "zeros": bytes(range(256)) * 40})
        content = bytearray(path.read_bytes())
        content[content.index(b"zeros") + 40] ^= 255  # in the compressed data
        path.write_bytes(content)
    else:
        path = make_tar(tmp_path / "a.tar.gz", [tar_info("good"), tar_info("b")])
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(archive.ExtractError, match=f"{path.name} is damaged"):
        archive.extract(path)
    assert (tmp_path / "good").read_bytes() == b"old"
    assert only(tmp_path) == [path.name, "good"]


def test_extract_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="neither a zip nor a tar"):
        archive.extract(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (["A.txt", "a.TXT"], "are one file on a disk that ignores case"),
        (["dir/a", "DIR/b"], "are one file on a disk that ignores case"),
        (["x" * 300], "is longer than a disk takes"),
        (["a/" + "ü" * 200 + "/b"], "is longer than a disk takes"),
    ],
)
def test_extract_refuses_names_that_not_every_disk_has(
    tmp_path: Path, members: list[str], reason: str
) -> None:
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(members, b"1"))
    with pytest.raises(archive.ExtractError, match=reason):
        archive.extract(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_extract_refuses_what_would_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_zip(tmp_path / "a.zip", {"zeros": bytes(80 << 20)})
    with pytest.raises(archive.ExtractError, match="83,886,080 bytes would come of"):
        archive.extract(path, tmp_path / "out")
    small = make_zip(tmp_path / "b.zip", {"zeros": bytes(1 << 20)})  # regular, and harmless
    archive.extract(small, tmp_path / "out")
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(archive.ExtractError, match="has 1,000 left"):
        archive.extract(small, tmp_path / "out")


def make_any(folder: Path, kind: str) -> Path:
    content = {"a.txt": b"text " * 400, "b/c.bin": bytes(range(256)) * 8}
    if kind == "zip":
        return make_zip(folder / "a.zip", content)
    with tarfile.open(folder / f"a.tar.{kind}", f"w:{kind}") as opened:  # type: ignore[call-overload]
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
    return folder / f"a.tar.{kind}"


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])
def test_a_mutated_archive_is_unpacked_or_refused_with_one_error(tmp_path: Path, kind: str) -> None:
    whole = make_any(tmp_path, kind).read_bytes()
    random = Random(kind)
    refused = 0
    for number in range(400):
        data = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        if random.random() < 0.3:
            del data[random.randrange(len(data)) :]
        path = tmp_path / f"m{number}.{kind}"
        path.write_bytes(data)
        try:
            archive.extract(path, tmp_path / "out")
        except archive.ExtractError:
            refused += 1
        except ValueError as error:
            assert "neither a zip nor a tar" in str(error)
            refused += 1
    assert refused > 40
