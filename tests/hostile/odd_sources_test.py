"""Files, databases and servers that are not what they seem. Whatever they hold: no crash, no words of an inner library's
own fault, the bad part is named, what is good beside it comes, and the count is even."""
import gzip
import io
import json
import sqlite3
import struct
import zipfile

import pyarrow
import pyarrow.parquet
import pytest

import lab
from bombs_test import CELL, HEADER, avro, record, xlsx, zigzag
from incoming_test import Texts, project as rest_project

ONE = record(("a", "long"))


def parquet(table, **options):
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, **options)
    return out.getvalue()


def good_parquet():
    return parquet(pyarrow.table({"a": pyarrow.array([0], pyarrow.int64())}))


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def sheet(xml):
    return xlsx([xml])


def laughing():
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    return zipped({"xl/workbook.xml": f'<!DOCTYPE x [{entities}]><workbook><sheets><sheet name="&a11;" sheetId="1" r:id="rId1"/></sheets></workbook>',
                   "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
                   "xl/worksheets/sheet1.xml": "<worksheet><sheetData>" + HEADER + CELL + "</sheetData></worksheet>"})


def footer(edit):
    data = bytearray(good_parquet())
    edit(data)
    return bytes(data)


def set_length(value):
    def edit(data):
        data[-8:-4] = struct.pack("<I", value)
    return edit


GOOD = {
    "csv": b"a\n0\n", "json": b'{"a":0}\n', "avro": avro(ONE, [(1, zigzag(0))]), "xlsx": sheet(HEADER + CELL), "parquet": good_parquet(),
    "txt": b"0\n", "gz": gzip.compress(b'{"a":0}\n'),
}
# a name whose ending says what it is → bytes; rows that are good in it (None: any number), whether something is set aside
FILES = {
    "half.avro": (avro(ONE, [(2, zigzag(1))]), None, True),
    "backwards.avro": (avro(ONE, [(-5, zigzag(1))]), 0, True),
    "itself.avro": (avro({"type": "record", "name": "r", "fields": [{"name": "a", "type": "r"}]}, [(1, zigzag(0))]), 0, True),
    "codec.avro": (avro(ONE, [(1, zigzag(1))], codec="snippy"), 0, True),
    "schema.avro": (b"Obj\x01" + zigzag(1) + zigzag(11) + b"avro.schema" + zigzag(7) + b'{"type"' + zigzag(0) + b"m" * 16, 0, True),
    "marker.avro": (avro(ONE, [(1, zigzag(1))])[:-1] + b"x", None, True),
    "union.avro": (avro(record(("a", ["null", "long"])), [(1, zigzag(7) + zigzag(1))]), 0, True),
    "nothing.avro": (b"", 0, None),
    "length.avro": (avro(record(("a", "string")), [(1, zigzag(2**60))]), 0, True),
    "laugh.xlsx": (laughing(), None, None),
    "nowhere.xlsx": (sheet('<row r="1"><c r="A1" t="s"><v>99999</v></c></row>' + CELL), None, None),
    "noparts.xlsx": (zipped({"readme.txt": "hello"}), 0, True),
    "cell.xlsx": (sheet(HEADER + '<row><c r="XFD1048577999999999999"><v>1</v></c></row>'), None, None),
    "backwards.xlsx": (sheet('<row r="5"><c r="A5"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'), None, None),
    "cut.xlsx": (sheet(HEADER + CELL)[:-40], 0, True),
    "tags.xlsx": (sheet("<row><c><v>1</c></row><<<"), None, None),
    "magic.parquet": (b"PAR1PAR1", 0, True),
    "short.parquet": (good_parquet()[:-20], 0, True),
    "beyond.parquet": (footer(set_length(2**31 - 1)), 0, True),
    "zero.parquet": (footer(set_length(0)), 0, True),
    "secret.parquet": (good_parquet()[:-4] + b"PARE", 0, True),
    "page.parquet": (footer(lambda data: data.__setitem__(slice(4, 24), b"\xff" * 20)), 0, True),
    "case.parquet": (parquet(pyarrow.table([pyarrow.array([1]), pyarrow.array([2])], names=["a", "A"])), None, None),
    "twice.parquet": (parquet(pyarrow.table([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"])), None, None),
    "nameless.parquet": (parquet(pyarrow.table([pyarrow.array([1])], names=[""])), None, None),
    "cut.gz": (gzip.compress(b'{"a":1}\n' * 1000)[:-9], None, True),
    "liar.gz": (b'{"a":1}\n', None, None),
    "checksum.gz": (gzip.compress(b'{"a":1}\n')[:-8] + b"\0" * 8, None, True),
    "twin.gz": (gzip.compress(b'{"a":1}\n') + b"rubbish", None, None),
    "zeros.csv": (b"\0" * 5000, None, None),
    "quotes.csv": (b'"""""""""\n"\n"",""\n', None, None),
    "bom.csv": ("a\n1\n".encode("utf-16"), None, None),
    "wide.csv": (b"a" + b"," * 500 + b"\n" + b"1" + b"," * 500 + b"\n", None, None),
    "names.csv": (b'"a\nb",a,a,"",select,"x"";"\n1,2,3,4,5,6\n', None, None),
    "zeros.txt": (b"a\0b\n\xff\xfe\n\r\r\n", None, None),
    "long.txt": (b"x" * 3_000_000, 1, False),
}


def tasks_of(result):
    text = result.stdout + result.stderr
    assert result.returncode in (0, 1, 2), (result.returncode, text[-2000:])  # a signal is below zero
    assert "INTERNAL" not in text and "this is a bug" not in text and "std::" not in text, text[-2000:]
    assert result.stdout.startswith("{"), text
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path, name):
    data, good, bad = FILES[name]
    ending = name.rsplit(".", 1)[1]
    form = {"txt": "format: text\n", "gz": "format: json\n"}.get(ending, "")
    more = ", pattern: '(?P<a>.*)'" if ending == "txt" else ""
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": lab.FILES["windrow.yaml"],
                                               "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"data/*\"{more}}}\n{form}"})
    (folder / f"data/0good.{ending}").write_bytes(GOOD[ending])
    (folder / "data" / name).write_bytes(data)
    result = lab.windrow(folder, "run", "--json", "--select", "bronze.t", check=False, timeout=60)
    answer = tasks_of(result)
    if "tasks" not in answer or answer["tasks"][0]["status"] == "failed":
        assert name in result.stdout + result.stderr, result.stdout + result.stderr
        pytest.fail(f"one file stops the source: {result.stdout} {result.stderr}")
    task = answer["tasks"][0]
    assert task["rows"] >= 1, task
    if good is not None:
        assert task["rows"] == good + 1, task
    if bad is not None:
        assert (task.get("rejected", 0) > 0) == bad, task
    if task.get("rejected", 0):
        told = json.loads(lab.windrow(folder, "query", "--json", "SELECT DISTINCT origin FROM bronze.t_rejected").stdout)
        assert told == [{"origin": name}], told
    again = tasks_of(lab.windrow(folder, "run", "--json", "--select", "bronze.t", check=False))
    assert again["tasks"][0]["status"] == "up to date", again


DATABASES = {
    "types that do not hold": "CREATE TABLE t (a INTEGER, b DATE, c BOOLEAN, d DECIMAL(5,2)); INSERT INTO t VALUES ('x', 'never', 'maybe', 1e300), (1, '2025-01-01', 1, 1.5), (x'00ff', 9e99, x'01', 'y')",
    "numbers at their ends": "CREATE TABLE t (a INTEGER, b REAL); INSERT INTO t VALUES (9223372036854775807, 1e308), (-9223372036854775808, -1e308), (NULL, NULL), (1e19, 9e999)",
    "names": 'CREATE TABLE t ("a b" INT, "select" INT, "x""y" INT, "; DROP TABLE t" INT, "é" INT, "" INT); INSERT INTO t VALUES (1, 2, 3, 4, 5, 6)',
    "names by case": 'CREATE VIEW t AS SELECT 1 AS "a", 2 AS "a:1", 3 AS "A"',
    "texts": "CREATE TABLE t (a TEXT, b BLOB); INSERT INTO t VALUES ('a' || char(0) || 'b', x''), (CAST(x'ff' AS TEXT), x'ff00'), ('', NULL), (char(128512), zeroblob(100000))",
    "no rows": "CREATE TABLE t (a INTEGER, b)",
    "no types": "CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 'x', NULL), ('y', 2.5, x'00')",
    "a view that fails in the middle": "CREATE TABLE u (a TEXT); INSERT INTO u SELECT value FROM generate_series(1, 5000); INSERT INTO u VALUES ('{'); CREATE VIEW t AS SELECT json_extract(a, '$') AS a FROM u",
    "a name that the reader wants": "CREATE TABLE t (extracted_at TEXT, rowid TEXT, record INTEGER, rejected_select TEXT); INSERT INTO t VALUES ('x', 'y', 1, 'z')",
}


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("cursor", ["", ", cursor: rowid"])
def test_sqlite(tmp_path, name, cursor):
    with sqlite3.connect(tmp_path / "app.db") as db:
        try:
            db.executescript(DATABASES[name].replace("generate_series(1, 5000)", "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value FROM n)"))
        except sqlite3.OperationalError as error:
            pytest.skip(str(error))
        if cursor and "VIEW t" in DATABASES[name]:
            pytest.skip("a view has no rowid")
        try:
            there = db.execute("SELECT count(*) FROM t").fetchone()[0]
        except sqlite3.OperationalError:
            there = None
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: lab\nconnections: {{app: {{type: sqlite, path: \"{tmp_path}/app.db\"}}}}\n",
        "sources/t.yaml": f"source: bronze.t\nfrom: {{database: app, table: t{cursor}}}\n"})
    result = lab.windrow(folder, "run", "--json", check=False)
    task = tasks_of(result)["tasks"][0]
    if task["status"] == "failed":
        assert name.startswith(("a view", "names", "no types")) or "clash" in result.stdout or cursor, result.stdout
        assert task["problem"]["message"] and not lab.table_path(folder, "bronze.t").exists(), task
    else:
        assert task["rows"] + task.get("rejected", 0) == there, task


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0" + b"\xff" * 4080, b"not a database at all" * 100])
def test_no_database(tmp_path, data):
    (tmp_path / "app.db").write_bytes(data)
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: lab\nconnections: {{app: {{type: sqlite, path: \"{tmp_path}/app.db\"}}}}\n",
        "sources/t.yaml": "source: bronze.t\nfrom: {database: app, table: t}\n"})
    task = tasks_of(lab.windrow(folder, "run", "--json", check=False))["tasks"][0]
    assert task["status"] == "failed" and task["problem"]["message"]
    assert (tmp_path / "app.db").read_bytes() == data


ANSWERS = {
    "a page of HTML": "<html><body>log in</body></html>",
    "nothing": "",
    "null": "null",
    "a text": '"hello"',
    "a list of lists": "[[1],[2]]",
    "an object of objects": '{"a":{"id":1},"b":{"id":2}}',
    "the same key many times": "[" + ",".join(['{"id":1}'] * 50) + "]",
    "half of it": '[{"id":1},{"id":',
    "an error in words of success": '{"success":false,"error":"no"}',
    "a mark of bytes": '\ufeff[{"id":1}]',
    "zeros": "[{\"id\":1}]\0\0",
    "a next that goes home": '{"results":[{"id":1}],"next":"/list"}',
    "a next elsewhere": '{"results":[{"id":1}],"next":"http://192.0.2.1/x"}',
    "a next that is no text": '{"results":[{"id":1}],"next":{"a":[1]}}',
    "a total that lies": '{"results":[{"id":1}],"total":99999999999999999999}',
    "pages without end": '{"results":[{"id":1}],"page":1,"total_pages":1e30}',
}


@pytest.mark.parametrize("name", ANSWERS)
def test_rest(tmp_path, name):
    with Texts() as server:
        server.text = ANSWERS[name]
        folder = rest_project(tmp_path, server.url, "from: {rest: api, resources: {list: {path: /list, primary_key: id}}}\n")
        settings = folder / "windrow.yaml"
        settings.write_text(settings.read_text().replace("type: rest", "type: rest, retries: {times: 1, delay: 5ms, max: 5ms}"))
        result = lab.windrow(folder, "run", "--json", check=False, timeout=90)
    answer = tasks_of(result)
    task = answer["tasks"][0]
    if task["status"] == "failed":
        assert "list" in json.dumps(task["problem"]), task
    else:
        assert task["rows"] + task.get("rejected", 0) >= 1 or name in ("nothing", "null"), task
