"""Other programs read what Windrow writes: delta-rs and DuckDB's delta extension, at every version."""
import os
import pathlib
import sqlite3

import duckdb
import pytest

import lab


def agree(path, columns):
    latest = lab.deltalake.DeltaTable(str(path)).version()
    for version in range(latest + 1):
        rows = lab.rows_of_delta_rs(path, columns, version)
        assert rows == lab.rows_of_extension(path, columns, version), version
        assert rows == lab.rows_of_windrow(path, columns, version), version
    return latest


def test_every_version_of_a_lake(tmp_path):
    folder = lab.make_project(tmp_path / "judged by others")
    for i in range(13):  # past a checkpoint
        lab.add_events(folder, f"{i:02}.ndjson", range(i * 7, i * 7 + 10))
        lab.windrow(folder, "run")
    columns = {"bronze.events": ["id", "ts", "kind", "n"], "silver.events": ["id", "ts", "kind", "n"],
               "gold.daily": ["day", "kind", "total", "events"], "gold.kinds": ["kind", "total"]}
    for table in lab.TABLES:
        path = lab.table_path(folder, table)
        assert agree(path, columns[table]) >= 12
        assert list((path / "_delta_log").glob("*.checkpoint.parquet"))


def test_odd_partitions(tmp_path):
    files = {**lab.FILES, "models/gold/parted.sql": """/* windrow
partition_by: [p]
*/
SELECT * FROM (VALUES (1, 'a b/=%é'), (2, NULL), (3, ''), (4, 'plain')) t(id, p)
"""}
    folder = lab.make_project(tmp_path / "odd", files)
    lab.windrow(folder, "run", "--select", "gold.parted")
    agree(lab.table_path(folder, "gold.parted"), ["id", "p"])


@pytest.mark.skipif("MOVIES_JSON" not in os.environ, reason="needs the films that ./dev setup fetches")
def test_quickstart_equals_sql_by_hand(tmp_path):
    source = pathlib.Path(__file__).resolve().parents[2] / "examples/quickstart"
    folder = lab.copy(source, tmp_path / "quickstart")
    lab.windrow(folder, "run")
    films = os.environ["MOVIES_JSON"]
    assert len(lab.rows_of_delta_rs(lab.table_path(folder, "bronze.movies"), ["movie_id"])) == 3201
    assert len(lab.rows_of_delta_rs(lab.table_path(folder, "silver.movies"), ["movie_id"])) == 3201
    with sqlite3.connect(next(folder.glob("*.db"))) as published:
        ours = published.execute("SELECT sum(films), sum(worldwide_gross) FROM distributor_rankings").fetchone()
        assert published.execute("SELECT count(*) FROM windrow_publications").fetchone()[0] >= 4
    silver = lab.deltalake.DeltaTable(str(lab.table_path(folder, "silver.movies"))).to_pyarrow_table()
    wrong = {row["movie_id"] for row in silver.to_pylist() if row["quality_flag"] == "ERROR"}
    # What is left after the rows that silver marks as wrong, computed from the raw file alone.
    by_hand = duckdb.sql(
        f"""SELECT count(*), sum(TRY_CAST("Worldwide Gross" AS BIGINT)) FROM read_json('{films}')
            WHERE Distributor IS NOT NULL AND md5(concat_ws('|', coalesce(Title::VARCHAR, ''), coalesce("Release Date"::VARCHAR, '')))
            NOT IN (SELECT unnest({sorted(wrong) or ['']}))"""
    ).fetchone()
    assert [int(v) for v in ours] == [int(v) for v in by_hand]
    assert "everything is up to date" in lab.windrow(folder, "plan").stdout
