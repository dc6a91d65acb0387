"""SQL that nobody typed just now reaches nothing but its rows; SQL that somebody typed reads, and does not write."""
import json

import pytest

import lab

SECRET = "the-content-of-a-file"


def table_with(tmp_path, change):
    """A table of two columns whose log `change` has rewritten; a file beside it that no SQL of the log may read."""
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    table = tmp_path / "t"
    lab.windrow(tmp_path, "table", "write", str(table), "SELECT 1 AS id, 'x' AS s")
    log = table / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 1, "minWriterVersion": 4}
        if "metaData" in action:
            schema = json.loads(action["metaData"]["schemaString"])
            change(action["metaData"], schema, str(secret))
            action["metaData"]["schemaString"] = json.dumps(schema)
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    for checksum in (table / "_delta_log").glob("*.crc"):
        checksum.unlink()
    return table


def constraint(sql):
    return lambda metadata, schema, path: metadata["configuration"].update({"delta.constraints.c": sql.format(path)})


def field(key, sql, json_in_json=False):
    def change(metadata, schema, path):
        text = sql.format(path)
        value = json.dumps({"expression": {"expression": text}}) if json_in_json else text
        schema["fields"][1]["metadata"][key] = value
    return change


# what stands in the log: each got rows of a file into the table, or ran, before there was a sandbox
IN_A_LOG = {
    "a constraint that reads": constraint("(SELECT count(*) FROM read_text('{}')) >= 0"),
    "a constraint in brackets of its own": constraint("true) OR (SELECT true FROM read_text('{}')"),
    "a constraint with a comment": constraint("true) THEN true ELSE error((SELECT content FROM read_text('{}'))) END --"),
    "a constraint that asks the settings": constraint("current_setting('temp_directory') IS NOT NULL OR '{}' = ''"),
    "a constraint that counts a file": constraint("EXISTS (SELECT 1 FROM `{}`) OR true"),
    "a constraint over our own scan": constraint("windrow_deleted('{}', 1) IS NULL OR true"),
    "a generated column": field("delta.generationExpression", "(SELECT content FROM read_text('{}'))"),
    "a generated column by a list": field("delta.generationExpression",
                                          "list_transform([1], lambda x: (SELECT content FROM read_text('{}')))[1]"),
    "a generated column by a query in a text": field("delta.generationExpression",
                                                     "(SELECT content FROM query('FROM read_text(''{}'')'))"),
    "a generated column that ends early": field("delta.generationExpression", "1) AS VARCHAR), * FROM read_text('{}') --"),
    "an invariant": field("delta.invariants", "(SELECT count(*) FROM read_blob('{}')) >= 0", True),
    "an invariant over a glob": field("delta.invariants", "(SELECT count(*) FROM glob('{}')) >= 0", True),
}


@pytest.mark.parametrize("name", IN_A_LOG)
def test_what_a_log_says_is_not_run(tmp_path, name):
    table = table_with(tmp_path, IN_A_LOG[name])
    result = lab.windrow(tmp_path, "table", "write", str(table), "SELECT 2 AS id", check=False)
    text = result.stdout + result.stderr
    assert result.returncode == 1, text
    assert "the table cannot be written" in text and "not understood" in text, text
    assert SECRET not in text
    # Reading it is no matter of its rules.
    read = lab.windrow(tmp_path, "table", "read", str(table), "--format", "json").stdout
    assert json.loads(read) == [{"id": 1, "s": "x"}]


def test_what_a_log_may_say_holds(tmp_path):
    def change(metadata, schema, path):
        metadata["configuration"]["delta.constraints.c"] = "id > 0 AND `s` IN ('x', 'y2') -- said Spark"
        schema["fields"][1]["metadata"]["delta.generationExpression"] = "concat('y', CAST(id AS STRING))"
    table = table_with(tmp_path, change)
    lab.windrow(tmp_path, "table", "write", str(table), "SELECT 2 AS id")
    read = lab.windrow(tmp_path, "table", "read", str(table), "--format", "json").stdout
    assert {"id": 2, "s": "y2"} in json.loads(read)
    result = lab.windrow(tmp_path, "table", "write", str(table), "SELECT 3 AS id", check=False)
    assert result.returncode == 1 and "breaks the table's constraint" in result.stderr


OUT = "(SELECT content FROM read_text('/etc/passwd'))"


def test_every_place_of_a_project_is_in_the_sandbox(tmp_path):
    files = {
        "sources/events.yaml": f"""source: bronze.events
from: {{files: "data/*.ndjson"}}
format: json
columns:
  id: bigint
  a: {{value: "{OUT}"}}
  b: {{type: "INT) || (SELECT content FROM read_text('x')"}}
  c: bigynt
partition_by:
  p: "length({OUT})"
checks:
  - {{expression: "getenv('HOME') IS NULL"}}
""",
        "models/gold/a.sql": f"/* windrow\ncolumns: {{x: {{checks: [{{expression: \"{OUT} > ''\"}}]}}}}\n*/\nSELECT {OUT} AS x\n",
        "models/gold/b.sql": "SELECT current_setting('x') AS x FROM glob('/etc/*')\n",
        "publish/serving.yaml": "publish: serving\nto: serving\nviews: [{sql: \"FROM '/etc/passwd'\", table: x}]\n",
    }
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": lab.FILES["windrow.yaml"], **files})
    for verb in ("check", "run", "plan"):
        result = lab.windrow(folder, verb, check=False)
        text = result.stdout + result.stderr
        assert result.returncode == 2, text
        for place in ("sources/events.yaml:6:36", "sources/events.yaml:7:13", "sources/events.yaml:8:6", "sources/events.yaml:10:35",
                      "sources/events.yaml:12:19", "models/gold/a.sql:2:", "models/gold/a.sql:4:29", "models/gold/b.sql:1:8",
                      "models/gold/b.sql:1:39", "publish/serving.yaml:3:"):
            assert place in text, (place, text)
    assert not (folder / "lake").exists()


def test_a_project_opens_files_by_name(tmp_path):
    rates, other = tmp_path / "rates.csv", tmp_path / "other.csv"
    for path in (rates, other):
        path.write_text("currency,rate\nEUR,2\nUSD,3\n")
    project = lab.FILES["windrow.yaml"]
    files = {
        "windrow.yaml": project + f"external_files: [{rates}]\n",
        "models/gold/a.sql": f"SELECT sum(rate)::BIGINT AS n FROM '{rates}'\n",
        "models/gold/b.sql": f"SELECT * FROM read_csv('{rates}', header := true)\n",
    }
    folder = lab.make_project(tmp_path / "p", files)
    lab.windrow(folder, "run")
    assert json.loads(lab.windrow(folder, "query", "FROM gold.a", "--json").stdout) == [{"n": 5}]
    (folder / "models/gold/a.sql").write_text(f"SELECT * FROM '{other}'\n")
    assert str(other) in lab.windrow(folder, "check", check=False).stderr
    (folder / "models/gold/a.sql").write_text("SELECT 1 AS a\n")
    # What was allowed once is not remembered.
    (folder / "windrow.yaml").write_text(project)
    assert lab.windrow(folder, "check", check=False).returncode == 2
    (folder / "windrow.yaml").write_text(project + "external_files: [rates.csv]\n")
    result = lab.windrow(folder, "check", check=False)
    assert result.returncode == 2 and "windrow.yaml:11:" in result.stderr and "whole path" in result.stderr, result.stderr


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = lab.make_project(tmp_path_factory.mktemp("loaded") / "p")
    lab.add_events(folder, "a.ndjson", range(20))
    lab.windrow(folder, "run")
    return folder


WRITES = ["COPY (SELECT 1) TO '{}'", "COPY gold.kinds TO '{}'", "ATTACH '{}' AS x", "EXPORT DATABASE '{}'", "INSTALL httpfs", "LOAD '{}'",
          "CREATE TABLE t AS SELECT 1", "CREATE OR REPLACE VIEW gold.kinds AS SELECT 1", "CREATE MACRO m() AS 1", "DROP VIEW gold.kinds",
          "INSERT INTO gold.kinds VALUES (1)", "UPDATE gold.kinds SET total = 1", "DELETE FROM gold.kinds", "SET temp_directory = '{}'",
          "PRAGMA enable_profiling", "CALL checkpoint()", "VACUUM", "USE x", "BEGIN", "EXPLAIN ANALYZE COPY (SELECT 1) TO '{}'",
          "PREPARE p AS SELECT 1", "IMPORT DATABASE '{}'", "CREATE SECRET s (TYPE s3)", "SELECT 1; COPY (SELECT 1) TO '{}'",
          "SELECT 1) TO '{}'; --"]


@pytest.mark.parametrize("sql", WRITES)
def test_a_query_does_not_write(loaded, tmp_path, sql):
    out = tmp_path / "out"
    for more in ([], ["--out", str(tmp_path / "rows.csv")]):
        result = lab.windrow(loaded, "query", sql.format(out), *more, check=False)
        assert result.returncode == 2, result.stdout + result.stderr
    assert not list(tmp_path.iterdir())


def test_a_query_writes_where_that_is_said(loaded, tmp_path):
    out = tmp_path / "out.csv"
    lab.windrow(loaded, "query", "--allow-writes", f"COPY (SELECT count(*) AS n FROM gold.kinds) TO '{out}'")
    assert out.read_text() == "n\n3\n"
    refused = lab.windrow(loaded, "query", f"COPY gold.kinds TO '{out}'", check=False)
    assert "--allow-writes" in refused.stderr
    # What somebody types may read files of his.
    assert json.loads(lab.windrow(loaded, "query", f"FROM '{out}'", "--json").stdout) == [{"n": 3}]
    for sql in ("SHOW TABLES", "DESCRIBE gold.kinds", "SUMMARIZE gold.kinds", "EXPLAIN FROM gold.kinds", "VALUES (1)"):
        lab.windrow(loaded, "query", sql)


def test_a_query_opens_only_what_it_names(loaded, tmp_path):
    """A table that cannot be read is in nobody's way."""
    import shutil
    folder = tmp_path / "p"
    shutil.copytree(loaded, folder)
    for log in (lab.table_path(folder, "silver.events") / "_delta_log").glob("*.json"):
        log.write_text("broken\n")
    for sql in ("SELECT 1 AS n", "SELECT count(*) AS n FROM gold.kinds", "FROM Gold.KINDS", "DESCRIBE gold.kinds",
                "WITH \"silver.events\" AS (SELECT 1) SELECT count(*) FROM gold.daily",
                "SELECT (SELECT max(total) FROM memory.gold.daily) AS m"):
        lab.windrow(folder, "query", sql)
    for sql in ("FROM silver.events", "SELECT 1 WHERE EXISTS (FROM silver.events)", "SELECT count(*) FROM information_schema.tables",
                "SHOW TABLES", "FROM query('FROM gold.kinds')", "SUMMARIZE silver.events"):
        assert lab.windrow(folder, "query", sql, check=False).returncode != 0, sql


def test_views_are_opened_with_what_they_read(tmp_path):
    files = {**lab.FILES, "models/gold/v.sql": "/* windrow\nbuild: view\n*/\nSELECT kind FROM gold.kinds\n",
             "models/gold/w.sql": "/* windrow\nbuild: view\n*/\nSELECT count(*) AS n FROM gold.v\n"}
    folder = lab.make_project(tmp_path / "p", files)
    lab.add_events(folder, "a.ndjson", range(20))
    lab.windrow(folder, "run")
    assert json.loads(lab.windrow(folder, "query", "FROM gold.w", "--json").stdout) == [{"n": 3}]


def test_a_query_says_what_is_not_there(loaded, tmp_path):
    def error(folder, *words):
        result = lab.windrow(folder, "query", *words, check=False)
        assert result.returncode == 2, result.stdout + result.stderr
        assert "information_schema" not in result.stderr and "pg_catalog" not in result.stderr, result.stderr
        return result.stderr

    empty = lab.make_project(tmp_path / "p")
    text = error(empty, "SELECT *\nFROM gold.kinds")
    assert 'nothing has been loaded into "gold.kinds" yet' in text and "windrow run --select +gold.kinds" in text
    assert "FROM gold.kinds\n     ^" in text
    assert "nothing has been loaded into the lake yet" in error(empty, "FROM whatever")
    text = error(loaded, "FROM gold.kindz")
    assert 'there is no table "gold.kindz"' in text and 'did you mean "gold.kinds"?' in text
    assert 'did you mean "bronze.events" or "silver.events"?' in error(loaded, "SELECT * FROM events")
    assert "windrow ls" in error(loaded, "FROM nothing.like_it")
    assert '"gold.kinds" did not exist at' in error(loaded, "--at", "2020-01-01", "FROM gold.kinds")
    # The first of two that is missing, in its place.
    assert "gold.nix" in error(loaded, "FROM gold.kinds JOIN gold.nix USING (kind)")
