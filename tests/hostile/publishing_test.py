"""Names and values that are made to break a store: what SQLite and DuckDB files hold afterwards is what the lake gave."""
import json
import sqlite3

import duckdb
import pytest

import lab

NAMES = ['a"b', "select", "ключ", "a b", "x'); DROP TABLE windrow_publications; --", "n" * 200, "$1", "?", "%s", "{0}", "windrow_x"]
TEXTS = ["", " ", "NULL", "null", "'", '"', "\\", "\\N", "a\nb\r\nc", "\t", "\u0000 inside", "🙂é\u0301", "\ufeffmark", "-- x", "/* x", "0x41", "1e3", "é" * 100_000]
NUMBERS = ["9223372036854775807::BIGINT", "(-9223372036854775807 - 1)::BIGINT", "-0.0::DOUBLE", "1.7976931348623157e308::DOUBLE",
           "5e-324::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE", "0.1::DECIMAL(38,1)", "-99999999999999.9::DECIMAL(15,1)", "true", "255::UTINYINT"]


def project(tmp_path, select: str, more: str = ""):
    return lab.make_project(tmp_path / "p", {
        "windrow.yaml": "project: hostile\nconnections:\n  lite: {type: sqlite, path: out.db}\n  duck: {type: duckdb, path: out.duckdb}\n",
        "models/gold/one.sql": "SELECT 1 AS one\n",
        **{f"publish/{store}.yaml": f"publish: {store}\nto: {store}\nviews:\n  - table: t\n    sql: |\n      {select} FROM gold.one\n{more}"
           for store in ("lite", "duck")}})


def rows(folder) -> tuple[list, list]:
    with sqlite3.connect(folder / "out.db") as lite, duckdb.connect(str(folder / "out.duckdb"), read_only=True) as duck:
        return lite.execute("SELECT * FROM t").fetchall(), duck.execute("SELECT * FROM t").fetchall()


def sql_text(text: str) -> str:
    return " || ".join("'" + part.replace("'", "''").replace("\n", "' || chr(10) || '").replace("\r", "' || chr(13) || '").replace("\t", "' || chr(9) || '") + "'"
                       for part in [text]) if "\0" not in text else "chr(0) || ' inside'"


def test_names(tmp_path):
    columns = ", ".join(f"{i} AS \"{name.replace(chr(34), chr(34) * 2)}\"" for i, name in enumerate(NAMES))
    folder = project(tmp_path, "SELECT " + columns)
    lab.windrow(folder, "run")
    for found in rows(folder):
        assert found == [tuple(range(len(NAMES)))]
    with sqlite3.connect(folder / "out.db") as lite:
        assert [column[1] for column in lite.execute("PRAGMA table_info(t)")] == NAMES
        assert lite.execute("SELECT count(*) FROM windrow_publications").fetchone() == (1,)


def test_texts(tmp_path):
    folder = project(tmp_path, "SELECT " + ", ".join(f"{sql_text(text)} AS c{i}" for i, text in enumerate(TEXTS)))
    lab.windrow(folder, "run")
    for found in rows(folder):
        assert found == [tuple(TEXTS)]


def test_numbers(tmp_path):
    folder = project(tmp_path, "SELECT " + ", ".join(f"{number} AS c{i}" for i, number in enumerate(NUMBERS)))
    lab.windrow(folder, "run")
    lite, duck = rows(folder)
    assert [float(value) for value in lite[0]] == [float(value) for value in duck[0]]
    assert [type(value) for value in lite[0]] == [int, int, *[float] * 7, int, int]


@pytest.mark.parametrize("types, message", [
    ("{one: 'integer); DROP TABLE t; --'}", "has no type"), ("{one: ''}", "has no type"), ("{one: 'bigint)  , (1'}", "has no type"),
    ("{\"o\\\"ne\": real}", "has no column"), ("{ONE: real}", "has no column")])
def test_declared_types(tmp_path, types, message):
    folder = project(tmp_path, "SELECT one", f"    columns: {types}\n")
    for store in ("lite", "duck"):
        told = lab.windrow(folder, "--json", "run", "--select", f"gold.one publish.{store}", check=False)
        said = json.loads(told.stdout) if told.stdout else told.stderr
        assert told.returncode != 0 and (message in str(said) or "is not one that windrow writes" in str(said)), (store, said)
        assert not (folder / ("out.db" if store == "lite" else "out.duckdb")).exists() or "windrow_new" not in str(said)


def test_keys_to_erase(tmp_path):
    folder = project(tmp_path, "SELECT one, 'it''s' AS name, 'x' AS \"a\"\"b\"")
    lab.windrow(folder, "run")
    erase = lambda key: json.loads(lab.windrow(folder, "--json", "erase", "--yes", "--key", key).stdout)["rows"]
    for key in ("name=' OR '1'='1", "name=it''s", "one=1; DROP TABLE t", "a\"b=' --", "name=%", "name=" + "x" * 100_000, "one=1e400", "\x01=1"):
        assert erase(key) == 0, key
    assert len(rows(folder)[0]) == len(rows(folder)[1]) == 1
    assert erase("name=it's") == 2 and rows(folder) == ([], [])
