"""`source reload`: rows under a source's present definition, from the source or from what the table keeps of it."""
import json
import sqlite3

import pytest

import lab
import rest_server
import sse_test


def rows(folder, sql):
    return json.loads(lab.windrow(folder, "query", "--json", sql).stdout)


def edit(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def database(tmp_path, more):
    with sqlite3.connect(tmp_path / "app.db") as db:
        db.executescript("CREATE TABLE t (id INTEGER, v TEXT); INSERT INTO t VALUES (1, '10'), (2, '20'), (3, '30')")
    return lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: again\nconnections: {{app: {{type: sqlite, path: \"{tmp_path}/app.db\"}}}}\n",
        "sources/t.yaml": f"source: bronze.t\nfrom: {{database: app, table: t{more}}}\n",
        "models/gold/total.sql": "SELECT sum(v::INTEGER) AS total FROM bronze.t\n"})


def change(tmp_path, sql):
    with sqlite3.connect(tmp_path / "app.db") as db:
        db.executescript(sql)


def test_a_table_by_its_cursor(tmp_path):
    folder = database(tmp_path, ", cursor: id, chunk: 2")
    lab.windrow(folder, "run")
    change(tmp_path, "UPDATE t SET v = '11' WHERE id = 1")  # which no cursor sees
    with open(folder / "sources/t.yaml", "a") as file:
        file.write("columns: {v: {type: integer}, twice: {type: integer, value: v * 2}}\n")
    told = lab.windrow(folder, "plan").stdout
    assert "source reload bronze.t" in told, told
    lab.windrow(folder, "source", "reload", "bronze.t")
    assert rows(folder, "SELECT id, v, twice FROM bronze.t ORDER BY id") == [
        {"id": 1, "v": 11, "twice": 22}, {"id": 2, "v": 20, "twice": 40}, {"id": 3, "v": 30, "twice": 60}]
    assert len(json.loads(lab.windrow(folder, "table", "history", str(lab.table_path(folder, "bronze.t")), "--json").stdout)) == 3
    change(tmp_path, "INSERT INTO t VALUES (4, '40')")  # it goes on where the reload has ended
    lab.windrow(folder, "run")
    assert rows(folder, "SELECT count(*) AS n, sum(twice) AS s FROM bronze.t") == [{"n": 4, "s": 202}]
    assert rows(folder, "SELECT total FROM gold.total") == [{"total": 101}]
    assert "up to date" in lab.windrow(folder, "plan").stdout


def test_rows_that_a_database_has_no_more(tmp_path):
    folder = database(tmp_path, ", cursor: id")
    lab.windrow(folder, "run")
    change(tmp_path, "DELETE FROM t WHERE id = 1")
    result = lab.windrow(folder, "source", "reload", "bronze.t", check=False)
    assert result.returncode == 1 and "3 rows, and the database has 2" in result.stdout + result.stderr
    assert rows(folder, "SELECT count(*) AS n FROM bronze.t") == [{"n": 3}]
    assert "are gone" in lab.windrow(folder, "source", "reload", "bronze.t", "--without-missing").stdout
    assert rows(folder, "SELECT count(*) AS n FROM bronze.t") == [{"n": 2}]


def test_former_readings_of_a_whole_table_are_kept(tmp_path):
    folder = database(tmp_path, "")
    lab.windrow(folder, "run")
    lab.windrow(folder, "run")
    assert rows(folder, "SELECT count(*) AS n FROM bronze.t") == [{"n": 6}]
    assert lab.windrow(folder, "source", "reload", "bronze.t", check=False).returncode == 1
    assert rows(folder, "SELECT count(*) AS n FROM bronze.t") == [{"n": 6}]


@pytest.fixture
def server():
    with rest_server.Server() as made:
        made.lists["movies"] = [{"id": i, "title": f"film {i}", "votes": str(i * 2)} for i in range(45)]
        yield made


def test_an_api_from_what_bronze_keeps(tmp_path, server):
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: again\nconnections: {{api: {{type: rest, url: \"{server.url}\"}}}}\n",
        "sources/m.yaml": "source: bronze.m\nfrom: {rest: api, resources: {movies: {path: /pages/movies, primary_key: id}}}\nraw: raw\ncolumns: {title: text}\n"})
    lab.windrow(folder, "run")
    asked = len(server.seen)
    edit(folder / "sources/m.yaml", "title: text", "title: text, votes: integer, half: {type: integer, value: votes // 2}")
    assert "source reload bronze.m" in lab.windrow(folder, "plan").stdout
    lab.windrow(folder, "source", "reload", "bronze.m")
    assert len(server.seen) == asked
    assert rows(folder, "SELECT count(*) AS n, sum(half) AS s, count(DISTINCT key) AS k FROM bronze.m") == [{"n": 45, "s": 990, "k": 45}]
    log = rows(folder, "SELECT count(*) AS n FROM bronze.m_log")
    lab.windrow(folder, "run")  # an extraction of its own
    assert rows(folder, "SELECT count(*) AS n, count(half) AS h FROM bronze.m") == [{"n": 90, "h": 90}]
    assert rows(folder, "SELECT count(*) AS n FROM bronze.m_log")[0]["n"] == log[0]["n"] + 1
    edit(folder / "sources/m.yaml", "title: text", "title: integer")  # nothing fits: all are set aside, and counted
    result = lab.windrow(folder, "source", "reload", "bronze.m")
    assert "90 records could not be read" in result.stdout, result.stdout
    edit(folder / "sources/m.yaml", "title: integer", "title: text")
    assert rows(folder, "SELECT count(*) AS n FROM bronze.m") == [{"n": 0}]


def test_nothing_was_read_yet(tmp_path, server):
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: again\nconnections: {{api: {{type: rest, url: \"{server.url}\"}}}}\n",
        "sources/m.yaml": "source: bronze.m\nfrom: {rest: api, resources: {movies: {path: /pages/movies, primary_key: id}}}\nraw: raw\n"})
    result = lab.windrow(folder, "source", "reload", "bronze.m", check=False)
    assert result.returncode == 1 and "nothing to be read again" in result.stdout + result.stderr, result.stdout + result.stderr
    assert not server.seen


def test_events_from_what_bronze_keeps(tmp_path):
    with sse_test.Stream(sse_test.events(30)) as stream:
        folder = lab.make_project(tmp_path / "p", {
            "windrow.yaml": f"project: again\nconnections: {{s: {{type: rest, url: \"{stream.url}\"}}}}\n",
            "sources/e.yaml": "source: bronze.e\nfrom: {sse: s, path: /stream, for: 2s, idle: 500ms}\nraw: raw\n"})
        lab.windrow(folder, "run")
        before = rows(folder, "SELECT count(*) AS n FROM bronze.e")[0]["n"]
        with open(folder / "sources/e.yaml", "a") as file:
            file.write("columns: {n: integer}\n")
        lab.windrow(folder, "source", "reload", "bronze.e")
        assert rows(folder, "SELECT count(*) AS n, count(n) AS with_n FROM bronze.e") == [{"n": before, "with_n": before}] and before
