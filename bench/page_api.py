"""Serves a built page, with an API that answers from memory: a project of any number of assets and runs, so that what is
measured is the page. The same seed gives the same project."""
import gzip
import json
import pathlib
import random
import re
import secrets
import threading
import urllib.parse
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POLICY = ("default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{}'; img-src 'self' data:; object-src 'none'; "
          "base-uri 'none'; frame-ancestors 'none'")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".woff2": "font/woff2"}
WORDS = "orders customers payments sessions events products stock returns visits prices carts users pages clicks".split()
LAYERS = [("bronze", "source", 0.25), ("silver", "merge", 0.35), ("gold", "table", 0.4)]


def iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


class World:
    """A project: its graph, and `runs` runs, of which each has about half of the assets, up to `tasks_max`."""

    def __init__(self, assets: int, runs: int, tasks_max: int = 500, seed: int = 1):
        self.random = random.Random(seed)
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.assets = self._assets(assets)
        self.edges = self._edges()
        self.runs, self.tasks = [], {}
        for i in range(runs):
            self._run(i, min(assets, tasks_max))

    def _assets(self, count: int) -> list[dict]:
        out = []
        for layer, kind, share in LAYERS:
            for i in range(round(count * share)):
                name = f"{layer}.{WORDS[i % len(WORDS)]}" + (f"_{i // len(WORDS)}" if i >= len(WORDS) else "")
                out.append({"asset": name, "kind": kind, "layer": layer, "file": f"models/{layer}/{i % 40}/{name}.sql",
                            "tags": ["daily"] if i % 3 else ["hourly"], "owner": f"team-{i % 9}", "level": 0,
                            "description": f"{name.split('.')[1].replace('_', ' ').capitalize()}, cleaned and counted.",
                            "version": i % 50, "rows": self.random.randrange(1_000_000), "files": 1 + i % 7,
                            "bytes": self.random.randrange(100_000_000),
                            "updated": iso(self.now - timedelta(minutes=self.random.randrange(3000)))})
        return out[:count]

    def _edges(self) -> list[dict]:
        edges, first = [], len([a for a in self.assets if a["layer"] == "bronze"])
        for i in range(max(1, first), len(self.assets)):
            for parent in {int(i * self.random.random() ** 0.6) for _ in range(1 + (self.random.random() < 0.8))}:
                edges.append({"from": self.assets[parent]["asset"], "to": self.assets[i]["asset"]})
                self.assets[i]["level"] = max(self.assets[i]["level"], self.assets[parent]["level"] + 1)
        return edges

    def _run(self, i: int, tasks_max: int) -> None:
        run, start = f"01a2{i:04x}-{self.random.randrange(16**4):04x}", self.now - timedelta(minutes=55 * i + 4)
        tasks, at = [], start
        for asset in self.assets[:tasks_max]:
            took = timedelta(seconds=self.random.expovariate(1))
            failed = self.random.random() < 0.002
            tasks.append({"run": run, "asset": asset["asset"], "kind": asset["kind"], "attempts": 1 + failed, "rows": asset["rows"],
                          "status": "failed" if failed else "done", "started": iso(at), "ended": iso(at + took),
                          "reasons": [f"input changed: {asset['version']} → {asset['version'] + 1}"]})
            if failed:
                tasks[-1]["problem"] = {"code": "unavailable", "message": "connection \"serving\" does not answer"}
            at += took / 4
        failed = sum(t["status"] == "failed" for t in tasks)
        self.tasks[run] = tasks
        self.runs.append({"run": run, "status": "failed" if failed else "done", "environment": "prod", "command": "run",
                          "version": "0.1.0", "started": iso(start), "ended": iso(at), "tasks": len(tasks), "failed": failed,
                          "schedule": f"shop/{'hourly' if i % 6 else 'daily'}"})

    def answer(self, path: str, query: dict[str, str]):
        """Of a GET below /api/v1."""
        if path == "":
            return {"windrow": "0.1.0", "duckdb": "1.5.5", "login": "open", "role": "admin"}
        if path == "projects":
            return [{"project": "shop", "folder": "/srv/shop", "environment": "prod", "timezone": "Europe/Berlin"}]
        rest = re.sub(r"^projects/shop/?", "", path).split("/")
        limit = int(query.get("limit", 20))
        match [urllib.parse.unquote(part) for part in rest]:
            case ["assets"]:
                return self.assets
            case ["assets", name]:
                asset = next(a for a in self.assets if a["asset"] == name)
                return asset | {"columns": [{"name": "id", "type": "BIGINT"}, {"name": "day", "type": "DATE"}], "sql": "SELECT 1",
                                "upstream": [e["from"] for e in self.edges if e["to"] == name],
                                "downstream": [e["to"] for e in self.edges if e["from"] == name], "runs": []}
            case ["graph"]:
                return {"nodes": self.assets, "edges": self.edges}
            case ["runs"]:
                wanted = query.get("status", "").split(",")
                return [r for r in self.runs if wanted == [""] or r["status"] in wanted][:limit]
            case ["runs", run]:
                return next(r for r in self.runs if r["run"] == run) | {"tasks": self.tasks[run], "checks": []}
            case ["tasks"]:
                return [t for r in self.runs[:limit] for t in self.tasks[r["run"]]]
            case ["plan"]:
                return {"steps": [], "up_to_date": len(self.assets), "notices": []}
            case ["schedules"]:
                return {"schedules": [], "problems": []}
            case ["due"]:
                return {"from": iso(self.now), "due": []}
            case ["sensors"]:
                return {"sensors": [], "problems": []}
            case ["quality" | "fires" | "backfills"]:
                return []
        return None


def serve(dist: pathlib.Path, world: World) -> tuple[str, ThreadingHTTPServer]:
    """On a free port of this machine; the address, and what to shut down."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def send(self, status: int, kind: str, data: bytes, **headers: str):
            self.send_response(status)
            if len(data) > 500 and kind != "font/woff2":
                data = gzip.compress(data, 5)
                self.send_header("Content-Encoding", "gzip")
            for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):  # noqa: N802
            url = urllib.parse.urlsplit(self.path)
            if url.path == "/api/v1/events":
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(b": \n\n")
                self.wfile.flush()
                stopping.wait()
            elif url.path.startswith("/api/v1"):
                found = world.answer(url.path[8:].strip("/"), dict(urllib.parse.parse_qsl(url.query)))
                if found is None:
                    self.send(404, "application/problem+json", b'{"status": 404, "code": "not found", "message": "there is no such thing"}')
                else:
                    self.send(200, "application/json", json.dumps(found).encode())
            else:
                file = dist / url.path.lstrip("/")
                if not file.is_file():
                    file = dist / "index.html"
                nonce = secrets.token_urlsafe(16)
                data = file.read_bytes().replace(b"__NONCE__", nonce.encode()) if file.name == "index.html" else file.read_bytes()
                self.send(200, TYPES[file.suffix], data, Content_Security_Policy=POLICY.format(nonce))

    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}", server
