"""Spark judges what we write: the verbs that change tables, rules and features of tables that Spark made, and the lake of a
project, whose provenance outlives what Spark does to it."""
import json
import os
import subprocess
import time

import duckdb
import pytest

import lab
import spark_lab
from spark_lab import agree, latest, same_rows, table

EVERY_TYPE = """SELECT i::TINYINT AS b, i::SMALLINT AS s, i::INTEGER AS i, i::BIGINT * 1000000007 AS l, i::FLOAT / 3 AS f, i::DOUBLE / 7 AS d,
    (i / 100)::DECIMAL(38, 18) AS big, i % 2 = 0 AS t, '\\x00\\xC3\\xA9'::BLOB AS x, CASE WHEN i % 3 = 0 THEN NULL ELSE 'é🙂' || i END AS c,
    DATE '0001-01-01' + i::INTEGER AS da, TIMESTAMPTZ '1969-12-31 23:59:59.999999+00' + INTERVAL (i) DAY AS ts,
    TIMESTAMP '1582-10-14 00:00:00' + INTERVAL (i) HOUR AS nt, {'a': i, 'b': [{'c': NULL::INTEGER}, NULL]} AS st, [[i], NULL, []] AS ar,
    MAP {i: {'k': 'v'}} AS mp, CASE i WHEN 1 THEN NULL WHEN 2 THEN 'a b/=%é' WHEN 3 THEN 'NULL' ELSE 'p' || i END AS "part é" FROM range(6) t(i)"""


def run(*words, refused="") -> dict:
    result = subprocess.run([lab.PROGRAM, "table", *map(str, words), "--json"], capture_output=True, text=True, timeout=120)
    if refused:
        assert result.returncode == 1 and refused in result.stderr + result.stdout, (words, result.stdout, result.stderr)
        return {}
    assert result.returncode == 0, f"windrow table {words}: {result.stdout} {result.stderr}"
    return json.loads(result.stdout)


@pytest.mark.parametrize("partitions", ["", "part é"])
def test_every_type_then_altered(spark, tmp_path, partitions):
    path = tmp_path / "t é"
    run("write", path, EVERY_TYPE, *(["--partition-by", partitions] if partitions else []))
    run("delete", path, "--where", "b = 4")
    run("update", path, "--set", "c = 'it''s', st = NULL", "--where", "b = 5")
    run("alter", path, "--add", "new INTEGER", "--add", "st.z VARCHAR", "--rename", "c=renamed", "--drop", "f", "--widen", "s BIGINT")
    run("write", path, "SELECT 9::TINYINT AS b, 99999999999 AS s, 'after' AS renamed, 3 AS new, {'a': 1, 'z': 'z'} AS st, 'q' AS \"part é\"")
    run("alter", path, "--add", "f VARCHAR", "--rename", "st.a=aa", "--check", "small=b < 100", "--set", "delta.checkpointInterval=2")
    run("merge", path, "SELECT 9::TINYINT AS b, 'by merge' AS f UNION ALL SELECT 10, 'new'", "--on", "t.b = s.b",
        "--when", "matched: update f = s.f", "--when", "not-matched: insert b = s.b, f = s.f")
    run("optimize", path)
    agree(spark, path)
    spark.sql(f"INSERT INTO {table(path)} (b, renamed) VALUES (50, 'of Spark')", f"UPDATE {table(path)} SET new = 7 WHERE b < 3",
              f"ALTER TABLE {table(path)} RENAME COLUMN l TO ll", f"OPTIMIZE {table(path)}")
    with pytest.raises(spark_lab.Failed, match="small"):
        spark.sql(f"INSERT INTO {table(path)} (b) VALUES (101)")
    run("write", path, "SELECT 101::TINYINT AS b", refused="small")
    run("restore", path, "--version", 6)
    run("clone", path, tmp_path / "clone", "--version", 2)
    agree(spark, path, [latest(path) - 1])
    agree(spark, tmp_path / "clone")


def test_rules_of_a_table_that_spark_made(spark, tmp_path):
    path = tmp_path / "t"
    spark.sql(f"""CREATE TABLE {table(path)} (id BIGINT NOT NULL, ts TIMESTAMP, day DATE GENERATED ALWAYS AS (CAST(ts AS DATE)),
        y INT GENERATED ALWAYS AS (YEAR(ts)), up STRING GENERATED ALWAYS AS (UPPER(SUBSTRING(v, 1, 2))), v STRING, s STRUCT<a: INT NOT NULL>)
        USING delta PARTITIONED BY (day)""", f"ALTER TABLE {table(path)} ADD CONSTRAINT positive CHECK (id > 0 AND v <> 'x')")
    run("write", path, "SELECT i + 1 AS id, TIMESTAMPTZ '2024-02-29 23:00:00+00' + INTERVAL (i) HOUR AS ts, 'ab' || i AS v, {'a': 1::INTEGER} AS s FROM range(3) t(i)")
    run("write", path, "SELECT 9 AS id, 'q' AS v, {'a': 2::INTEGER} AS s")
    run("write", path, "SELECT 9 AS id", refused="positive")  # a rule that is NULL is broken: Spark says so too
    with pytest.raises(spark_lab.Failed, match="(?i)positive"):
        spark.sql(f"INSERT INTO {table(path)} (id, ts, v, s) VALUES (9, NULL, NULL, NULL)")
    run("write", path, "SELECT NULL::BIGINT AS id, 'a' AS v", refused="id")
    run("write", path, "SELECT 0 AS id, 'a' AS v", refused="positive")
    run("write", path, "SELECT 1 AS id, TIMESTAMPTZ '2024-02-29 23:00:00+00' AS ts, DATE '2020-01-01' AS day", refused="day")
    run("update", path, "--set", "ts = ts + INTERVAL 3 DAY", "--where", "id = 2")
    agree(spark, path)
    wrong = spark.rows(f"SELECT * FROM {table(path)} WHERE NOT (day <=> CAST(ts AS DATE) AND y <=> YEAR(ts) AND up <=> UPPER(SUBSTRING(v, 1, 2)))")
    assert duckdb.sql(f"SELECT count(*) FROM '{wrong}'").fetchone() == (0,)


def test_change_data_of_ours(spark, tmp_path):
    path = tmp_path / "t"
    spark.sql(f"CREATE TABLE {table(path)} (id BIGINT, p STRING, v STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES "
              "('delta.enableChangeDataFeed' = 'true', 'delta.columnMapping.mode' = 'name', 'delta.enableRowTracking' = 'false')",
              f"ALTER TABLE {table(path)} RENAME COLUMN v TO w")
    run("write", path, "SELECT i AS id, ['a b', NULL, 'NULL'][i % 3 + 1] AS p, 'w' || i AS w FROM range(20) t(i)")
    run("delete", path, "--where", "id < 4")
    run("update", path, "--set", "w = 'u', p = 'moved'", "--where", "id % 5 = 0")
    run("merge", path, "SELECT i AS id, 's' AS p, 'm' AS w FROM range(15, 25) t(i)", "--on", "t.id = s.id", "--when", "matched if s.id = 16: delete",
        "--when", "matched: update", "--when", "not-matched: insert", "--when", "not-matched-by-source if t.id = 6: delete")
    run("optimize", path)
    run("write", path, "SELECT 7 AS id, 'a b' AS p, 'over' AS w", "--mode", "partitions")
    run("write", path, "SELECT 8 AS id, 'n' AS p, 'where' AS w", "--mode", "where", "--where", "p = 'n' OR p IS NULL")
    run("write", path, "SELECT 1 AS id, 'one' AS p, 'w' AS w", "--mode", "overwrite")
    run("restore", path, "--version", 5)
    agree(spark, path, [])
    for first, last in [(1, latest(path)), *((v, v) for v in range(2, latest(path) + 1))]:
        out = tmp_path / f"{first}-{last}.parquet"
        run_out = subprocess.run([lab.PROGRAM, "table", "diff", path, "--commits", "--from", str(first - 1), "--to", str(last), "--format", "parquet", "--out",
                                  out, "-q"], capture_output=True, text=True)
        assert run_out.returncode == 0, run_out.stderr
        few = tmp_path / f"{first}-{last}.few.parquet"
        duckdb.sql(f"COPY (SELECT _commit_version, _change_type, id, p, w FROM '{out}') TO '{few}'")
        same_rows(few, spark.rows(f"SELECT _commit_version, _change_type, id, p, w FROM table_changes_by_path('{path}', {first}, {last})"),
                  f"changes of versions {first} to {last}")


def test_checkpoints_of_ours_and_features_that_spark_switched_on(spark, tmp_path):
    path = tmp_path / "t"
    spark.sql(f"CREATE TABLE {table(path)} (id BIGINT, s STRUCT<a: INT>) USING delta CLUSTER BY (id) TBLPROPERTIES ('delta.checkpointPolicy' = 'v2',"
              " 'delta.checkpointInterval' = '2', 'delta.enableRowTracking' = 'true', 'delta.enableInCommitTimestamps' = 'true',"
              " 'delta.enableDeletionVectors' = 'true')")
    for i in range(5):
        run("write", path, f"SELECT i AS id, {{'a': i::INTEGER}} AS s FROM range({i * 10}, {i * 10 + 10}) t(i)")
    run("delete", path, "--where", "id % 10 = 3")
    run("write", path, "SELECT 99 AS id")
    spark.sql(f"DELETE FROM {table(path)} WHERE id = 21", f"INSERT INTO {table(path)} VALUES (100, NULL)", f"OPTIMIZE {table(path)}")
    run("update", path, "--set", "s = NULL", "--where", "id = 22")
    agree(spark, path)
    ids = spark.rows(f"SELECT count(*) AS n, count(DISTINCT _metadata.row_id) AS ids, count(_metadata.row_commit_version) AS v FROM {table(path)}")
    assert len(set(duckdb.sql(f"FROM '{ids}'").fetchone())) == 1
    times = duckdb.sql(
        f"SELECT epoch_us(timestamp) FROM '{spark.rows(f'DESCRIBE HISTORY {table(path)}')}' ORDER BY version").fetchall()
    assert times == sorted(set(times))
    newest = max(int(file.name.split(".")[0]) for file in (path / "_delta_log").glob("0*.checkpoint*"))
    assert newest >= 8
    for version in range(newest):
        (path / "_delta_log" / f"{version:020}.json").unlink()
        (path / "_delta_log" / f"{version:020}.crc").unlink(missing_ok=True)
    agree(spark, path, [newest])


def row_ids(spark, path) -> dict:
    """Of each row, by its id: the row id and the row commit version that Spark finds."""
    found = duckdb.sql(f"FROM '{spark.rows(f'SELECT id, _metadata.row_id, _metadata.row_commit_version FROM {table(path)}')}'").fetchall()
    assert len({row_id for _, row_id, _ in found}) == len(found)
    return {key: (row_id, version) for key, row_id, version in found}


@pytest.mark.parametrize("mode", ["none", "name", "id"])
def test_row_ids_outlive_our_rewrites(spark, tmp_path, mode):
    path = tmp_path / "t"
    spark.sql(f"CREATE TABLE {table(path)} (id BIGINT, p INT, v STRING, s STRUCT<a: INT>) USING delta PARTITIONED BY (p) TBLPROPERTIES "
              f"('delta.enableRowTracking' = 'true', 'delta.enableDeletionVectors' = 'true', 'delta.columnMapping.mode' = '{mode}')",
              f"INSERT INTO {table(path)} SELECT id, id % 2, concat('v', id), struct(id) FROM range(0, 40, 1, 2)",
              f"DELETE FROM {table(path)} WHERE id = 3", f"UPDATE {table(path)} SET v = 'of Spark' WHERE id IN (5, 6)")
    rows = row_ids(spark, path)

    def step(work, updated=(), new=(), gone=()):
        """Rows keep their ids, and those that are not updated their versions."""
        nonlocal rows
        work()
        now, version, greatest = row_ids(spark, path), latest(path), max(row_id for row_id, _ in rows.values())
        assert now.keys() == (rows.keys() - set(gone)) | set(new)
        expected = {key: (row_id, version if key in updated else was) for key, (row_id, was) in rows.items() if key not in gone}
        assert {key: now[key] for key in expected} == expected
        assert all(now[key][0] > greatest and now[key][1] == version for key in new)
        rows = now

    step(lambda: run("delete", path, "--where", "id % 10 = 4"), gone={4, 14, 24, 34})
    step(lambda: run("update", path, "--set", "v = 'u', p = 1 - p", "--where", "id < 2"), updated={0, 1})
    step(lambda: run("merge", path, "SELECT i AS id, 0::INTEGER AS p, 'm' AS v FROM range(38, 43) t(i)", "--on", "t.id = s.id",
                     "--when", "matched if s.id = 38: delete", "--when", "matched: update", "--when", "not-matched: insert",
                     "--when", "not-matched-by-source if t.id = 7: update v = 'alone'"), updated={39, 7}, new={40, 41, 42}, gone={38})
    step(lambda: run("alter", path, "--add", "more VARCHAR", "--add", "s.b VARCHAR"))
    step(lambda: run("write", path, "SELECT 99 AS id, 0::INTEGER AS p, 'w' AS v", "--mode", "where", "--where", "v = 'w' OR id = 8"), new={99}, gone={8})
    step(lambda: run("optimize", path))
    step(lambda: run("optimize", path, "--zorder", "id"))
    step(lambda: run("erase", path, "--where", "id = 9"), gone={9})
    step(lambda: spark.sql(f"UPDATE {table(path)} SET v = 'again' WHERE id IN (0, 10)"), updated={0, 10})  # Spark over files of ours
    step(lambda: run("update", path, "--set", "more = 'x'", "--where", "id IN (0, 40)"), updated={0, 40})
    step(lambda: spark.sql(f"OPTIMIZE {table(path)}"))
    agree(spark, path)
    before, version = rows, latest(path)
    run("update", path, "--set", "v = 'gone'")
    run("restore", path, "--version", version)
    assert row_ids(spark, path) == before
    run("clone", path, tmp_path / "clone")
    assert {version for _, version in row_ids(spark, tmp_path / "clone").values()} == {0}  # Delta's clones give ids anew


def test_row_ids_that_we_switch_on(spark, tmp_path):
    path = tmp_path / "t"
    run("write", path, "SELECT i AS id FROM range(5) t(i)")
    run("write", path, "SELECT i AS id FROM range(5, 10) t(i)")
    run("alter", path, "--set", "delta.enableRowTracking=true")
    before = row_ids(spark, path)
    run("optimize", path)
    run("delete", path, "--where", "id = 2")
    after = row_ids(spark, path)
    assert after == {key: value for key, value in before.items() if key != 2}
    spark.sql(f"UPDATE {table(path)} SET id = 100 WHERE id = 3", f"INSERT INTO {table(path)} VALUES (11)")
    assert row_ids(spark, path)[100][0] == before[3][0]
    agree(spark, path, [])


def test_a_lake_outlives_spark(spark, tmp_path):
    """Spark looks after a project's tables: nothing becomes stale. It adds rows: what reads them does. It loses the log: we say so."""
    folder = lab.make_project(tmp_path / "lab")
    for i in range(3):
        lab.add_events(folder, f"{i}.ndjson", range(i * 20, i * 20 + 30))
        lab.windrow(folder, "run")
    silver, bronze = lab.table_path(folder, "silver.events"), lab.table_path(folder, "bronze.events")
    for name in lab.TABLES:
        agree(spark, lab.table_path(folder, name), [1])
        spark.sql(f"OPTIMIZE {table(lab.table_path(folder, name))}")
    spark.sql(f"VACUUM {table(bronze)} RETAIN 0 HOURS", f"ALTER TABLE {table(silver)} SET TBLPROPERTIES ('mine' = 'kept')")
    assert "everything is up to date" in lab.windrow(folder, "plan").stdout
    spark.sql(f"INSERT INTO {table(bronze)} (id, ts, kind, n) SELECT id + 1000, ts, kind, n FROM {table(bronze)} WHERE id < 5")
    assert "silver.events" in lab.windrow(folder, "plan").stdout
    lab.windrow(folder, "run")
    assert "everything is up to date" in lab.windrow(folder, "plan").stdout
    assert {"1000", "1004"} <= {row[0] for row in lab.rows_of_delta_rs(silver, ["id"])}
    before = lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind", "total"])

    # Spark cleans the log of silver, though we had switched that off.
    spark.sql(f"ALTER TABLE {table(silver)} SET TBLPROPERTIES ('delta.enableExpiredLogCleanup' = 'true', "
              "'delta.logRetentionDuration' = 'interval 1 days', 'delta.deletedFileRetentionDuration' = 'interval 1 days', "
              "'delta.checkpointInterval' = '1')")
    long_ago = time.time() - 10 * 86400
    for file in (silver / "_delta_log").iterdir():
        os.utime(file, (long_ago, long_ago))
    spark.sql(f"DELETE FROM {table(silver)} WHERE id = 1", f"DELETE FROM {table(silver)} WHERE id = 2")
    assert not (silver / "_delta_log" / f"{0:020}.json").exists()
    plan = lab.windrow(folder, "plan", check=False)
    assert "history lost" in plan.stdout + plan.stderr, plan.stdout + plan.stderr
    assert before == lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind", "total"])
