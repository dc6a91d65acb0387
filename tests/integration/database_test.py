"""Tables and queries of SQLite and PostgreSQL: whole, or what is new; of one moment; whatever is killed."""
import datetime
import decimal
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest

import lab
import serving_lab

PSQL = shutil.which("psql")


class Lite:
    """A SQLite file."""

    def __init__(self, folder):
        self.path = folder / "app é.db"
        self.connection = f'{{type: sqlite, path: "{self.path}"}}'

    def run(self, sql: str) -> None:
        with sqlite3.connect(self.path) as db:
            db.executescript(sql)

    many = "WITH RECURSIVE n(i) AS (SELECT {a} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {b}) INSERT INTO t SELECT i, {at}, 'n' || i FROM n;"

    def fill(self, a: int, b: int, at: str = "i") -> None:
        self.run(self.many.format(a=a, b=b, at=at))


class Pg:
    def __init__(self, server, name: str):
        self.server, self.database = server, name
        port = server.ports["sql"]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        subprocess.run([PSQL, "-q", f"postgresql://postgres@127.0.0.1:{port}/postgres", "-c", f'CREATE DATABASE "{name}"'], check=True)
        self.connection = f'{{type: postgres, url: "{self.url}"}}'

    def run(self, sql: str) -> None:
        subprocess.run([PSQL, "-q", "-v", "ON_ERROR_STOP=1", self.url, "-f", "-"], input=sql, text=True, check=True, capture_output=True)

    def fill(self, a: int, b: int, at: str = "i") -> None:
        self.run(f"INSERT INTO t SELECT i, {at}, 'n' || i FROM generate_series({a}, {b} - 1) s(i);")


@pytest.fixture(scope="session")
def pg_server():
    if PSQL is None:
        pytest.skip("needs PostgreSQL 15 (apt-get install postgresql-15)")
    # Not below pytest's own folder: another pytest that begins closes it to the server's user.
    yield from serving_lab.start_postgres()


COUNT = [0]


@pytest.fixture(params=["sqlite", "postgres"])
def db(request, tmp_path):
    if request.param == "sqlite":
        return Lite(tmp_path)
    COUNT[0] += 1
    return Pg(request.getfixturevalue("pg_server"), f"t{COUNT[0]}")


def project(folder, db, sources: dict[str, str], append_only: bool = True, models: dict[str, str] | None = None):
    return lab.make_project(folder, {
        "windrow.yaml": f"""project: databases
connections: {{app: {db.connection}}}
environments: {{dev: {{lake: lake, engine: {{type: duckdb, memory: 512MB}}}}}}
layers: {{bronze: {{append_only: {str(append_only).lower()}}}, silver: {{}}}}
""", **{f"sources/{name}.yaml": f"source: bronze.{name}\nfrom: {{database: app, {what}}}\n" for name, what in sources.items()},
        **(models or {})})


def rows(folder, *columns: str, name: str = "bronze.t") -> list[tuple]:
    table = lab.deltalake.DeltaTable(str(lab.table_path(folder, name))).to_pyarrow_table(columns=list(columns))
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=str)


TABLE = "CREATE TABLE t (id integer, at integer, name text);"


def test_whole_tables_beside_each_other_or_instead(tmp_path, db):
    db.run(TABLE)
    db.fill(0, 5)
    folder = project(tmp_path / "p", db, {"t": "table: t", "r": "query: \"SELECT id, id * 2 AS two FROM t WHERE id > 1\", mode: replace"}, append_only=False)
    lab.windrow(folder, "run")
    db.fill(5, 7)
    lab.windrow(folder, "run")
    assert [i for (i,) in rows(folder, "id")] == sorted([*range(5), *range(7)])
    assert rows(folder, "id", "two", name="bronze.r") == [(i, 2 * i) for i in range(2, 7)]
    assert len({at for (at,) in rows(folder, "extracted_at")}) == 2  # one a reading


def test_an_empty_table(tmp_path, db):
    db.run(TABLE)
    folder = project(tmp_path / "p", db, {"t": "table: t", "i": "table: t, cursor: at"})
    lab.windrow(folder, "run")
    assert rows(folder, "id") == [] and rows(folder, "id", name="bronze.i") == []
    db.fill(0, 3)
    lab.windrow(folder, "run")
    assert [i for (i,) in rows(folder, "id", name="bronze.i")] == [0, 1, 2]


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_only_what_is_new(tmp_path, db, chunk):
    db.run(TABLE)
    db.fill(0, 20, at="i / 4")  # four rows share a value, and are never parted
    db.run("INSERT INTO t VALUES (100, NULL, 'without');")
    folder = project(tmp_path / "p", db, {"t": f"table: t, cursor: at, chunk: {chunk}"})
    lab.windrow(folder, "run")
    assert [i for (i,) in rows(folder, "id")] == sorted([*range(20), 100], key=lambda i: str((i,)))
    lab.windrow(folder, "run")
    assert len(rows(folder, "id")) == 21  # nothing came, nothing is read
    db.fill(20, 30, at="i / 4")
    lab.windrow(folder, "run")
    # Value 5 was 20..23: nothing of it was there before.
    assert sorted(i for (i,) in rows(folder, "id")) == [*range(30), 100]


def test_overlap_brings_what_came_late(tmp_path, db):
    db.run(TABLE)
    db.fill(0, 100)
    folder = project(tmp_path / "p", db, {"t": "table: t, cursor: at, overlap: 10"}, models={"models/silver/t.sql": """/* windrow
build: {merge: {key: id, latest_by: extracted_at}}
new_rows: bronze.t
*/
SELECT id, "at", name, extracted_at FROM bronze.t
"""})
    lab.windrow(folder, "run")
    lab.windrow(folder, "run")
    assert len(rows(folder, "id")) == 100  # nothing came: nothing is read again
    db.run("INSERT INTO t VALUES (1000, 95, 'late'); INSERT INTO t VALUES (1001, 120, 'new');")
    lab.windrow(folder, "run")
    assert sorted(i for (i,) in rows(folder, "id", name="silver.t")) == [*range(100), 1000, 1001]
    assert len(rows(folder, "id")) > 102


def test_cursor_by_time(tmp_path, db):
    kind = "timestamptz" if isinstance(db, Pg) else "timestamp"
    db.run(f"CREATE TABLE t (id integer, at {kind}, name text);")
    db.run("".join(f"INSERT INTO t VALUES ({i}, '2025-01-{i + 1:02} 10:00:00', 'x');" for i in range(20)))
    folder = project(tmp_path / "p", db, {"t": "table: t, cursor: at, overlap: 36h, chunk: 7"})
    lab.windrow(folder, "run")
    assert len(rows(folder, "id")) == 20
    db.run("INSERT INTO t VALUES (50, '2025-01-19 12:00:00', 'late'); INSERT INTO t VALUES (51, '2025-01-25 00:00:00', 'new');")
    lab.windrow(folder, "run")
    assert {50, 51} <= {i for (i,) in rows(folder, "id")} and len(rows(folder, "id")) == 20 + 2 + 2
    assert rows(folder, "at")[0][0].replace(tzinfo=None) == datetime.datetime(2025, 1, 1, 10)


def test_tables_of_one_moment(tmp_path, db):
    """A writer moves money between two tables all the time: every run sees the same sum."""
    db.run("CREATE TABLE a (id integer, money integer); CREATE TABLE b (id integer, money integer);"
           "INSERT INTO a VALUES (1, 1000); INSERT INTO b VALUES (1, 1000);")
    if isinstance(db, Lite):
        db.run("PRAGMA journal_mode = wal;")
    folder = project(tmp_path / "p", db, {"a": "table: a, mode: replace", "b": "table: b, mode: replace"}, append_only=False)
    move = "BEGIN; UPDATE a SET money = money - 1; UPDATE b SET money = money + 1; COMMIT;"
    if isinstance(db, Pg):
        writer = subprocess.Popen([PSQL, "-q", db.url, "-f", "-"], stdin=subprocess.PIPE, text=True)
        script = "\n".join([move] * 20_000)
        import threading

        def feed():
            try:
                writer.communicate(script)
            except (BrokenPipeError, ValueError):
                pass
        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
    else:
        writer = subprocess.Popen([sys.executable, "-c", f"""
import sqlite3
db = sqlite3.connect({str(db.path)!r}, isolation_level=None, timeout=30)
db.execute("PRAGMA synchronous = off")
while True:
    db.executescript({move!r})
"""])
    seen = set()
    try:
        for _ in range(5):
            lab.windrow(folder, "run", "--jobs", "2")
            (a,), (b,) = rows(folder, "money", name="bronze.a")[0], rows(folder, "money", name="bronze.b")[0]
            assert a + b == 2000
            seen.add(a)
    finally:
        writer.kill()
        writer.wait()
    assert len(seen) > 1


def test_killed_at_many_points(tmp_path, db):
    rng = random.Random(3)
    db.run(TABLE)
    folder = project(tmp_path / "p", db, {"t": "table: t, cursor: at, chunk: 500"})
    made = killed = 0
    kills = int(os.environ.get("WINDROW_KILLS", 15))
    while killed < kills:
        db.fill(made, made + 1000, at="i / 3")
        made += 1000
        process = lab.start(folder, "run")
        time.sleep(rng.uniform(0.01, 0.25))
        process.kill()
        killed += process.wait() != 0
        # What is added has greater values: three rows of one value come together.
        made += (3 - made % 3) % 3
    lab.windrow(folder, "run")
    ids = sorted(i for (i,) in rows(folder, "id"))
    assert len(ids) == len(set(ids))
    import itertools
    there = rows_in(db)
    assert ids == there, list(itertools.islice(set(there) ^ set(ids), 5))


def test_a_connection_that_breaks_is_made_anew(tmp_path, pg_server):
    """The server ends our sessions while rows come: the task is tried again, behind the last commit."""
    COUNT[0] += 1
    db = Pg(pg_server, f"t{COUNT[0]}")
    db.run(TABLE)
    db.fill(0, 300_000)
    folder = project(tmp_path / "p", db, {"t": "table: t, cursor: at, chunk: 20000"})
    (folder / "sources/t.yaml").write_text((folder / "sources/t.yaml").read_text() + "retries: {times: 20, delay: 50ms, max: 100ms}\n")
    run = lab.start(folder, "run")
    ended = 0
    while run.poll() is None and ended < 4:
        time.sleep(0.3)
        out = subprocess.run([PSQL, "-qAt", db.url, "-c", "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE application_name = 'windrow' AND datname = current_database()) x"], capture_output=True, text=True)
        ended += out.stdout.strip() not in ("", "0")
    assert run.wait(timeout=120) == 0 and ended > 0
    assert [i for (i,) in sorted(rows(folder, "id"))] == list(range(300_000))


def rows_in(db) -> list[int]:
    if isinstance(db, Lite):
        with sqlite3.connect(db.path) as connection:
            return sorted(i for (i,) in connection.execute("SELECT id FROM t"))
    out = subprocess.run([PSQL, "-qAt", db.url, "-c", "SELECT id FROM t"], capture_output=True, text=True, check=True).stdout
    return sorted(int(line) for line in out.split())


def test_types_of_postgres(tmp_path, pg_server):
    COUNT[0] += 1
    db = Pg(pg_server, f"t{COUNT[0]}")
    db.run("""CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id bigint, s smallint, i integer, n numeric(12,2), wide numeric, r real, d double precision, b boolean, x bytea,
  day date, ts timestamp, tz timestamptz, u uuid, j jsonb, a integer[], texts text[], m mood, t text, c char(3), iv interval);
INSERT INTO t VALUES (9223372036854775807, -1, 2, -1234567890.12, 123456789012345678901234567890.5, 1.5, 'NaN', true, '\\x00ff5c',
  '2025-02-28', '2025-02-28 01:02:03.456789', '2025-02-28 01:02:03.5+02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"k": [1, null]}',
  '{1,2,NULL}', '{"a,b","\\"q\\"",NULL}', 'ok', E'comma, "quote"\\nline \\\\N é', 'ab', '1 day 2 hours'),
  (2, NULL, NULL, 'NaN', NULL, NULL, 'Infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, '', NULL, NULL),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\\N', NULL, NULL);
CREATE SCHEMA "odd ""one"; CREATE TABLE "odd ""one"."T é" ("a b" integer); INSERT INTO "odd ""one"."T é" VALUES (7);""")
    folder = project(tmp_path / "p", db, {"t": "table: t", "odd": "table: 'odd \"one.T é'"})
    lab.windrow(folder, "run")
    got = {row["id"]: row for row in lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.t"))).to_pyarrow_table().to_pylist()}
    utc = datetime.timezone.utc
    one = got[9223372036854775807]
    assert (one["s"], one["i"], one["n"], one["wide"]) == (-1, 2, decimal.Decimal("-1234567890.12"), "123456789012345678901234567890.5")
    assert one["d"] != one["d"] and one["r"] == 1.5 and one["b"] is True and one["x"] == b"\x00\xff\\"
    assert (one["day"], one["ts"]) == (datetime.date(2025, 2, 28), datetime.datetime(2025, 2, 28, 1, 2, 3, 456789))
    assert one["tz"] == datetime.datetime(2025, 2, 27, 23, 2, 3, 500000, tzinfo=utc)
    assert (one["u"], json.loads(one["j"]), one["a"], one["texts"]) == (
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", {"k": [1, None]}, [1, 2, None], ["a,b", '"q"', None])
    assert (one["m"], one["t"], one["c"], one["iv"]) == ("ok", 'comma, "quote"\nline \\N é', "ab", "P1DT2H")
    assert got[2]["t"] == "" and got[2]["a"] == [] and got[2]["n"] is None and got[2]["d"] == float("inf")
    assert got[3]["t"] is None and got[4]["t"] == "\\N"
    assert rows(folder, "a b", name="bronze.odd") == [(7,)]


def test_moments_of_postgres(tmp_path, pg_server):
    """A reader of CSV that cannot read a moment says NULL: what PostgreSQL writes in its own way comes all the same."""
    COUNT[0] += 1
    db = Pg(pg_server, f"t{COUNT[0]}")
    db.run("""CREATE TABLE t (id bigint, tz timestamptz);
INSERT INTO t VALUES (1, '0044-03-15 12:00:00+00 BC'), (2, '12025-01-01 00:00:00+00'), (3, 'infinity'), (4, '-infinity'), (5, NULL), (6, '1890-01-01 00:00:00.000001+00');
ALTER DATABASE "%s" SET timezone = 'Europe/Amsterdam';""" % f"t{COUNT[0]}")
    folder = project(tmp_path / "p", db, {"t": "table: t"})
    lab.windrow(folder, "run")
    out = lab.windrow(folder, "query", "--format", "csv", "SELECT id, tz AT TIME ZONE 'UTC' AS utc FROM bronze.t ORDER BY id").stdout
    assert out.splitlines()[1:] == ["1,0044-03-15 (BC) 12:00:00", "2,12025-01-01 00:00:00", "3,infinity", "4,-infinity", "5,", "6,1890-01-01 00:00:00.000001"], out


def test_types_of_sqlite(tmp_path):
    db = Lite(tmp_path)
    db.run("""CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, x BLOB, day DATE, at TIMESTAMP, flag BOOLEAN, t TEXT, any);
INSERT INTO t VALUES (1, 1.5, x'00ff', '2025-02-28', '2025-02-28 01:02:03', 1, 'é "q"', 'one'), (2, 2, NULL, NULL, NULL, 0, '', 2), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL);""")
    folder = project(tmp_path / "p", db, {"t": "table: t, cursor: id"})
    lab.windrow(folder, "run")
    assert rows(folder, "id", "r", "x", "day", "at", "flag", "t", "any")[0] == (
        1, 1.5, b"\x00\xff", datetime.date(2025, 2, 28), datetime.datetime(2025, 2, 28, 1, 2, 3), True, 'é "q"', "one")
    # What does not fit the type that the column has by now is set aside.
    db.run("INSERT INTO t VALUES (4, 'much', NULL, NULL, NULL, NULL, NULL, NULL), (5, 5.5, NULL, NULL, NULL, NULL, NULL, NULL);")
    lab.windrow(folder, "run")
    assert [i for (i,) in rows(folder, "id")] == [1, 2, 3, 5]
    assert len(rows(folder, "origin", "content", name="bronze.t_rejected")) == 1


def test_errors_name_the_place_and_no_password(tmp_path, pg_server):
    COUNT[0] += 1
    db = Pg(pg_server, f"t{COUNT[0]}")
    db.connection = f'{{type: postgres, url: "postgresql://nobody:hunter2-secret@127.0.0.1:{pg_server.ports["sql"]}/x"}}'
    folder = project(tmp_path / "p", db, {"t": "table: t"})
    failed = lab.windrow(folder, "run", check=False)
    text = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "hunter2" not in text and "127.0.0.1" in text


def test_memory_is_bounded(tmp_path, pg_server):
    COUNT[0] += 1
    db = Pg(pg_server, f"t{COUNT[0]}")
    n = int(os.environ.get("WINDROW_DATABASE_ROWS", 300_000))
    db.run(f"CREATE TABLE t AS SELECT i AS id, repeat(md5(i::text), 20) AS t FROM generate_series(1, {n}) s(i);")
    folder = project(tmp_path / "p", db, {"t": "table: t, cursor: id, chunk: 50000", "w": "table: t"})
    peak = lab.peak_mb(folder, "run", "--jobs", "1")
    for name in ("t", "w"):
        assert lab.deltalake.DeltaTable(str(lab.table_path(folder, f"bronze.{name}"))).to_pyarrow_table(columns=["id"]).num_rows == n
    assert peak < 800, peak  # MB, of which DuckDB may take 512
