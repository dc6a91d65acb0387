"""What the integration tests share: a small project, running the program, and reading its lake with other programs."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

import duckdb
import deltalake
import pytest

PROGRAM = os.environ.get("WINDROW", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/windrow"))
EXTENSIONS = os.environ.get("WINDROW_EXTENSIONS", "")

FILES = {
    "windrow.yaml": """project: lab
begin: 2025-10-01
connections:
  serving: {type: sqlite, path: serving.db}
environments:
  dev: {lake: lake, engine: {type: duckdb, memory: 512MB}}
layers:
  bronze: {append_only: true}
  silver: {}
  gold: {}
""",
    "sources/events.yaml": """source: bronze.events
from: {files: "data/*.ndjson"}
format: json
columns: {id: bigint, ts: timestamp, kind: varchar, n: bigint}
""",
    "models/silver/events.sql": """/* windrow
build: {merge: {key: id, latest_by: ts}}
new_rows: bronze.events
columns: {id: {checks: [not_null, unique]}}
*/
SELECT id, ts, kind, n FROM bronze.events
""",
    "models/gold/daily.sql": """/* windrow
build: {interval: {column: day, grain: day, batch: 100}}
*/
SELECT date_trunc('day', e.ts) AS day, kind, sum(n) AS total, count(*) AS events
FROM silver.events e WHERE e.ts >= $start AND e.ts < $end GROUP BY ALL
""",
    "models/gold/kinds.sql": "SELECT kind, sum(total) AS total FROM gold.daily GROUP BY kind\n",
    "publish/serving.yaml": "publish: serving\nto: serving\nviews: [{from: gold.kinds, table: kinds}]\n",
}
TABLES = ["bronze.events", "silver.events", "gold.daily", "gold.kinds"]


def make_project(folder: pathlib.Path, files: dict[str, str] = FILES) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "data").mkdir(exist_ok=True)
    return folder


def add_events(folder: pathlib.Path, name: str, ids, day: int = 1) -> None:
    """A file of events, put under its name when it is whole."""
    lines = [
        json.dumps({"id": i, "ts": f"2025-10-{day + i % 20:02} 10:{i % 60:02}:00", "kind": f"k{i % 3}", "n": i})
        for i in ids
    ]
    part = folder / f".{name}"
    part.write_text("\n".join(lines) + "\n")
    part.rename(folder / "data" / name)


def windrow(folder: pathlib.Path, *words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess:
    result = subprocess.run([PROGRAM, "-C", str(folder), *words], capture_output=True, text=True, timeout=timeout)
    if check and result.returncode != 0:
        raise AssertionError(f"windrow {' '.join(words)} ended with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def serving(server):
    """The fixture of a server of the tests' own (a class of tests/servers): skips where a tool of its is missing."""
    for tool in server.tools:
        if not shutil.which(tool):
            pytest.skip(f"{server.name} needs {tool}, which is not here")
    server.fetch()
    server.up()
    yield server
    server.down()


PEAK = ("import resource, subprocess, sys; r = subprocess.run(sys.argv[2:]); "
        "open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)); sys.exit(r.returncode)")


def peak_mb(folder: pathlib.Path, *words: str, timeout: float = 300) -> float:
    """Runs windrow; the peak of its memory. That is asked for by a process that has no other child."""
    told = folder / ".peak"
    result = subprocess.run([sys.executable, "-S", "-c", PEAK, str(told), PROGRAM, "-C", str(folder), *words], capture_output=True, text=True,
                            timeout=timeout)
    assert result.returncode == 0, result.stdout + result.stderr
    return int(told.read_text()) / 1024


def start(folder: pathlib.Path, *words: str) -> subprocess.Popen:
    return subprocess.Popen([PROGRAM, "-C", str(folder), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def table_path(folder: pathlib.Path, table: str) -> pathlib.Path:
    return folder / "lake" / table.replace(".", "/")


def sorted_rows(rows) -> list:
    return sorted(([str(cell) for cell in row] for row in rows))


def rows_of_delta_rs(path: pathlib.Path, columns: list[str], version: int | None = None) -> list:
    table = deltalake.DeltaTable(str(path), version=version).to_pyarrow_table(columns=columns)
    connection = duckdb.connect()
    connection.register("t", table)
    return sorted_rows(connection.execute("SELECT " + ", ".join(f'"{c}"' for c in columns) + " FROM t").fetchall())


def values_of_delta_rs(path: pathlib.Path, columns: list[str]) -> list[tuple]:
    """Rows as values of Python, where `rows_of_delta_rs` gives texts."""
    table = deltalake.DeltaTable(str(path)).to_pyarrow_table(columns=columns)
    return [tuple(row[column] for column in columns) for row in table.to_pylist()]


def delta_extension() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"extension_directory": EXTENSIONS} if EXTENSIONS else {})
    connection.execute("SET autoinstall_known_extensions = false; LOAD delta")
    return connection


def rows_of_extension(path: pathlib.Path, columns: list[str], version: int | None = None) -> list:
    at = "" if version is None else f", version => {version}"
    select = ", ".join(f'"{c}"' for c in columns)
    return sorted_rows(delta_extension().execute(f"SELECT {select} FROM delta_scan('{path}'{at})").fetchall())


def rows_of_windrow(path: pathlib.Path, columns: list[str], version: int | None = None) -> list:
    # A name of its own each time: DuckDB keeps parts of files it has read by their name.
    out = path.parent / f".read-{uuid.uuid4().hex}.parquet"
    words = [PROGRAM, "table", "read", str(path), "--format", "parquet", "--out", str(out), "-q"]
    if version is not None:
        words += ["--version", str(version)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    select = ", ".join(f'"{c}"' for c in columns)
    rows = sorted_rows(duckdb.sql(f"SELECT {select} FROM '{out}'").fetchall())
    out.unlink()
    return rows


def copy(folder: pathlib.Path, to: pathlib.Path) -> pathlib.Path:
    shutil.copytree(folder, to)
    return to


def state(folder: pathlib.Path) -> dict[str, list]:
    """The rows of every table, as delta-rs reads them, and of the published view."""
    out = {}
    columns = {"bronze.events": ["id", "ts", "kind", "n"], "silver.events": ["id", "ts", "kind", "n"],
               "gold.daily": ["day", "kind", "total", "events"], "gold.kinds": ["kind", "total"]}
    for table in TABLES:
        out[table] = rows_of_delta_rs(table_path(folder, table), columns[table])
    import sqlite3

    with sqlite3.connect(folder / "serving.db") as serving:
        out["serving"] = sorted_rows(serving.execute("SELECT kind, total FROM kinds").fetchall())
    return out
