"""Benchmarks of sources: files beside DuckDB's own speed, REST beside the ideal time of its rate limit."""
import http.server
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

EVENTS = """SELECT i AS id, 'user_' || (hash(i) % 100000) AS "user", 'Title of page ' || (hash(i * 7) % 500000) AS title,
  (hash(i * 3) % 20000)::INT - 10000 AS bytes_changed, i % 7 = 0 AS bot, ['en', 'de', 'fr', 'ja'][1 + i % 4] || '.wikipedia.org' AS server_name,
  'edit summary number ' || i || ' with a few more words to make it as long as such lines are, and longer still: ' || md5(i::text) AS comment,
  i * 1.5 AS score, {'old': i % 1000, 'new': i % 1003} AS length, md5((i * 2)::text) AS token, strftime(TIMESTAMP '2025-01-01' + to_seconds(i), '%Y-%m-%d %H:%M:%S') AS at
  FROM range(ROWS) t(i)"""

# DuckDB's own way from the file to Parquet as tables have it; its process is started before the clock.
BY_HAND = """import duckdb, sys, time
c = duckdb.connect()
c.execute("SET enable_progress_bar = false")
began = time.perf_counter()
c.execute(f"COPY (SELECT * FROM {sys.argv[1]}) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
print(time.perf_counter() - began)
"""


def bench_files(arguments, work: pathlib.Path, program: str, put) -> list[tuple]:
    import deltalake
    import duckdb

    out = []
    for kind in ("csv", "ndjson"):
        data = work / f"source-{arguments.rows}.{kind}"
        if not data.exists():
            work.mkdir(parents=True, exist_ok=True)
            columns = "* EXCLUDE (length)" if kind == "csv" else "*"
            duckdb.sql(f"COPY (SELECT {columns} FROM ({EVENTS.replace('ROWS', str(arguments.rows))})) TO '{data}' (FORMAT {'csv' if kind == 'csv' else 'json'})")
        folder = put(work / f"files-{kind}", {"windrow.yaml": "project: files\nlayers: {bronze: {}}\n",
                                              "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"{data}\"}}\n"})
        reader = f"read_csv('{data}')" if kind == "csv" else f"read_json('{data}')"
        ours, theirs = [], []
        for i in range(6):
            shutil.rmtree(folder / "lake", ignore_errors=True)
            began = time.perf_counter()
            subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            taken = time.perf_counter() - began
            hand = float(subprocess.run([sys.executable, "-c", BY_HAND, reader, str(work / "hand.parquet")], check=True, capture_output=True, text=True).stdout)
            if i:
                ours.append(taken)
                theirs.append(hand)
        assert len(deltalake.DeltaTable(str(folder / "lake/bronze/t")).to_pyarrow_table(columns=["id"])) == arguments.rows
        windrow, duck = statistics.median(ours), statistics.median(theirs)
        out += [(f"files, {arguments.rows:,} rows of {kind} ({data.stat().st_size / 1e6:.0f} MB): windrow run", windrow, f"{duck / windrow:.2f} of DuckDB's speed"),
                (f"files, {arguments.rows:,} rows of {kind}: DuckDB's COPY alone", duck, "")]
    return out


class Films(http.server.BaseHTTPRequestHandler):
    """Lists of films, five pages, and two pages of reviews of each film of the first ones."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    asked: list[float] = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        Films.asked.append(time.monotonic())
        time.sleep(0.1)  # as far away as servers are
        page = int(self.path.partition("page=")[2].partition("&")[0] or 1)
        if "reviews" in self.path:
            body = {"page": page, "total_pages": 2, "results": [{"id": f"{self.path}{k}", "text": "x" * 500} for k in range(20)]}
        else:
            body = {"page": page, "total_pages": 5, "total_results": 50, "results": [{"id": page * 100 + k} for k in range(10)]}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def bench_rest(_, work: pathlib.Path, program: str, put) -> list[tuple]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Films)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    out = []
    for rate, every in ((4.0, "5s"), (40.0, "1s")):
        folder = put(work / "rest", {
            "windrow.yaml": f"project: rest\nconnections: {{films: {{type: rest, url: \"http://127.0.0.1:{server.server_address[1]}\", rate_limit: {rate}, parallel: 8}}}}\nlayers: {{bronze: {{}}}}\n",
            "sources/films.yaml": f"source: bronze.films\nfrom:\n  rest: films\n  resources:\n    films: {{path: /films, primary_key: id}}\n    reviews: {{path: \"/films/{{films.id}}/reviews\", primary_key: id}}\nflush: {{every: {every}}}\n"})
        taken = []
        for _ in range(1 if rate < 10 else 3):
            shutil.rmtree(folder / "lake", ignore_errors=True)
            Films.asked.clear()
            began = time.perf_counter()
            subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            taken.append(time.perf_counter() - began)
        requests = len(Films.asked)
        assert requests == 105, requests
        ideal = (requests - 1) / rate
        commits = len(list((folder / "lake/bronze/films/_delta_log").glob("*.json")))
        out.append((f"rest, {requests} requests at {rate:g} a second, {commits} commits", statistics.median(taken),
                    f"{statistics.median(taken) / ideal - 1:+.1%} of the ideal {ideal:.2f} s"))
    server.shutdown()
    return out
