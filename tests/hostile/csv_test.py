"""CSV that is broken: only what is broken is set aside, with its line, or the file, by name."""
import datetime
import gzip
import json

import lab
import pytest

SOURCE = {"sources/t.yaml": "source: bronze.t\nfrom: {files: \"data/*\"}\n", "windrow.yaml": lab.FILES["windrow.yaml"]}


def project(path, more="", **files):
    folder = lab.make_project(path, {**SOURCE, "sources/t.yaml": SOURCE["sources/t.yaml"].replace("\"}", "\"" + more + "}")})
    for name, data in files.items():
        (folder / "data" / name.replace("__", ".")).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def ingest(folder, check=True):
    result = lab.windrow(folder, "run", "--select", "bronze.t", "--json", check=check)
    return json.loads(result.stdout)["tasks"][0]


def query(folder, sql):
    return json.loads(lab.windrow(folder, "query", sql, "--json").stdout)


def sales(first, count, broken=()):
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice"]
    for i in range(first, first + count):
        text = '"SET OF 3, RED' if i in broken else '"SET OF 3, RED"' if i % 3 else "LANTERN"
        when = datetime.datetime(2010, 12, 1) + datetime.timedelta(minutes=i)
        lines.append(f"{i},8{i}A,{text},{i % 7},{when:%Y-%m-%d %H:%M:%S},2.55")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("told", ["", ", csv: {delimiter: \",\", quote: '\"', header: true}"])
def test_an_unclosed_quote_in_one_of_a_batch(tmp_path, told):
    folder = project(tmp_path / "p", told, a__csv=sales(0, 600), b__csv=sales(600, 636, broken=(904,)), c__csv=sales(1236, 100))
    task = ingest(folder)
    assert (task["rows"], task["rejected"]) == (1335, 1), task
    assert query(folder, "SELECT count(*) AS n FROM bronze.t WHERE InvoiceNo IS NULL OR Quantity IS NULL OR UnitPrice IS NULL OR InvoiceDate IS NULL") == [{"n": 0}]
    bad = query(folder, "SELECT origin, position, content FROM bronze.t_rejected")
    assert [(row["origin"], row["position"]) for row in bad] == [("b.csv", 306)]
    assert bad[0]["content"].startswith("904,")


def test_one_file_with_several_of_them_packed(tmp_path):
    folder = project(tmp_path / "p", a__csv__gz=gzip.compress(sales(0, 500, broken=(7, 8, 250, 499)).encode()))
    task = ingest(folder)
    assert (task["rows"], task["rejected"]) == (496, 4), task
    assert [row["position"] for row in query(folder, "SELECT position FROM bronze.t_rejected ORDER BY 1")] == [9, 10, 252, 501]


def test_the_only_row_is_no_text(tmp_path):
    folder = project(tmp_path / "p", a__csv=b"a,b\n\xff\xfe,3\n")
    task = ingest(folder, check=False)
    assert task["status"] == "failed"
    assert "a.csv" in json.dumps(task) and "line 2" in json.dumps(task), task
    (folder / "data/b.csv").write_text("a,b\nx,3\n")
    task = ingest(folder)
    assert (task["rows"], task["rejected"]) == (1, 1), task


def test_a_file_without_rows_is_not_looked_at_again(tmp_path):
    folder = project(tmp_path / "p", a__csv="id,v\n1,2\n")
    assert ingest(folder)["rows"] == 1
    (folder / "data/b.csv").write_text("id,v\n")
    ingest(folder)
    assert "bronze.t" not in [task["asset"] for task in json.loads(lab.windrow(folder, "plan", "--json").stdout).get("tasks", [])
                              if task.get("reason")], lab.windrow(folder, "plan").stdout


def test_values_that_do_not_fit_have_the_files_own_lines(tmp_path):
    folder = project(tmp_path / "p", ", csv: {header: true}", a__csv="id,v\n" + "".join(f"{i},{i}\n" for i in range(30000)) +
                     "1,\"x\ny\"\n2,oops\n\n3,\"open\n4,\xfc\n".encode("latin-1").decode("latin-1"))
    (folder / "sources/t.yaml").write_text(SOURCE["sources/t.yaml"] + "columns: {v: bigint}\n")
    task = ingest(folder)
    assert task["rows"] == 30000, task
    assert [row["position"] for row in query(folder, "SELECT position FROM bronze.t_rejected ORDER BY 1")] == [30002, 30004, 30006, 30007]


def test_a_missing_column_names_the_file(tmp_path):
    folder = project(tmp_path / "p", a__csv="id,w\n1,x\n", b__csv="id\n2\n")
    source = folder / "sources/t.yaml"
    source.write_text(SOURCE["sources/t.yaml"] + "columns: {id: bigint, w: varchar}\n")
    task = ingest(folder)
    assert (task["rows"], task["rejected"]) == (1, 1), task
    assert "b.csv" in json.dumps(task["warnings"]), task
    (folder / "data/c.csv").write_text("id\n3\n")
    source.write_text(source.read_text().replace("\"}", "\", missing_column: fail}"))
    task = ingest(folder, check=False)
    assert task["status"] == "failed" and "c.csv" in json.dumps(task), task
    source.write_text(source.read_text().replace("fail}", "\"null\"}"))
    task = ingest(folder)
    assert (task["rows"], task.get("rejected", 0)) == (1, 0) and "c.csv" in json.dumps(task["warnings"]), task
