"""A server that listens, and a client of it that knows nothing of the program."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import ssl
import threading
from urllib.parse import quote, urlencode

import lab
from serve_lab import PATIENCE, Server

# A SELECT that takes for ever, and stops when it is asked to.
SLOW = "SELECT count(*) AS c FROM range(10000000) a(x), range(1000000) b(y) WHERE x * y % 7 = 3"
PROJECT = lab.FILES["windrow.yaml"] + """vars: {days: {type: int, default: 3}}
schedules:
  nightly: {cron: "0 3 1 1 *", tags: [batch]}
  watched: {sensor: inbox}
sensors:
  inbox: {file: "inbox/*.csv"}
"""


class Answer:
    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.body[:2000]!r}"


class Client:
    """Asks one thing a connection. `token` and `cookie` are sent where they are set."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None):
        self.port, self.context, self.token, self.cookie = port, context, "", ""

    def connection(self, timeout: float = PATIENCE) -> http.client.HTTPConnection:
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def headers(self, method: str, more: dict[str, str]) -> dict[str, str]:
        out = {"X-Windrow": "1"} if method in ("POST", "DELETE") else {}
        if self.token:
            out["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            out["Cookie"] = self.cookie
        return out | more

    def ask(self, method: str, path: str, body=None, query: dict | None = None, **headers: str) -> Answer:
        """`path` below /api/v1 where it does not begin with two slashes; names of headers with _ for -."""
        target = path[1:] if path.startswith("//") else "/api/v1" + path
        if query:
            target += "?" + urlencode(query)
        sent = self.headers(method, {name.replace("_", "-"): value for name, value in headers.items()})
        if body is not None and not isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def get(self, path: str, query: dict | None = None, **headers: str) -> Answer:
        return self.ask("GET", path, None, query, **headers)

    def post(self, path: str, body=None, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)


class Listener:
    """Reads a stream of events until it is closed."""

    def __init__(self, client: Client, query: str = "", last_id: str = ""):
        self.connection = client.connection(timeout=600)
        headers = client.headers("GET", {"Last-Event-ID": last_id} if last_id else {})
        self.connection.request("GET", "/api/v1/events" + query, headers=headers)
        self.answer = self.connection.getresponse()
        self.events: list[dict] = []  # with `id`, `kind` and what the data says
        self.heard = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        fields: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := self.answer.readline():
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    with self.heard:
                        self.events.append(json.loads(fields["data"]) | {"id": fields.get("id"), "kind": fields.get("event")})
                        self.heard.notify_all()
                    fields = {}
                else:
                    fields = {}
        with self.heard:
            self.heard.notify_all()

    def wait(self, event: str, **fields) -> dict:
        def found():
            return next((e for e in self.events if e["event"] == event and all(e.get(k) == v for k, v in fields.items())), None)
        with self.heard:
            assert self.heard.wait_for(lambda: found() or not self.thread.is_alive(), PATIENCE), self.events
            assert found(), self.events
            return found()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.sock and self.connection.sock.close()
        self.answer.close()
        self.connection.close()


def project(folder: pathlib.Path, yaml: str = PROJECT, **more: str) -> pathlib.Path:
    lab.make_project(folder, lab.FILES | {"windrow.yaml": yaml} | more)
    (folder / "inbox").mkdir(exist_ok=True)
    lab.add_events(folder, "a.ndjson", range(20))
    return folder


@contextlib.contextmanager
def listening(*folders: pathlib.Path, words: tuple[str, ...] = (), address: str = "127.0.0.1:0", home: pathlib.Path | None = None,
              context: ssl.SSLContext | None = None):
    home = home or folders[0].parent / "home"
    with Server(*folders, words=("--listen", address, *words), environment={"WINDROW_HOME": str(home)}) as server:
        text = server.wait("listening")["text"]
        server.wait("serving")
        server.client = Client(int(re.search(r":(\d+)", text.split("//")[1])[1]), context)
        server.home = home
        yield server


def windrow_in(home: pathlib.Path, *words: str, typed: str = "", code: int = 0) -> str:
    import subprocess
    result = subprocess.run([lab.PROGRAM, *words, "--home", str(home)], input=typed, capture_output=True, text=True, env=os.environ)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


def name_in_path(name: str) -> str:
    return quote(name, safe="")
