"""Bad input: a clear message with its place, the right exit code, nothing half done."""
import json
import os

import pytest

import lab

# name → files that replace or join the small project, words, exit code, what the message must hold
STATIC = {
    "broken YAML": ({"windrow.yaml": "project: lab\nlayers: {bronze: [}\n"}, ["check"], 2, ["windrow.yaml:2"]),
    "a wrong type": ({"windrow.yaml": "project: lab\nbegin: soon\n"}, ["check"], 2, ["windrow.yaml:2:8", "soon"]),
    "an unknown key": ({"publish/serving.yaml": "publish: serving\nto: serving\nveiws: []\n"}, ["check"], 2, ["veiws", "views"]),
    "a duplicate key": ({"windrow.yaml": "project: lab\nproject: lab\n"}, ["check"], 2, ["windrow.yaml:2:1"]),
    "an unknown verb": ({}, ["rnu"], 2, ["run"]),
    "an unknown option": ({}, ["plan", "--selct", "x"], 2, ["--select"]),
    "a selector that matches nothing": ({}, ["plan", "--select", "gold.dayly"], 2, ["gold.daily"]),
    "a cycle": ({"models/gold/a.sql": "SELECT * FROM gold.b\n", "models/gold/b.sql": "SELECT * FROM gold.a\n"}, ["check"], 2,
                ["gold.a → gold.b → gold.a", "models/gold/a.sql:1:15"]),
    "a syntax error": ({"models/gold/a.sql": "/* windrow\ntags: [x]\n*/\nSELECT 1,\nFROM FROM gold.daily\n"}, ["check"], 2,
                       ["models/gold/a.sql:5:"]),
    "a missing table": ({"models/gold/a.sql": "SELECT 1 AS a\nFROM gold.dally\n"}, ["check"], 2, ["models/gold/a.sql:2:6", "gold.daily"]),
    "a missing column": ({"models/gold/a.sql": "SELECT day,\n  totl FROM gold.daily\n"}, ["check"], 2, ["models/gold/a.sql:2:3", "total"]),
    "a bad zone": ({"windrow.yaml": "project: lab\ntimezone: Mars/Olympus\n"}, ["check"], 2, ["Mars/Olympus"]),
    "a variable that nobody set": ({"windrow.yaml": "project: \"${LAB_NOT_SET}\"\n"}, ["check"], 2, ["LAB_NOT_SET"]),
    "an undeclared parameter": ({"models/gold/a.sql": "SELECT $dayz AS a\n"}, ["check"], 2, ["$dayz", "models/gold/a.sql:1:8"]),
    "dbt's ref": ({"models/gold/a.sql": "SELECT * FROM {{ ref('daily') }}\n"}, ["check"], 2, ["models/gold/a.sql:1:15", "LAYER.TABLE"]),
    "dbt's config": ({"models/gold/a.sql": "{{ config(materialized='table') }}\nSELECT 1 AS a\n"}, ["check"], 2,
                     ["models/gold/a.sql:1:1", "/* windrow"]),
    "dbt's is_incremental": ({"models/gold/a.sql": "SELECT day FROM gold.daily\n{% if is_incremental() %} WHERE true {% endif %}\n"},
                             ["check"], 2, ["models/gold/a.sql:2:1", "append, merge or interval"]),
    "another template": ({"models/gold/a.sql": "SELECT {%- set x = 1 -%} 1 AS a\n"}, ["check"], 2, ["models/gold/a.sql:1:9", "$NAME"]),
    "another statement": ({"models/gold/a.sql": "DROP TABLE gold.daily\n"}, ["check"], 2, ["not a SELECT"]),
}


@pytest.mark.parametrize("name", STATIC)
def test_static(tmp_path, name):
    files, words, code, parts = STATIC[name]
    folder = lab.make_project(tmp_path / "p", {**lab.FILES, **files})
    result = lab.windrow(folder, *words, check=False)
    text = result.stdout + result.stderr
    assert result.returncode == code, text
    for part in parts:
        assert part in text, text
    assert "this is a bug" not in text
    assert not (folder / "lake").exists()


def test_a_column_that_a_source_may_bring_is_no_mistake(tmp_path):
    """Undeclared columns are found in the files: nobody knows them before the first load."""
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": "project: lab\n", "sources/s.yaml": "source: bronze.s\nfrom: {files: \"data/*.csv\"}\ncolumns: {identity: bigint}\n",
        "models/gold/a.sql": "/* windrow\nbuild: {merge: {key: identity}}\n*/\nSELECT identity, surname FROM bronze.s\n",
        "models/gold/b.sql": "/* windrow\nbuild: {merge: {key: surname}}\n*/\nSELECT * FROM bronze.s\n",
        "models/gold/c.sql": "SELECT upper(surname) AS shouted FROM gold.b\n",
        "tests/a.yaml": "test: gold.a\ngiven: {bronze.s: [{identity: 1, surname: x}]}\nexpect: [{surname: x}]\n"})
    assert "nothing wrong" in lab.windrow(folder, "check").stdout
    assert "0 failed" in lab.windrow(folder, "test").stdout
    (folder / "models/gold/d.sql").write_text("SELECT identty FROM bronze.s\n")
    mistyped = lab.windrow(folder, "check", check=False)
    assert mistyped.returncode == 2 and "models/gold/d.sql:1:8" in mistyped.stderr and mistyped.stderr.count("error:") == 1
    (folder / "models/gold/d.sql").unlink()
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/a.csv").write_text("identity,surname\n1,Lovelace\n")
    lab.windrow(folder, "run")
    assert lab.windrow(folder, "query", "FROM gold.c", "--format", "csv").stdout == "shouted\nLOVELACE\n"
    (folder / "models/gold/e.sql").write_text("SELECT forename FROM bronze.s\n")
    known = lab.windrow(folder, "check", check=False)  # now that it was loaded, its columns are known
    assert known.returncode == 2 and "models/gold/e.sql:1:8" in known.stderr


def run_with(tmp_path, files, lines=('{"id": 1, "ts": "2025-10-01 10:00:00", "kind": "a", "n": 1}',)):
    folder = lab.make_project(tmp_path / "with blanks é", {**lab.FILES, **files})
    (folder / "data/a.ndjson").write_text("".join(line + "\n" for line in lines))
    return folder, lab.windrow(folder, "run", "--json", check=False)


def statuses(result):
    return {task["asset"]: task["status"] for task in json.loads(result.stdout)["tasks"]}


def test_duplicate_keys_stop_a_merge_and_what_comes_after(tmp_path):
    files = {"models/silver/events.sql": "/* windrow\nbuild: {merge: {key: id}}\n*/\nSELECT id, ts, kind, n FROM bronze.events\n"}
    folder, result = run_with(tmp_path, files, ['{"id": 1, "ts": "2025-10-01 10:00:00", "kind": "a", "n": 1}'] * 2)
    assert result.returncode == 1
    found = statuses(result)
    assert found["bronze.events"] == "done" and found["silver.events"] == "failed" and found["gold.daily"] == "skipped"
    assert "latest_by" in result.stdout
    assert not list(lab.table_path(folder, "silver.events").rglob("*.parquet"))


def test_malformed_rows_are_kept_aside_and_counted(tmp_path):
    folder, result = run_with(tmp_path, {}, ['{"id": 1, "ts": "2025-10-01 10:00:00", "kind": "a", "n": 1}', "{broken", "[]]"])
    assert result.returncode == 0, result.stdout
    task = next(t for t in json.loads(result.stdout)["tasks"] if t["asset"] == "bronze.events")
    assert task["rows"] == 1 and task["rejected"] == 2
    assert len(lab.rows_of_delta_rs(lab.table_path(folder, "bronze.events_rejected"), ["content"])) == 2


def test_an_empty_source(tmp_path):
    folder, result = run_with(tmp_path, {}, [])
    assert result.returncode == 0, result.stdout + result.stderr
    assert lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind"]) == []


def test_a_blocking_check_leaves_the_last_good_version(tmp_path):
    folder, result = run_with(tmp_path, {})
    assert result.returncode == 0
    (folder / "models/gold/kinds.sql").write_text(
        "/* windrow\nchecks: [{rows: {min: 100}}]\n*/\nSELECT kind, sum(total) AS total FROM gold.daily GROUP BY kind\n")
    lab.add_events(folder, "b.ndjson", range(10, 15))
    before = lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind", "total"])
    failed = lab.windrow(folder, "run", "--json", check=False)
    assert failed.returncode == 1 and statuses(failed)["gold.kinds"] == "failed"
    assert lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind", "total"]) == before


def test_columns_that_differ_by_case(tmp_path):
    _, result = run_with(tmp_path, {"models/gold/a.sql": "SELECT 1 AS a, 2 AS \"A\" FROM gold.kinds\n"})
    assert result.returncode in (1, 2)
    assert "this is a bug" not in result.stdout + result.stderr


def test_a_broken_log_and_a_truncated_file_are_named(tmp_path):
    folder, result = run_with(tmp_path, {})
    assert result.returncode == 0
    table = lab.table_path(folder, "silver.events")
    data = next(table.glob("*.parquet"))
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    broken = lab.windrow(folder, "query", "FROM silver.events", check=False)
    assert broken.returncode == 1 and data.name in broken.stderr, broken.stderr
    data.write_bytes(whole)
    (table / "_delta_log/00000000000000000000.json").write_text("{not json\n")
    broken = lab.windrow(folder, "query", "FROM silver.events", check=False)
    assert broken.returncode == 1 and "00000000000000000000.json" in broken.stderr, broken.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_lake(tmp_path):
    folder, _ = run_with(tmp_path, {})
    lab.add_events(folder, "b.ndjson", range(10, 15))
    for path in (folder / "lake").rglob("*"):
        if path.is_dir():
            path.chmod(0o555)
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and "denied" in result.stdout + result.stderr


def test_secrets_appear_nowhere(tmp_path):
    files = {"windrow.yaml": lab.FILES["windrow.yaml"].replace("path: serving.db", 'path: "${LAB_SECRET}.db"')}
    folder = lab.make_project(tmp_path / "p", {**lab.FILES, **files})
    (folder / ".env").write_text("LAB_SECRET=hunter2hunter2\n")
    lab.add_events(folder, "a.ndjson", range(5))
    texts = [lab.windrow(folder, *words, check=False) for words in (["run"], ["plan"], ["health"], ["runs"], ["check"])]
    logs = "".join(path.read_text() for path in (folder / ".windrow/logs").iterdir())
    assert "hunter2" not in logs + "".join(t.stdout + t.stderr for t in texts)
