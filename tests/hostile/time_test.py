"""Times that are hard to place: ends of the calendar, infinity, years BC, nights in which clocks change, files that do not say
of what zone they are."""
import datetime
import json
import pathlib
import re
import struct
import sys

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/hostile"))
from small_project import make_project, project, put, rows_of, windrow  # noqa: E402


# --- the ends of the calendar

FAR = ["9999-12-31 23:59:59.999999", "9999-12-31 00:00:00", "10000-01-01 00:00:00", "294247-01-10 04:00:54.775806", "infinity", "-infinity",
       "0001-01-01 00:00:00", "0044-03-15 (BC) 12:00:00", "290300-12-22 (BC) 00:00:00", "1969-12-31 23:59:59.999999"]
FAR_DAYS = ["9999-12-31", "10000-01-01", "5881580-07-10", "infinity", "-infinity", "0001-01-01", "0044-03-15 (BC)", "5877642-06-25 (BC)"]
FAR_MODELS = {
    "silver.all": "SELECT id, ts, day FROM bronze.e\n",
    "silver.kept": "/* windrow\nbuild: {merge: {key: id}}\nnew_rows: bronze.e\n*/\nSELECT id, ts, day FROM bronze.e\n",
    "gold.by_ts": "/* windrow\nbuild: {interval: {column: ts, grain: day, batch: 100000}}\n*/\n"
                  "SELECT id, ts FROM bronze.e WHERE ts >= $start AND ts < $end\n",
    "gold.by_kept": "/* windrow\nbuild: {interval: {column: ts, grain: day, batch: 100000}}\n*/\n"
                    "SELECT id, ts FROM silver.kept WHERE ts >= $start AND ts < $end\n",
    "gold.by_day": "/* windrow\nbuild: {interval: {column: day, grain: month, batch: 100000}}\n*/\n"
                   "SELECT id, day FROM silver.all WHERE day >= $start AND day < $end\n",
}


@pytest.mark.parametrize("zone, kind", [("UTC", "timestamp"), ("Europe/Berlin", "timestamp"), ("America/New_York", "timestamptz")])
def test_no_time_bricks_a_table(tmp_path, zone, kind):
    """Every time that the types hold commits, and the tables go on being built, planned, and cleaned."""
    folder = project(tmp_path, zone, "2025-10-01", f"id: bigint, ts: {kind}, day: date", FAR_MODELS, "csv")
    zoned = "+00" if kind == "timestamptz" else ""
    moments = [at if "infinity" in at or "(BC)" in at else at + zoned for at in FAR]
    if zoned:  # the engine shows no local time of the very first and last moments
        moments = [at for at in moments if not at.startswith("29")]
    days = FAR_DAYS + ["2025-10-02"] * (len(moments) - len(FAR_DAYS))
    lines = [f"{i},{at},{day}" for i, (at, day) in enumerate(zip(moments, days))]
    (folder / "data/1.csv").write_text("id,ts,day\n" + "\n".join(lines) + f"\n90,2025-10-02 12:00:00{zoned},2025-10-02\n")
    windrow(folder, "run", "-q")
    count = len(lines) + 1
    for again in range(2, 5):
        (folder / f"data/{again}.csv").write_text(
            f"id,ts,day\n9{again},2025-10-0{again} 10:00:00{zoned},9999-12-31\n10{again},infinity,2025-10-0{again}\n11{again},9999-12-31 12:00:00{zoned},infinity\n")
        windrow(folder, "run", "-q")
        count += 3
        assert "up to date" in windrow(folder, "plan").stdout
        assert rows_of(folder, "SELECT count(*) FROM bronze.e") == [str(count)]
        assert rows_of(folder, "SELECT count(*) FROM silver.kept") == [str(count)]
        assert rows_of(folder, "SELECT count(*) FROM gold.by_ts") == [str(again)] == rows_of(folder, "SELECT count(*) FROM gold.by_kept")
    by_day = rows_of(folder, "FROM gold.by_day ORDER BY ALL")
    for verb in ("history", "stats", "optimize", "vacuum"):
        windrow(folder, "table", verb, "silver.kept")
    windrow(folder, "table", "clean-log", "bronze.e", "--retention", "0s")
    windrow(folder, "run", "-q", "--full-refresh")
    assert rows_of(folder, "FROM gold.by_day ORDER BY ALL") == by_day
    assert "up to date" in windrow(folder, "plan").stdout


def test_a_record_of_a_year_beyond_9999_is_read(tmp_path):
    """As it was written once, for a value of the very last day."""
    folder = project(tmp_path, "UTC", "2025-10-01", "id: bigint, ts: timestamp", {"gold.by_ts": FAR_MODELS["gold.by_ts"]})
    put(folder, "1.jsonl", {1: "9999-12-31 23:59:59", 2: "2025-10-02 10:00:00"})
    windrow(folder, "run", "-q", "-s", "bronze.e")
    log = folder / "lake/bronze/e/_delta_log/00000000000000000000.json"
    text = log.read_text()
    assert "9999-12-31T23:59:59.999999Z" in text
    log.write_text(text.replace("9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00Z"))
    windrow(folder, "run", "-q")
    assert rows_of(folder, "SELECT id FROM gold.by_ts") == ["2"]
    assert "up to date" in windrow(folder, "plan").stdout


# --- nights in which clocks change

NIGHTS = [("Europe/Berlin", "2025-10-26"), ("Europe/Berlin", "2025-03-30"), ("America/New_York", "2025-03-09"), ("America/New_York", "2025-11-02"),
          ("Australia/Lord_Howe", "2025-10-05"), ("Australia/Lord_Howe", "2025-04-06"), ("America/Havana", "2025-11-02"), ("Africa/Cairo", "2025-04-25")]
PLAIN = "/* windrow\nbuild: {{interval: {{column: ts, grain: {0}, batch: {1}}}}}\n*/\nSELECT ts, id FROM bronze.e WHERE ts >= $start AND ts < $end\n"


def engine(zone: str, kind: str, times: dict[int, str]):
    """The same rows in a DuckDB of the tests' own: what a full build has to give."""
    connection = duckdb.connect()
    connection.execute(f"LOAD icu; SET timezone='{zone}'; CREATE SCHEMA bronze; CREATE TABLE bronze.e (id BIGINT, ts {kind})")
    connection.executemany("INSERT INTO bronze.e VALUES (?, CAST(? AS " + kind + "))", list(times.items()))
    return connection


@pytest.mark.parametrize("zone, day", NIGHTS)
@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_each_time_of_the_night_belongs_to_one_interval(tmp_path, zone, day, kind):
    """Rows of every few minutes, missing local times too, in two loads: the second as late data."""
    grains = {"minute": 1000, "15m": 1000, "hour": 5, "6h": 1000, "day": 1}
    folder = project(tmp_path, zone, f"{day}", f"id: bigint, ts: {kind}", {f"gold.by_{g}": PLAIN.format(g, b) for g, b in grains.items()})
    # Moments: from local midnight on. Local times: all that a clock could be thought to show.
    step = 7 if kind == "timestamp" else 13
    texts = duckdb.sql(f"SELECT strftime(t, '%Y-%m-%dT%H:%M:00') FROM range(TIMESTAMP '{day} 00:00', TIMESTAMP '{day} 05:00', INTERVAL {step} MINUTE) r(t)").fetchall()
    times = {i: text for i, (text,) in enumerate(texts)}
    if kind == "timestamptz":
        noon = engine(zone, kind, {0: f"{day} 12:00"}).execute("SELECT ts AT TIME ZONE 'UTC' FROM bronze.e").fetchone()[0]
        times = {i: (noon - datetime.timedelta(minutes=step * i + 300)).isoformat() + "Z" for i in range(36)}
    put(folder, "1.jsonl", {i: t for i, t in times.items() if i % 2})
    end = duckdb.sql(f"SELECT (DATE '{day}' + 1)::DATE::VARCHAR").fetchone()[0]
    windrow(folder, "run", "-q", "--end", end)
    put(folder, "2.jsonl", {i: t for i, t in times.items() if not i % 2})
    windrow(folder, "run", "-q", "--end", end)
    expected = [str(i) for i, in engine(zone, kind, times).execute(
        f"SELECT id FROM bronze.e WHERE ts::TIMESTAMP >= '{day}' AND ts::TIMESTAMP < '{end}' ORDER BY id").fetchall()]
    assert len(expected) >= 24
    for grain in grains:
        assert rows_of(folder, f"SELECT id FROM gold.by_{grain} ORDER BY id") == expected, grain


BEFORE = ("/* windrow\nbuild: {{interval: {{column: ts, grain: hour, batch: 1000}}}}\nreads: {{bronze.e: {{before: {0}}}}}\n*/\n"
          "SELECT a.ts, a.id, count(b.id) AS n FROM bronze.e a LEFT JOIN bronze.e b ON b.ts >= a.ts - INTERVAL {1} AND b.ts <= a.ts\n"
          "WHERE a.ts >= $start AND a.ts < $end GROUP BY ALL\n")


@pytest.mark.parametrize("kind, before, interval, first, late", [
    ("timestamp", "3h", "3 HOUR", "2025-10-26T04:10:00", "2025-10-26T01:30:00"),
    ("timestamptz", "1d", "1 DAY", "2025-10-26T19:30:00Z", "2025-10-25T18:40:00Z"),
    ("timestamptz", "3h", "3 HOUR", "2025-10-26T02:30:00Z", "2025-10-25T23:40:00Z"),
    ("timestamp", "1d", "1 DAY", "2025-03-30T02:30:00", "2025-03-29T02:40:00"),
])
def test_reads_before_reaches_over_a_change_of_the_clocks(tmp_path, kind, before, interval, first, late):
    folder = project(tmp_path, "Europe/Berlin", first[:8] + "25", f"id: bigint, ts: {kind}", {"gold.l": BEFORE.format(before, interval)})
    end = first[:8] + "31"
    put(folder, "1.jsonl", {1: first})
    windrow(folder, "run", "-q", "--end", end)
    put(folder, "2.jsonl", {2: late})
    windrow(folder, "run", "-q", "--end", end)
    assert rows_of(folder, "SELECT id, n FROM gold.l ORDER BY id") == ["1,2", "2,1"]


def example_of_the_documents() -> str:
    text = (ROOT / "docs/sql.md").read_text()
    found = re.search(r"```sql[^\n]*\n(/\* windrow\nbuild: \{interval: \{column: hour, grain: hour\}\}\n.*?)```", text, re.S)
    assert found, "docs/sql.md has its hourly example no more"
    return found.group(1)


@pytest.mark.parametrize("batch", [1, 1000])
def test_the_hourly_example_holds_in_the_night_of_25_hours(tmp_path, batch):
    model = example_of_the_documents().replace("grain: hour}", f"grain: hour, batch: {batch}}}").replace("silver.events", "bronze.e").replace("event_time", "ts")
    folder = project(tmp_path, "Europe/Berlin", "2025-10-25", "ts: timestamptz, server: varchar", {"gold.h": model})
    moments = ["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-26T02:30:00Z", "2025-10-25T23:30:00Z", "2025-10-26T00:31:00Z"]
    for n, at in enumerate(moments):
        (folder / f"data/{n}.jsonl").write_text(json.dumps({"ts": at, "server": "a"}) + "\n")
        windrow(folder, "run", "-q", "--end", "2025-10-27")
    full = re.sub(r"WHERE .*\n", "", model)
    connection = duckdb.connect()
    connection.execute("LOAD icu; SET timezone='Europe/Berlin'; CREATE SCHEMA bronze; CREATE TABLE bronze.e (ts TIMESTAMPTZ, server VARCHAR)")
    connection.executemany("INSERT INTO bronze.e VALUES (?, 'a')", [[at] for at in moments])
    expected = [f"{h},{n}" for h, n in connection.execute(f"SELECT epoch(hour)::BIGINT, edits FROM ({full}) ORDER BY 1").fetchall()]
    assert rows_of(folder, "SELECT epoch(hour)::BIGINT, edits FROM gold.h ORDER BY 1") == expected
    windrow(folder, "run", "-q", "--full-refresh", "-s", "gold.h", "--end", "2025-10-27")
    assert rows_of(folder, "SELECT epoch(hour)::BIGINT, edits FROM gold.h ORDER BY 1") == expected


# --- times of which a file does not say that they are moments: INT96, as Spark, Impala and Hive write it

UTC = datetime.timezone.utc
MOMENTS = [datetime.datetime(2025, 10, 25, 23, 30), datetime.datetime(2025, 10, 26, 0, 30), datetime.datetime(2025, 10, 26, 1, 30, 0, 1),
           datetime.datetime(2025, 3, 30, 1, 30), datetime.datetime(2025, 3, 30, 2, 30), datetime.datetime(2025, 11, 2, 5, 30), datetime.datetime(2025, 11, 2, 6, 30),
           datetime.datetime(2025, 3, 9, 2, 30), datetime.datetime(2025, 3, 9, 7, 30), datetime.datetime(1970, 1, 1), datetime.datetime(1893, 3, 31, 23, 6, 31),
           datetime.datetime(1883, 11, 18, 16, 56, 1), datetime.datetime(1883, 11, 18, 17, 0), datetime.datetime(1850, 6, 1, 12, 0, 0, 123456), datetime.datetime(1, 1, 2), None]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]


def micros(at) -> int | None:
    return None if at is None else (at - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)


def write_int96(path: pathlib.Path, moments=MOMENTS, nested: bool = True, **options) -> None:
    kind = pa.timestamp("us")
    columns = {"id": pa.array(range(len(moments)), pa.int64()), "ts": pa.array(moments, kind)}
    if nested:
        columns["s"] = pa.array([{"a": [at]} for at in moments], pa.struct([("a", pa.list_(kind))]))
        columns["m"] = pa.array([[(1, {"b": at})] for at in moments], pa.map_(pa.int64(), pa.struct([("b", kind)])))
    pq.write_table(pa.table(columns), path, use_deprecated_int96_timestamps=True, **options)


INSTANTS = ("SELECT id, epoch_us(ts) AS ts, epoch_us(s.a[1]) AS a, epoch_us(m[1].b) AS b FROM {} ORDER BY id")


def instants(folder: pathlib.Path, table: str) -> list:
    rows = json.loads(windrow(folder, "query", INSTANTS.format(table), "--json").stdout)
    return [(row["ts"], row["a"], row["b"]) for row in rows]


@pytest.mark.parametrize("zone", ZONES)
def test_int96_is_a_moment_in_a_source(tmp_path, zone):
    folder = make_project(tmp_path, {"windrow.yaml": f"project: lab\ntimezone: {zone}\n",
                                     "sources/e.yaml": 'source: bronze.e\nfrom: {files: "data/*.parquet"}\n',
                                     "sources/t.yaml": 'source: bronze.t\nfrom: {files: "data/*.parquet"}\ncolumns: {ts: timestamp}\n'})
    write_int96(folder / "data/1.parquet")
    windrow(folder, "run", "-q")
    assert instants(folder, "bronze.e") == [(micros(at),) * 3 for at in MOMENTS]
    kinds = json.loads(windrow(folder, "query", "SELECT typeof(ts) AS ts, typeof(s) AS s, typeof(m) AS m FROM bronze.e LIMIT 1", "--json").stdout)
    assert [*kinds[0].values()] == ["TIMESTAMP WITH TIME ZONE", "STRUCT(a TIMESTAMP WITH TIME ZONE[])", "MAP(BIGINT, STRUCT(b TIMESTAMP WITH TIME ZONE))"]
    # Declared as local time: what a clock of the project's zone shows.
    with duckdb.connect() as connection:
        connection.execute(f"LOAD icu; SET timezone = '{zone}'")
        local = [at and connection.execute("SELECT epoch_us(make_timestamptz(?::BIGINT)::TIMESTAMP)", [micros(at)]).fetchone()[0] for at in MOMENTS]
    assert rows_of(folder, "SELECT epoch_us(ts) FROM bronze.t ORDER BY id") == ["" if at is None else str(at) for at in local]


@pytest.mark.parametrize("zone", ZONES)
def test_int96_beside_files_that_say_what_they_hold(tmp_path, zone):
    """In one batch and in a later one; local times that are written as such stay what they are."""
    folder = make_project(tmp_path, {"windrow.yaml": f"project: lab\ntimezone: {zone}\n",
                                     "sources/e.yaml": 'source: bronze.e\nfrom: {files: "data/*.parquet"}\n',
                                     "sources/l.yaml": 'source: bronze.l\nfrom: {files: "local/*.parquet"}\n'})
    (folder / "local").mkdir()
    plain = pa.table({"id": pa.array(range(len(MOMENTS)), pa.int64()), "ts": pa.array(MOMENTS, pa.timestamp("us"))})
    aware = plain.set_column(1, "ts", plain["ts"].cast(pa.timestamp("us", "UTC")))
    pq.write_table(plain, folder / "local/1.parquet")
    pq.write_table(aware, folder / "data/1.parquet")
    write_int96(folder / "data/2.parquet", nested=False)
    windrow(folder, "run", "-q")
    write_int96(folder / "data/3.parquet", nested=False)
    windrow(folder, "run", "-q")
    times = [micros(at) for at in MOMENTS]
    rows = json.loads(windrow(folder, "query", "SELECT id, list(DISTINCT epoch_us(ts)) AS ts, count(*) AS n FROM bronze.e GROUP BY id ORDER BY id", "--json").stdout)
    assert [(row["ts"], row["n"]) for row in rows] == [([at], 3) for at in times]
    assert rows_of(folder, "SELECT typeof(ts), epoch_us(ts) FROM bronze.l ORDER BY id") == [f"TIMESTAMP,{'' if at is None else at}" for at in times]
    # A column that the table has as local time stays one: what a clock of the project's zone shows.
    write_int96(folder / "local/2.parquet", [datetime.datetime(2025, 7, 1, 12)], nested=False)
    windrow(folder, "run", "-q")
    assert rows_of(folder, "SELECT typeof(ts), ts = (TIMESTAMPTZ '2025-07-01 12:00:00+00')::TIMESTAMP FROM bronze.l WHERE ts BETWEEN '2025-06-30' AND '2025-07-03'"
                   ) == ["TIMESTAMP,true"]


def delta_table(path: pathlib.Path, adds: list[dict], partition: str | None = None, vectors: bool = False) -> None:
    """A log as another writer writes it, over files that are there."""
    features = ["timestampNtz"] + ["deletionVectors"] * vectors

    def field(name, kind):
        return {"name": name, "type": kind, "nullable": True, "metadata": {}}
    fields = [field("id", "long"), field("ts", "timestamp"), field("s", {"type": "struct", "fields": [
        field("a", {"type": "array", "elementType": "timestamp", "containsNull": True})]}),
        field("m", {"type": "map", "keyType": "long", "valueType": {"type": "struct", "fields": [field("b", "timestamp")]}, "valueContainsNull": True}),
        field("nt", "timestamp_ntz")]
    if partition:
        fields.append(field(partition, "integer"))
    actions = [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}},
               {"metaData": {"id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": {"provider": "parquet", "options": {}},
                             "schemaString": json.dumps({"type": "struct", "fields": fields}), "partitionColumns": [partition] if partition else [],
                             "configuration": {}, "createdTime": 1}}]
    (path / "_delta_log").mkdir(parents=True, exist_ok=True)
    (path / "_delta_log/00000000000000000000.json").write_text("\n".join(json.dumps(a) for a in actions + [{"add": add} for add in adds]) + "\n")


def deletion_vector(*positions: int) -> dict:
    """In the log itself: a Roaring bitmap with one container, in Z85."""
    data = struct.pack("<iqiIIHHI", 1681511377, 1, 0, 12346, 1, 0, len(positions) - 1, 16) + struct.pack(f"<{len(positions)}H", *positions)
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    text = "".join(digits[int.from_bytes(data[i:i + 4]) // 85**power % 85] for i in range(0, len(data), 4) for power in range(4, -1, -1))
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(data), "cardinality": len(positions)}


def int96_file(path: pathlib.Path, first: int, int96: bool = True) -> dict:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = pa.timestamp("us") if int96 else pa.timestamp("us", "UTC")
    rows = [at and at.replace(tzinfo=None if int96 else UTC) for at in MOMENTS]
    table = pa.table({"id": pa.array(range(first, first + len(rows)), pa.int64()), "ts": pa.array(rows, kind),
                      "s": pa.array([{"a": [at]} for at in rows], pa.struct([("a", pa.list_(kind))])),
                      "m": pa.array([[(1, {"b": at})] for at in rows], pa.map_(pa.int64(), pa.struct([("b", kind)]))),
                      "nt": pa.array(MOMENTS, pa.timestamp("us"))})
    pq.write_table(table, path, use_deprecated_int96_timestamps=int96, row_group_size=4)
    return {"size": path.stat().st_size, "modificationTime": 1, "dataChange": True, "partitionValues": {}}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("way", ["plain", "hive", "joined", "vectors"])
def test_int96_in_a_table_of_another_writer(tmp_path, zone, way):
    """However the scan finds its columns; INT96 and files that say what they hold in one table."""
    folder = project(tmp_path, zone, "2025-10-01", "id: bigint, ts: timestamp", {})
    put(folder, "1.jsonl", {1: "2025-10-01"})
    windrow(folder, "run", "-q")
    path = folder / "lake/bronze/t"
    parted = way in ("hive", "joined")
    adds = []
    for number, int96 in enumerate([True, False, True]):
        name = f"{'p=1/' if parted else ''}{number}.parquet"
        add = int96_file(path / name, 100 * number, int96) | {"path": name}
        if parted:
            add["partitionValues"] = {"p": "1" if way == "hive" else "2"}
        if way == "vectors":
            add["deletionVector"] = deletion_vector(1, 5)
        adds.append(add)
    delta_table(path, adds, "p" if parted else None, way == "vectors")
    expected = [(micros(at),) * 4 for i, at in enumerate(MOMENTS) if way != "vectors" or i not in (1, 5)] * 3
    select = "SELECT epoch_us(ts) AS ts, epoch_us(s.a[1]) AS a, epoch_us(m[1].b) AS b, epoch_us(nt) AS nt FROM bronze.t ORDER BY id"

    def look():
        rows = json.loads(windrow(folder, "query", select, "--json").stdout)
        assert [tuple(row.values()) for row in rows] == expected
        # Conditions find the rows that they mean, whatever is asked of the files' own statistics.
        counts = [f"count(*) FILTER (ts = '{at}+00'::TIMESTAMPTZ), (SELECT count(*) FROM bronze.t WHERE ts = '{at}+00'::TIMESTAMPTZ AND nt = '{at}'::TIMESTAMP)"
                  for at in filter(None, MOMENTS)]
        for counted in rows_of(folder, f"SELECT {', '.join(counts)} FROM bronze.t"):
            counted = counted.split(",")
            assert counted[::2] == counted[1::2] and set(counted) <= {"3", "0"} and counted.count("0") == (4 if way == "vectors" else 0)

    look()
    windrow(folder, "table", "optimize", "bronze.t")
    look()
    if way != "vectors":  # which delta-rs does not read
        theirs = deltalake.DeltaTable(str(path)).to_pyarrow_table(columns=["id", "ts", "nt"]).sort_by("id").to_pylist()
        assert [(micros(row["ts"] and row["ts"].replace(tzinfo=None)), micros(row["nt"])) for row in theirs] == [(ts, nt) for ts, _, _, nt in expected]
