"""`windrow source try`: what it says of files holds when the source that it writes is run."""
import functools
import gzip
import http.server
import json
import threading

import pyarrow
import pyarrow.parquet
import pytest

import lab

CSV = """id,zip,amount,when,ok,day,note
1,01234,1.50,2025-10-17 09:00:00,true,2025-10-17,
2,99999,12,2025-10-18T10:00:00,false,2025-10-18,"a, b"
"""


@pytest.fixture
def folder(tmp_path):
    lab.windrow(tmp_path, "init", "shop")
    return tmp_path / "shop"


def tried(folder, *words):
    return json.loads(lab.windrow(folder, "source", "try", *words, "--json").stdout)


def types(folder, table):
    rows = json.loads(lab.windrow(folder, "query", f"DESCRIBE SELECT * FROM {table}", "--json").stdout)
    return {row["column_name"]: row["column_type"] for row in rows}


def test_a_csv_becomes_a_source(folder):
    (folder / "orders-2025-10.csv").write_text(CSV)
    told = tried(folder, "orders-2025-10.csv")
    assert told["source"] == "bronze.orders" and told["rows"] == 2 and not told["written"]
    assert not (folder / "sources/orders.yaml").exists() and not (folder / "lake").exists()
    assert {c["name"]: c["type"] for c in told["columns"]} == {
        "id": "bigint", "zip": "varchar", "amount": "double", "when": "timestamp", "ok": "boolean", "day": "date", "note": "varchar"}
    assert [c["filled"] for c in told["columns"]] == [2, 2, 2, 2, 2, 2, 1]
    shown = lab.windrow(folder, "source", "try", "orders-2025-10.csv", "--write").stdout
    assert "wrote sources/orders.yaml" in shown and (folder / "sources/orders.yaml").read_text() == told["yaml"]
    lab.windrow(folder, "run")
    assert types(folder, "bronze.orders") == {"id": "BIGINT", "zip": "VARCHAR", "amount": "DOUBLE", "when": "TIMESTAMP",
                                              "ok": "BOOLEAN", "day": "DATE", "note": "VARCHAR"}
    assert lab.windrow(folder, "query", "SELECT zip FROM bronze.orders ORDER BY id", "--format", "csv").stdout == "zip\n01234\n99999\n"
    again = lab.windrow(folder, "source", "try", "orders-2025-10.csv", "--write", check=False)
    assert again.returncode == 2 and "--name" in again.stderr
    assert (folder / "sources/orders.yaml").read_text() == told["yaml"]


def test_texts_of_json_get_the_types_that_all_of_them_have(folder):
    rows = [{"id": "7", "at": "2025-10-17T09:00:00Z", "n": {"Deep": 1}, "Yes": "x", "local": "2025-10-17 09:00", "price": "1.5",
             "code": "007", "mixed": "1", "empty": ""},
            {"id": "8", "at": "2025-10-17T09:00:00+02:00", "n": {"Deep": 2}, "Yes": "y", "local": "2025-10-18 10:00:30.5", "price": "2",
             "code": "12", "mixed": "one", "empty": ""}]
    (folder / "in").mkdir()
    (folder / "in/things.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    told = tried(folder, "in/*.ndjson", "--name", "bronze.things", "--write")
    assert {c["name"]: c["type"] for c in told["columns"]} == {
        "id": "bigint", "at": "timestamptz", "n": "STRUCT(Deep BIGINT)", "Yes": "varchar", "local": "timestamp", "price": "double",
        "code": "varchar", "mixed": "varchar", "empty": "varchar"}
    assert told["rows"] == 2 and told["set_aside"] == 1 and "record 3" in told["fault"]
    lab.windrow(folder, "run")
    found = lab.windrow(folder, "query", "SELECT id, code, epoch(\"at\")::BIGINT AS moment, n.Deep FROM bronze.things ORDER BY id", "--format", "csv")
    assert found.stdout == "id,code,moment,Deep\n7,007,1760691600,1\n8,12,1760684400,2\n"
    assert lab.windrow(folder, "query", "SELECT count(*) FROM bronze.things_rejected", "--format", "csv").stdout.splitlines()[1] == "1"


def test_odd_names_are_read_back(folder):
    names = ["a b", "yes", "Ünïcode", 'qu"ote', "back\\slash", "1st", "a: b", "#x", "- y", "{z}", "null"]
    pyarrow.parquet.write_table(pyarrow.table({name: [1, 2] for name in names}), folder / "odd.parquet")
    told = tried(folder, "odd.parquet", "--write")
    assert [c["name"] for c in told["columns"]] == names
    lab.windrow(folder, "run")
    assert set(types(folder, "bronze.odd")) == set(names)


def test_places(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with gzip.open(tmp_path / "elsewhere/9.csv.gz", "wt") as out:
        out.write("a\n1\n")
    told = tried(folder, "../elsewhere/9.csv.gz")  # outside of the project: by its whole path, named by its folder
    assert told["source"] == "bronze.elsewhere" and str(tmp_path / "elsewhere/9.csv.gz") in told["yaml"]
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        (tmp_path / "rates.csv").write_text("day,rate\n2025-10-17,1.1\n")
        url = f"http://127.0.0.1:{server.server_port}/rates.csv"
        told = tried(folder, url, "--write")
        assert told["source"] == "bronze.rates" and url in told["yaml"]
        lab.windrow(folder, "run")
        assert types(folder, "bronze.rates") == {"day": "DATE", "rate": "DOUBLE"}
    finally:
        server.shutdown()


@pytest.mark.parametrize("words, parts", [
    (["nothing.csv"], ["nothing.csv", "is not there"]),
    (["none*.csv"], ["there is no row in it"]),
    (["empty.csv"], ["there is no row in it"]),
    (["secret.bin"], ["does not show in its name", "format"]),
    (["secret.bin", "--format", "parquet"], ["secret.bin"]),
    (["rows.csv", "--name", "rows"], ["is no name of a table", "LAYER.TABLE"]),
    (["rows.csv", "--format", "xml"], ["xml"]),
    (["s3://"], ["s3://"]),
])
def test_bad_input(folder, words, parts):
    (folder / "empty.csv").write_text("")
    (folder / "rows.csv").write_text("a\n1\n")
    (folder / "secret.bin").write_bytes(b"\x00\x01\x02" * 100)
    result = lab.windrow(folder, "source", "try", *words, "--write", check=False)
    assert result.returncode in (1, 2)
    for part in parts:
        assert part in result.stderr, result.stderr
    assert "this is a bug" not in result.stderr
    assert [path.name for path in (folder / "sources").iterdir()] == ["README.md"] and not (folder / "lake").exists()


def test_without_a_project_it_says_how_to_make_one(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    result = lab.windrow(tmp_path, "source", "try", "a.csv", check=False)
    assert result.returncode == 2 and "windrow init" in result.stderr
