"""`bookc serve` answers a browser of this machine, about the site, and nobody else."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookc.__main__ import main
from bookc.problems import BookError
from bookc.site.serve import Channel, Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    site = tmp_path / "html"
    (site / "part").mkdir(parents=True)
    (site / "listed").mkdir()
    (site / "listed" / "a.txt").write_text("a")
    for name in ("index.html", "404.html", "part/index.html"):
        (site / name).write_text(f"<body>{name}</body>")
    (tmp_path / "secret.txt").write_text("SECRET")
    with Server(site, Channel(), 0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()


def ask(server: Server, target: str, host: str = "", method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, target, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


NAMES = ("evil.example", "127.0.0.1", "localhost", "127.0.0.1:1", "x:{port}", "x.{port}", " ")


@pytest.mark.parametrize("host", NAMES)
def test_no_other_name_is_answered(server: Server, host: str) -> None:
    status, text = ask(server, "/", host.format(port=server.server_port))
    assert status == 421 and b"index" not in text


def test_its_own_names_are(server: Server) -> None:
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert ask(server, "/", f"{name}:{server.server_port}")[0] == 200


ODD = [
    ("/" + "a" * 300, (400, 404)), ("http://[", (400,)), ("/%00", (400, 404)), ("//", (200, 404)),
    ("/_bookc/events?heard=\u00b2".encode().decode("latin-1"), (200,)), ("/\udcff", (400, 404)),
    ("/listed/", (404,)), ("/listed", (404,)), ("/part", (301,)), ("/part/", (200,)), ("*", (404,)),
    ("/../secret.txt", (404,)), ("/%2e%2e/secret.txt", (404,)), ("/..%2fsecret.txt", (404,)),
    ("/part/..%5c..%5csecret.txt", (404,)), ("/%2e%2e%2f%2e%2e%2fetc/passwd", (404,)),
    ("http://127.0.0.1/", (200, 404)), ("/?" + "q=1&" * 3000, (200, 400, 414)), ("/;x", (404,)),
]  # fmt: skip


@pytest.mark.parametrize(("target", "allowed"), ODD)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_odd_requests_are_answered_without_a_word_to_the_author(
    server: Server,
    capfd: pytest.CaptureFixture[str],
    target: str,
    allowed: tuple[int, ...],
    method: str,
) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as raw:
        line = f"{method} {target} HTTP/1.0\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n"
        raw.sendall(line.encode("utf-8", "surrogateescape"))
        answer = raw.recv(4000)
    status = int(answer.split()[1])
    assert status in allowed or (method == "HEAD" and status == 404)
    assert b"SECRET" not in answer and b"a.txt" not in answer and b"root:" not in answer
    assert capfd.readouterr() == ("", "")


def test_who_hangs_up_is_no_news(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.server_port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1")
    assert ask(server, "/")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_many_connections_at_once(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", server.server_port)
        for _ in range(100):
            stack.enter_context(socket.create_connection(address, timeout=0.9))
        assert ask(server, "/")[0] == 200


@pytest.mark.parametrize("port", ["99999", "-1", "65536", "x"])
def test_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", port])
    assert ended.value.code == 2
    assert "argument --port" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(server: Server) -> None:
    with pytest.raises(BookError, match=f"port {server.server_port} is taken by another program"):
        Server(server.folder, Channel(), server.server_port)
