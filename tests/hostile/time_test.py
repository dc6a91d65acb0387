"""Times that are hard to place: ends of the calendar, infinity, years BC, nights in which clocks change."""
import datetime
import json
import pathlib
import re
import sys

import duckdb
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/hostile"))
from small_project import project, put, rows_of, windrow  # noqa: E402


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
    found = re.search(r"```sql\n(/\* windrow\nbuild: \{interval: \{column: hour, grain: hour\}\}\n.*?)```", text, re.S)
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
