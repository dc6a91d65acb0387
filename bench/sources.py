"""Benchmarks of sources: files beside DuckDB's own speed, REST beside the ideal time of its rate limit."""
import http.server
import json
import pathlib
import resource
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


def cpu_of(words: list[str]) -> float:
    """User and system time of one process: what others do on the same cores hardly counts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def bench_broken(arguments, work: pathlib.Path, program: str, put) -> list[tuple]:
    """JSON lines of which one in a thousand is broken, by its text or by a value that does not fit, beside the same without."""
    import deltalake
    import duckdb

    clean = work / f"clean-{arguments.rows}.ndjson"
    if not clean.exists():
        work.mkdir(parents=True, exist_ok=True)
        duckdb.sql(f"COPY ({EVENTS.replace('ROWS', str(arguments.rows))}) TO '{clean}' (FORMAT json)")
    breaks = {"clean": lambda line: line, "broken text": lambda line: line[:-2] + "\n", "broken values": lambda line: line.replace('"id":', '"id":"x', 1).replace(",", '",', 1)}
    taken: dict[str, list[float]] = {kind: [] for kind in breaks}
    folders = {}
    for kind, spoil in breaks.items():
        data = work / f"{kind.replace(' ', '-')}-{arguments.rows}.ndjson"
        with open(clean) as lines:
            text = [spoil(line) if i % 1000 == 500 else line for i, line in enumerate(lines)]
        if kind != "clean":
            data.write_text("".join(text))
        folders[kind] = put(work / f"files-{kind.replace(' ', '-')}", {
            "windrow.yaml": "project: files\nlayers: {bronze: {}}\n",
            "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"{data}\"}}\ncolumns: {{id: bigint}}\n"})
    for _ in range(5):
        for kind, folder in folders.items():
            shutil.rmtree(folder / "lake", ignore_errors=True)
            taken[kind].append(cpu_of([program, "-C", str(folder), "run", "-q"]))
    out = []
    for kind, folder in folders.items():
        rows = len(deltalake.DeltaTable(str(folder / "lake/bronze/t")).to_pyarrow_table(columns=["id"]))
        assert rows == arguments.rows - (kind != "clean") * arguments.rows // 1000, (kind, rows)
        cpu, whole = statistics.median(taken[kind]), statistics.median(taken["clean"])
        out.append((f"files, {arguments.rows:,} rows of ndjson, {kind}: CPU time of windrow run", cpu, f"{whole / cpu:.2f} of the clean speed"))
    return out


def bench_small(arguments, work: pathlib.Path, program: str, put) -> list[tuple]:
    """The same rows of CSV in one file and in a thousand, with declared types and without, and with one record in a thousand broken."""
    import deltalake
    import duckdb

    files, rows = 1000, arguments.rows
    base = work / f"small-{rows}"
    kinds = {"one file": "one", "1,000 files": "many", "1,000 files, 0.1 % broken": "broken"}
    if not base.exists():
        for kind in kinds.values():
            (base / kind).mkdir(parents=True)
        duckdb.sql(f"COPY (SELECT id, \"user\", bytes_changed, score, \"at\" FROM ({EVENTS.replace('ROWS', str(rows))})) TO '{base}/one/all.csv' (FORMAT csv)")
        header, *lines = (base / "one/all.csv").read_text().splitlines(keepends=True)
        spoiled = [("x" + line if i % 2000 == 500 else '"' + line) if i % 1000 == 500 else line for i, line in enumerate(lines)]
        for i in range(files):
            part = slice(i * rows // files, (i + 1) * rows // files)
            (base / f"many/day_{i:04}.csv").write_text(header + "".join(lines[part]))
            (base / f"broken/day_{i:04}.csv").write_text(header + "".join(spoiled[part]))
    types = "columns: {id: bigint, user: text, bytes_changed: int, score: double, at: timestamp}\n"
    out, first = [], {}
    for declared in (types, ""):
        for kind, name in kinds.items():
            if name == "broken" and not declared:
                continue  # a number that is none makes its whole column a text
            folder = put(work / "files-small", {"windrow.yaml": "project: files\nlayers: {bronze: {}}\n",
                                                "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"{base}/{name}/*.csv\"}}\n{declared}"})
            walls, cpus = [], []
            for _ in range(5):
                shutil.rmtree(folder / "lake", ignore_errors=True)
                began = time.perf_counter()
                cpus.append(cpu_of([program, "-C", str(folder), "run", "-q"]))
                walls.append(time.perf_counter() - began)
            there = len(deltalake.DeltaTable(str(folder / "lake/bronze/t")).to_pyarrow_table(columns=["id"]))
            assert there == rows - (name == "broken") * rows // 1000, (kind, there)
            wall, cpu = statistics.median(walls), statistics.median(cpus)
            alone = first.setdefault(declared, wall)
            out.append((f"files, {rows:,} rows of CSV in {kind}, types {'declared' if declared else 'found'}: windrow run", wall, f"{wall / alone:.2f} of one file; {cpu:.2f} CPU s"))
    for name in ("one", "many"):
        hand = float(subprocess.run([sys.executable, "-c", BY_HAND, f"read_csv('{base}/{name}/*.csv')", str(work / "hand.parquet")], check=True, capture_output=True, text=True).stdout)
        out.append((f"files, {rows:,} rows of CSV in {'one file' if name == 'one' else '1,000 files'}: DuckDB's read_csv over the glob", hand, ""))
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
