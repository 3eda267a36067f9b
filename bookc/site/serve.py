"""A web server for authors: when a chapter is saved, the open page shows the change."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from errno import EADDRINUSE
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from watchfiles import Change, watch

import bookc
from bookc.config import Config, read_config
from bookc.files import site_folder
from bookc.problems import BookError, Problem
from bookc.site.live import LiveSite
from bookc.site.render import MISSING
from bookc.site.theme import THEME

SCRIPT = "/_bookc/live.js"  # added to each page that is served, never to one that is written
EVENTS = "/_bookc/events"
TAG = f'<script src="{SCRIPT}" data-heard="{{}}" defer></script>\n</body>'
HEARTBEAT = 10  # seconds after which a page that was closed is noticed
PAUSE = 1000  # milliseconds without a change after which the rest is done

Tell = Callable[[str], None]


class Channel:
    """What the open pages are told, in order; a page hears all that was sent since it was read."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, object]] = []
        self._changed = threading.Condition()

    def send(self, kind: str, content: object) -> None:
        with self._changed:
            self._messages.append((kind, content))
            self._changed.notify_all()

    @property
    def sent(self) -> int:
        """How many messages there were so far."""
        return len(self._messages)

    def listen(self, heard: int) -> Iterator[list[tuple[str, object]]]:
        """The new messages whenever there are some, and nothing when there were none for long.

        Args:
            heard: how many messages are old.
        """
        while True:
            with self._changed:
                if len(self._messages) <= heard:
                    self._changed.wait(HEARTBEAT)
                new = self._messages[heard:]
            heard += len(new)
            yield new


class Server(ThreadingHTTPServer):
    """The site's folder at an address of this machine.

    Args:
        port: 0 for any that is free.

    Raises:
        BookError: the port is taken.
    """

    daemon_threads = True
    request_queue_size = 128  # a browser opens many connections at once

    def __init__(self, folder: Path, channel: Channel, port: int) -> None:
        self.folder, self.channel = folder, channel
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            reason = "is taken by another program" if error.errno == EADDRINUSE else error.strerror
            message = f"port {port} {reason}: choose another, or 0 for any that is free"
            raise BookError([Problem("--port", 0, message)]) from None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def names(self) -> set[str]:
        """What a browser of this machine calls the server.

        Any other name is a page of somebody else, who had it lead here to read what is served.
        """
        port = self.server_port
        return {f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")}

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a browser that goes away while it is answered is no news to an author."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=str(arguments[2].folder))  # type: ignore[arg-type, attr-defined]

    def do_HEAD(self) -> None:
        self._answer(super().do_HEAD)

    def do_GET(self) -> None:
        self._answer(self._get)

    def _answer(self, answer: Callable[[], None]) -> None:
        """Answer a request, if it is one for this server and for a file that there can be."""
        try:
            urlsplit(self.path)
            file = Path(self.translate_path(self.path))
            found = file.is_file() or (file / "index.html").is_file()
        except (ValueError, OSError):  # `http://[`, NUL, a name that is too long
            self.send_error(400)
            return
        if self.headers.get("Host", "") not in self.server.names:
            self.send_error(421, "This server has another name")
        elif self.command == "HEAD" and not found:  # folders are not listed
            self.send_error(404)
        else:
            answer()

    def _get(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == EVENTS:
            heard = query.get("heard", [""])[0]
            said = re.fullmatch("[0-9]{1,9}", heard)
            self._send_events(int(heard) if said else self.server.channel.sent)
        elif path == SCRIPT:
            self._send(200, "text/javascript", (THEME / "live.js").read_bytes())
        elif (file := self._page(path)) is not None:
            self._send(200, "text/html", self._with_script(file))
        elif not Path(self.translate_path(path)).is_file() and not self._folder(path):
            missing = self.server.folder / f"{MISSING}.html"
            self._send(404, "text/html", self._with_script(missing))
        else:
            super().do_GET()

    def _page(self, path: str) -> Path | None:
        file = Path(self.translate_path(path))
        if path.endswith("/"):
            file /= "index.html"
        return file if file.suffix == ".html" and file.is_file() else None

    def _folder(self, path: str) -> bool:
        """Whether a path leads to a folder with a page of its own, whose address ends in `/`."""
        return (Path(self.translate_path(path)) / "index.html").is_file()

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _with_script(self, page: Path) -> bytes:
        tag = TAG.format(self.server.channel.sent)  # before the page is read: none is missed
        return page.read_bytes().replace(b"</body>", tag.encode(), 1)

    def _send_events(self, heard: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self.wfile.write(b"retry: 500\n\n")
            for messages in self.server.channel.listen(heard):
                events = [f"event: {kind}\ndata: {json.dumps(about)}" for kind, about in messages]
                for event in events or [": nothing new"]:
                    self.wfile.write(f"{event}\n\n".encode())
        except OSError:
            pass  # the page was closed

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is asked for is no news to an author."""


class Rest:
    """What is left to do once the edited pages are shown: search, downloads, a look at all.

    A process of its own does it, which the next change stops, so that no change waits for it.
    """

    def __init__(self, root: Path) -> None:
        book = str(root.absolute())
        self._command = [sys.executable, "-m", "bookc", "build", "html", "--book", book]
        self._process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            # -m looks for modules where it is started first: not in the folder of a book.
            cwd=Path(bookc.__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def problems(self) -> list[str]:
        """What was found wrong, when it is done, once."""
        if self._process is None or self._process.poll() is None:
            return []
        _, found = self._process.communicate()
        failed, self._process = self._process.returncode != 0, None
        return found.splitlines() if failed else []


def serve(root: Path, port: int, tell: Tell, complain: Tell) -> None:
    """Write and serve a book's site, and write it again whenever something of the book is saved.

    Args:
        tell: is called with a line for each thing done.
        complain: is called with each line about what is wrong; the pages stay as they were.

    Raises:
        BookError: config.ini cannot be read, or there has been no site yet and the book is wrong.
        KeyboardInterrupt: Ctrl-C; there is no other end.
    """
    config = read_config(root)
    site, channel, rest = LiveSite(root), Channel(), Rest(root)
    told: list[str] = []  # what is wrong, as far as it was said
    warned: list[str] = []
    try:
        site.write()
    except BookError as error:
        if not site_folder(config).exists():
            raise
        told = _lines(error.problems)
        for line in told:
            complain(line)
    with Server(site_folder(config), channel, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tell(f"{server.address} (Ctrl-C stops it)")
        looked = waiting = False
        try:
            for changes in _changes(config):
                if changes or not looked:  # the first time: what was saved before the watch began
                    rest.stop()
                    problems, pages = _write(config, site, changes)
                    looked, waiting = True, not problems
                else:
                    problems, pages = rest.problems(), []
                    if waiting:
                        rest.begin()
                    waiting = False
                    if not problems:
                        continue
                if problems:
                    channel.send("problems", problems)
                    for line in problems if problems != told else ():
                        complain(line)
                elif pages != [] or told:
                    channel.send("changed", pages)
                    tell(f"written: {', '.join(pages) if pages else 'the book'}")
                told = problems
                warnings = _lines(site.warnings)
                for line in warnings if warnings != warned else ():
                    complain(line)
                warned = warnings
        finally:
            rest.stop()


def _changes(config: Config) -> Iterator[set[tuple[Change, str]]]:
    """What was saved, for ever; nothing whenever the author pauses."""
    places = {config.source_dir, config.root / config.file, config.record_dir, config.library}
    found = [place for place in places if place is not None and place.exists()]
    return watch(
        *found,
        watch_filter=lambda _, name: _matters(config, name),
        debounce=50,
        step=20,
        rust_timeout=PAUSE,
        yield_on_timeout=True,
        raise_interrupt=True,
    )


def _write(
    config: Config, site: LiveSite, changes: set[tuple[Change, str]]
) -> tuple[list[str], list[str] | None]:
    """Write what changed.

    Returns:
        What is wrong, and the pages that were written; None for all of them.
    """
    source = config.source_dir.resolve()
    only_text = all(
        name.endswith(".md") and Path(name).is_relative_to(source) for _, name in changes
    )
    try:
        pages = site.write_edited() if only_text else None
        if pages is None:
            site.write()
    except BookError as error:
        return _lines(error.problems), None
    return [], pages


def _lines(problems: Iterable[Problem]) -> list[str]:
    ordered = sorted(problems, key=lambda one: (one.path, one.line, one.column))
    return [str(problem) for problem in ordered]


def _matters(config: Config, name: str) -> bool:
    """Whether a file is the book's own: neither written by bookc nor an editor's."""
    parts = Path(os.path.relpath(name, config.root)).parts
    hidden = any(part.startswith((".", "_build", "__pycache__")) for part in parts if part != "..")
    output = config.output_dir.resolve() in Path(name).resolve().parents
    return not hidden and not output and not name.endswith("~")
