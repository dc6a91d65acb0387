"""Server-sent events, in the shape of the public Wikimedia stream: every event once, whatever is cut or killed."""
import http.server
import json
import os
import pathlib
import random
import threading
import time

import pytest

import lab

DATA = pathlib.Path(os.environ.get("WINDROW_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared/data")


class Stream:
    """Events 0 … n-1; goes on behind Last-Event-ID; cuts connections and refuses some, as it is told to."""

    def __init__(self, events: list, cut: float = 0, refuse: float = 0, per_second: float = 0, seed: int = 1):
        self.events, self.cut, self.refuse, self.per_second = events, cut, refuse, per_second
        self.random, self.asked, self.more = random.Random(seed), [], True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                try:
                    outer.give(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.close_connection = True

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.http = Threads(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.more = False
        self.http.shutdown()
        self.http.server_close()

    def give(self, request) -> None:
        last = request.headers.get("Last-Event-ID")
        self.asked.append((request.path, last))
        if self.random.random() < self.refuse:
            request.send_response(self.random.choice([503, 429]))
            request.send_header("Retry-After", "0.05")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream; charset=utf-8")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b":ok\n\nretry: 20\n\n")
        at = json.loads(last)[0]["offset"] + 1 if last else 0
        while self.more:
            while at >= len(self.events) and self.more:
                request.wfile.write(b": still here\n\n")
                request.wfile.flush()
                time.sleep(0.05)
            if not self.more:
                return
            name = json.dumps([{"topic": "eqiad.mediawiki.recentchange", "partition": 0, "offset": at}])
            kind = "canary" if at % 10 == 9 else "message"
            text = f"event: {kind}\r\nid: {name}\r\ndata: {json.dumps(self.events[at], ensure_ascii=False)}\r\n\r\n".encode()
            if self.random.random() < self.cut:
                request.wfile.write(text[: self.random.randrange(len(text) - 2)])
                return
            request.wfile.write(text)
            if self.per_second:
                time.sleep(1 / self.per_second)
            at += 1


def project(folder, url: str, more: str = "", keys: str = ""):
    return lab.make_project(folder, {
        "windrow.yaml": f"""project: stream
connections: {{wiki: {{type: rest, url: "{url}", headers: {{User-Agent: tests}}, retries: {{times: 30, delay: 5ms, max: 50ms}}}}}}
environments: {{dev: {{lake: lake, engine: {{type: duckdb, memory: 512MB}}}}}}
layers: {{bronze: {{append_only: true}}}}
""",
        "sources/changes.yaml": f"source: bronze.changes\nfrom: {{sse: wiki, path: /v2/stream/recentchange, idle: 400ms{more}}}\n{keys}",
    })


def rows(folder) -> list[dict]:
    return lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.changes"))).to_pyarrow_table().to_pylist()


def events(n: int) -> list[dict]:
    return [{"n": i, "title": f"Ä “{i}”", "user": None if i % 3 else "x"} for i in range(n)]


def numbers(folder) -> list[int]:
    return sorted(json.loads(row["raw"])["n"] for row in rows(folder))


def test_goes_on_behind_the_last_commit(tmp_path):
    with Stream(events(30)) as stream:
        folder = project(tmp_path / "p", stream.url, keys="columns: {n: bigint, title: varchar}\n")
        lab.windrow(folder, "run")
        assert numbers(folder) == list(range(30)) and {row["event"] for row in rows(folder)} == {"message", "canary"}
        assert stream.asked[0] == ("/v2/stream/recentchange", None)
        stream.events += [{"n": i, "title": "t"} for i in range(30, 40)]
        lab.windrow(folder, "run")
        assert json.loads(stream.asked[-1][1])[0]["offset"] == 29
        assert numbers(folder) == list(range(40))
        first = min(rows(folder), key=lambda row: row["n"])
        assert first["raw"] == json.dumps(events(1)[0], ensure_ascii=False) and first["title"] == "Ä “0”"
        assert list(lab.table_path(folder, "bronze.changes").glob("extracted_date=*/extracted_hour=*/*.parquet"))
        lab.windrow(folder, "run")  # nothing new is no failure
        assert numbers(folder) == list(range(40))


def test_only_some_types(tmp_path):
    with Stream(events(30)) as stream:
        folder = project(tmp_path / "p", stream.url, ", events: message")
        lab.windrow(folder, "run")
        assert numbers(folder) == [i for i in range(30) if i % 10 != 9]


def test_cut_and_refused_connections(tmp_path):
    with Stream(events(400), cut=0.05, refuse=0.3) as stream:
        folder = project(tmp_path / "p", stream.url, keys="flush: {rows: 37}\n")
        lab.windrow(folder, "run")
        assert numbers(folder) == list(range(400)) and len(stream.asked) > 10


def test_killed_at_many_points(tmp_path):
    rng = random.Random(5)
    kills = int(os.environ.get("WINDROW_KILLS", 15))
    with Stream(events(4000), cut=0.002, per_second=1500) as stream:
        folder = project(tmp_path / "p", stream.url, keys="flush: {rows: 150, every: 100ms}\n")
        killed = 0
        while killed < kills:
            process = lab.start(folder, "run")
            time.sleep(rng.uniform(0.05, 0.4))
            process.kill()
            process.wait()
            killed += 1
        stream.per_second = 0
        lab.windrow(folder, "run")
        assert numbers(folder) == list(range(4000))


def test_a_server_that_refuses(tmp_path):
    with Stream(events(3)) as stream:
        folder = project(tmp_path / "p", stream.url)
        text = (folder / "sources/changes.yaml").read_text()
        stream.give = lambda request: request.send_error(403)
        failed = lab.windrow(folder, "run", check=False)
        assert failed.returncode == 1 and "answers 403" in failed.stdout + failed.stderr and text


@pytest.mark.skipif(not (DATA / "wikipedia").exists(), reason="needs the events of the data folder (WINDROW_DATA)")
def test_real_events(tmp_path):
    lines = (DATA / "wikipedia/wikimedia-recentchange-v2.ndjson").read_text().splitlines()
    with Stream([json.loads(line) for line in lines], cut=0.05) as stream:
        folder = project(tmp_path / "p", stream.url, keys="""columns:
  wiki: varchar
  timestamp: bigint
  log_params: json
  length: json
""")
        lab.windrow(folder, "run")
        got = rows(folder)
        assert len(got) == len(lines)
        assert sorted(row["wiki"] for row in got) == sorted(json.loads(line)["wiki"] for line in lines)
        assert sorted(row["timestamp"] for row in got) == sorted(json.loads(line)["timestamp"] for line in lines)
