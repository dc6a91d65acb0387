"""`check` tells everything that is wrong, each thing with its place."""
import json

import pytest

import lab

PROJECT = lab.FILES["windrow.yaml"]


def check(tmp_path, files, *verb):
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, **files})
    result = lab.windrow(folder, *(verb or ("check",)), check=False)
    assert "this is a bug" not in result.stderr
    return result.returncode, result.stdout + result.stderr


SOURCE = "source: bronze.events\nfrom: {files: \"data/*.ndjson\"}\nformat: json\ncolumns: {id: bigint, ts: timestamp, kind: varchar}\n"


def test_all_at_once(tmp_path):
    files = {
        "sources/events.yaml": SOURCE,
        # YAML: an unknown key, a type that there is not, a check that is no SQL
        "sources/more.yaml": "source: bronze.more\nfrom: {files: \"x/*.csv\"}\ncolums: {a: bigint}\ncolumns:\n  a: bigynt\n  b: {checks: [{expression: \"b >\"}]}\n",
        "models/silver/a.sql": "/* windrow\ntags: {a: 1}\n*/\nSELECT id FROM bronze.events\n",
        # SQL: syntax, an unknown column, a column without a home, a structure without names
        "models/silver/b.sql": "SELECT 1,\nFROM FROM bronze.events\n",
        "models/silver/c.sql": "SELECT id,\n  knd FROM bronze.events\n",
        "models/silver/d.sql": "SELECT id,\n  ts - ts AS age,\n  row(1, 'x') AS pair FROM bronze.events\n",
        # what reads a model with a problem is looked at all the same
        "models/gold/e.sql": "SELECT age, nix FROM silver.d\n",
        # checks over columns that there are not, of the wrong type, over tables that there are not
        "models/gold/f.sql": """/* windrow
columns:
  id:
    checks:
      - {expression: "length(id) > 1"}
      - {relationship: {to: gold.none, column: id}}
  d: {type: INTERVAL}
checks: [{expression: "idd > 0"}, {unique: {columns: [ids]}}]
*/
SELECT id, 1 AS d FROM bronze.events
""",
        "publish/serving.yaml": "publish: serving\nto: serving\nviews: [{sql: \"SELECT ix FROM bronze.events\", table: x}]\n",
        "tests/t.yaml": "test: silver.a\nexpekt: []\n",
    }
    code, text = check(tmp_path, files)
    assert code == 2
    for place, words in [
        ("sources/more.yaml:3:1", "colums"), ("sources/more.yaml:5:6", 'there is no type "bigynt"'), ("sources/more.yaml:6:", "syntax error"),
        ("models/silver/a.sql:2:7", "tags"), ("models/silver/b.sql:2:", "syntax error"), ("models/silver/c.sql:2:3", "knd"),
        ("models/silver/d.sql:2:6", "INTERVAL"), ("models/silver/d.sql:3:3", "need names"), ("models/gold/e.sql:1:13", "nix"),
        ("models/gold/f.sql:5:10", "length"), ("models/gold/f.sql:6:", "gold.none"), ("models/gold/f.sql:7:3", "INTERVAL"),
        ("models/gold/f.sql:8:11", "idd"), ("models/gold/f.sql:8:", "ids"), ("publish/serving.yaml:3:", "ix"), ("tests/t.yaml:2:1", "expekt"),
    ]:
        assert any(place in line for line in text.splitlines()), (place, text)
        assert words in text, (words, text)
    # Nothing is blamed for what only follows.
    assert text.count("models/gold/e.sql") == 1 and text.count("models/silver/a.sql") == 1, text


def test_what_reads_a_file_with_problems_is_not_blamed(tmp_path):
    code, text = check(tmp_path, {
        "sources/events.yaml": "source: bronze.events\nfrom: {filez: \"x\"}\n",
        "models/silver/a.sql": "SELECT id FROM bronze.events\n",
    })
    assert code == 2 and "filez" in text and "silver/a.sql" not in text, text


@pytest.mark.parametrize("expression", ["kind >", "kind = 'a", "kind; DROP TABLE x", "", "kind AS x", "*", "kind kind", "SELECT 1", "kind = 1)",
                                        "no_such_function(kind)", "kund = 'a'", "id.x > 1", "sum(id) > 1 AND count(*) > kind.x"])
def test_a_check_that_is_no_sql(tmp_path, expression):
    model = f"/* windrow\nchecks: [{{expression: {json.dumps(expression)}}}]\n*/\nSELECT id, kind FROM bronze.events\n"
    code, text = check(tmp_path, {"sources/events.yaml": SOURCE, "models/silver/a.sql": model})
    assert code == 2 and "models/silver/a.sql:2:" in text, text


UNSIGNED = """SELECT cardinality(map {'a': 1}) AS c, json_array_length('[1,2]') AS j, histogram(x) AS h, 7::UTINYINT AS t, 7::USMALLINT AS s,
  4000000000::UINTEGER AS i, [1::UBIGINT] AS l, {'u': 2::UBIGINT} AS n, 9223372036854775807::UBIGINT AS big, 5::UHUGEINT AS huge
FROM (VALUES (1), (1), (2)) v(x)
"""


def test_unsigned_integers_are_the_next_signed_type(tmp_path):
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "models/gold/u.sql": UNSIGNED})
    lab.windrow(folder, "run")
    table = lab.table_path(folder, "gold.u")
    assert lab.deltalake.DeltaTable(table).to_pyarrow_table().to_pylist() == [{
        "c": 1, "j": 2, "h": [(1, 2), (2, 1)], "t": 7, "s": 7, "i": 4000000000, "l": [1], "n": {"u": 2}, "big": 2**63 - 1, "huge": 5}]
    types = {field.name: str(field.type) for field in lab.deltalake.DeltaTable(table).schema().fields}
    assert [types[name] for name in "ctsi"] == ['PrimitiveType("long")', 'PrimitiveType("short")', 'PrimitiveType("integer")', 'PrimitiveType("long")']
    for value in ("9223372036854775808::UBIGINT", "[18446744073709551615::UBIGINT]", "{'a': 9223372036854775808::UHUGEINT}"):
        (folder / "models/gold/v.sql").write_text(f"SELECT {value} AS x\n")
        result = lab.windrow(folder, "run", "--select", "gold.v", check=False)
        assert result.returncode == 1 and "out of range" in result.stdout + result.stderr, result.stdout + result.stderr
        assert not (lab.table_path(folder, "gold.v") / "_delta_log").exists()
