"""Benchmark of models by intervals: a year of days, built from an empty table, with fifteen empty years before it."""
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

EVENTS = """SELECT i AS id, TIMESTAMP '2025-01-01' + to_microseconds(i * (31536000000000 // ROWS)) AS ts, 'k' || (i % 20) AS kind, (i % 997)::INT AS n
  FROM range(ROWS) t(i)"""
SELECT = "SELECT CAST(ts AS DATE) AS day, kind, sum(n) AS total, count(*) AS events FROM bronze.events WHERE ts >= $start AND ts < $end GROUP BY ALL\n"
# The day stands in no expression that is compared with $start: each has a SELECT of its own.
OWN = "SELECT CAST(max(ts) AS DATE) AS day, kind, sum(n) AS total, count(*) AS events FROM bronze.events WHERE ts >= $start AND ts < $end GROUP BY kind\n"
BY_HAND = """import duckdb, sys, time
c = duckdb.connect()
began = time.perf_counter()
c.execute(f"COPY (SELECT CAST(ts AS DATE) AS day, kind, sum(n) AS total, count(*) AS events FROM '{sys.argv[1]}' GROUP BY ALL) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
print(time.perf_counter() - began)
"""


def bench_intervals(arguments, work: pathlib.Path, program: str, put) -> list[tuple]:
    import deltalake
    import duckdb

    data = work / f"year-{arguments.rows}.parquet"
    if not data.exists():
        duckdb.sql(f"COPY ({EVENTS.replace('ROWS', str(arguments.rows))}) TO '{data}' (FORMAT parquet)")
    build = "/* windrow\nbuild: {interval: {column: day, grain: day%s}}\n*/\n"
    models = {"batches chosen": build % "" + SELECT, "batch: 1": build % ", batch: 1" + SELECT, "a SELECT each": build % "" + OWN}
    folder = put(work / "year", {"windrow.yaml": "project: year\nbegin: 2010-01-01\nlayers: {bronze: {}, gold: {}}\n",
                                 "sources/events.yaml": f"source: bronze.events\nfrom: {{files: \"{data}\"}}\n",
                                 **{f"models/gold/m{i}.sql": text for i, text in enumerate(models.values())}})
    subprocess.run([program, "-C", str(folder), "run", "-q", "-s", "bronze.events"], check=True, stdout=subprocess.DEVNULL)
    out = []
    for i, kind in enumerate(models):
        taken = []
        for _ in range(3):
            shutil.rmtree(folder / f"lake/gold/m{i}", ignore_errors=True)
            began = time.perf_counter()
            subprocess.run([program, "-C", str(folder), "run", "-q", "-s", f"gold.m{i}"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            taken.append(time.perf_counter() - began)
        table = deltalake.DeltaTable(str(folder / f"lake/gold/m{i}"))
        rows = table.to_pyarrow_table(columns=["events"])
        assert sum(rows["events"].to_pylist()) == arguments.rows and len(rows) == 365 * 20, (kind, len(rows))
        out.append((f"intervals, {arguments.rows:,} rows of a year after 15 empty ones, {kind}: windrow run", statistics.median(taken), f"{table.version() + 1} commits"))
    hand = [float(subprocess.run([sys.executable, "-c", BY_HAND, str(data), str(work / "hand.parquet")], check=True, capture_output=True, text=True).stdout) for _ in range(3)]
    return [*out, (f"intervals, {arguments.rows:,} rows: DuckDB's one SELECT over the year", statistics.median(hand), "")]
