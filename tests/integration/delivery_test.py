"""Deliveries to files, in every form; DuckDB files as a serving store."""
import hashlib
import json
import random
import re
import subprocess
import sys
import time
import xml.etree.ElementTree
import zipfile

import duckdb
import pytest

import lab
import serving_lab

ROWS = """SELECT * FROM (VALUES
 (1, 'Ärger; "quoted"', 1234.5::DECIMAL(12,2), DATE '2025-10-17', TIMESTAMPTZ '2025-10-17 14:00:00+00', true, 0.25::DOUBLE),
 (2, NULL, -0.05, DATE '2025-10-18', TIMESTAMPTZ '2025-10-18 00:30:00+00', false, 'nan'::DOUBLE),
 (3, 'plain', NULL, NULL, NULL, NULL, NULL)) t(id, name, amount, day, at_, ok, score)
"""


def project(tmp_path, view: str, rows: str = ROWS, path="out files", extra="timezone: Europe/Berlin\n"):
    return serving_lab.project(tmp_path / "p", f'{{type: files, path: "{path}"}}', {
        "models/gold/orders.sql": rows,
        "publish/orders.yaml": "publish: orders\nto: serving\nviews:\n  - from: gold.orders\n    table: orders\n" + view,
    }, extra)


def delivered(folder, path="out files"):
    return sorted(str(f.relative_to(folder / path)) for f in (folder / path).rglob("*")
                  if f.is_file() and "_windrow" not in f.parts)


def test_csv_with_header_trailer_totals_sequence_and_checksum(tmp_path):
    folder = project(tmp_path, """
    file:
      format: csv
      name: "daily/ORD_{sequence:06}.txt"
      encoding: windows-1252
      newline: crlf
      delimiter: ";"
      decimal: ","
      nulls: "-"
      header: ["H|ORDERS|{sequence:04}"]
      trailer: ["T|{rows:08}|{sum:amount}|{min:day}|{max:id}"]
      checksum: sha256
      control: {name: "daily/{file}.ctl", lines: ["{file} {rows} {checksum}"]}
      fields:
        - {name: ID, column: id, format: "00000"}
        - {name: Name, column: name}
        - {name: Amount, column: amount, format: "0000.00"}
        - {name: Cents, column: amount, format: "000000V00"}
        - {name: Day, column: day, format: "%d.%m.%Y"}
        - {name: Local, column: at_, format: "%Y%m%d%H%M"}
        - {name: Source, text: WINDROW}
""")
    lab.windrow(folder, "run")
    assert delivered(folder) == ["daily/ORD_000001.txt", "daily/ORD_000001.txt.ctl", "daily/ORD_000001.txt.sha256"]
    raw = (folder / "out files/daily/ORD_000001.txt").read_bytes()
    assert raw.decode("windows-1252").split("\r\n") == [
        "H|ORDERS|0001", "ID;Name;Amount;Cents;Day;Local;Source",
        '00001;"Ärger; ""quoted""";1234,50;00123450;17.10.2025;202510171600;WINDROW',
        "00002;-;-0000,05;-00000005;18.10.2025;202510180230;WINDROW",
        "00003;plain;-;-;-;-;WINDROW", "T|00000003|1234.45|2025-10-17|3", ""]
    digest = hashlib.sha256(raw).hexdigest()
    assert (folder / "out files/daily/ORD_000001.txt.sha256").read_text() == f"{digest}  ORD_000001.txt\n"
    assert (folder / "out files/daily/ORD_000001.txt.ctl").read_bytes().decode() == f"ORD_000001.txt 3 {digest}\r\n"
    lab.windrow(folder, "run")  # nothing new: nothing is delivered
    assert len(delivered(folder)) == 3
    (folder / "models/gold/orders.sql").write_text(ROWS + " WHERE id < 3")
    lab.windrow(folder, "run")
    assert "daily/ORD_000002.txt" in delivered(folder)


def test_fixed_width(tmp_path):
    view = """
    file:
      format: fixed
      name: "f.txt"
      trailer: "END{rows:06}"
      fields:
        - {name: id, width: 6, pad: "0"}
        - {name: name, width: 8}
        - {name: amount, width: 12, format: "0.00"}
"""
    folder = project(tmp_path, view)
    result = lab.windrow(folder, "run", check=False)
    assert 'is longer than the 8 characters of the field "name"' in result.stdout + result.stderr
    assert delivered(folder) == []
    (folder / "publish/orders.yaml").write_text((folder / "publish/orders.yaml").read_text().replace(
        "format: fixed", "format: fixed\n      cut: true"))
    lab.windrow(folder, "run")
    assert (folder / "out files/f.txt").read_text().splitlines() == [
        "000001Ärger; \"     1234.50", "000002               -0.05", "000003plain               ", "END000003"]


def test_json_xml_and_utf16(tmp_path):
    folder = project(tmp_path, '    file: {format: json, name: "o.json"}\n')
    lab.windrow(folder, "run")
    rows = json.loads((folder / "out files/o.json").read_text())
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert rows[0]["amount"] == 1234.5 and rows[0]["score"] == 0.25 and rows[1]["score"] is None and rows[2]["ok"] is None
    publish = folder / "publish/orders.yaml"
    publish.write_text(publish.read_text().replace('{format: json, name: "o.json"}',
                                                   '{format: xml, name: "o.xml", root: orders, row: order, encoding: utf-16}'))
    lab.windrow(folder, "run")
    tree = xml.etree.ElementTree.fromstring((folder / "out files/o.xml").read_bytes())
    assert tree.tag == "orders" and [row.findtext("id") for row in tree] == ["1", "2", "3"]
    assert tree[0].findtext("name") == 'Ärger; "quoted"' and tree[1].find("name") is None
    publish.write_text(publish.read_text().replace("utf-16", "ascii"))
    result = lab.windrow(folder, "run", check=False)
    assert "U+00C4 has no place in the encoding ascii" in result.stdout + result.stderr
    publish.write_text(publish.read_text().replace('format: xml, name: "o.xml", root: orders, row: order, encoding: ascii',
                                                   'format: json_lines, name: "o.jsonl"'))
    lab.windrow(folder, "run")
    assert [json.loads(line)["id"] for line in (folder / "out files/o.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_parquet_and_excel(tmp_path):
    folder = project(tmp_path, '    file: {format: parquet, name: "o.parquet", fields: [{name: Number, column: id}, {name: amount}]}\n')
    lab.windrow(folder, "run")
    assert duckdb.sql(f"SELECT * FROM '{folder}/out files/o.parquet'").fetchall()[0][0] == 1
    assert duckdb.sql(f"SELECT * FROM '{folder}/out files/o.parquet'").columns == ["Number", "amount"]
    publish = folder / "publish/orders.yaml"
    publish.write_text(re.sub(r"file: .*", 'file: {format: excel, name: "o.xlsx", sheet: Orders}', publish.read_text()))
    lab.windrow(folder, "run")
    with zipfile.ZipFile(folder / "out files/o.xlsx") as book:
        sheet = xml.etree.ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        assert b'name="Orders"' in book.read("xl/workbook.xml")
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    rows = [["".join(cell.itertext()) for cell in row] for row in sheet.iter(space + "row")]
    assert rows[0] == ["id", "name", "amount", "day", "at_", "ok", "score"]
    assert rows[1][:4] == ["1", 'Ärger; "quoted"', "1234.5", "45947"] and float(rows[1][4]) == pytest.approx(45947 + 16 / 24)
    assert len(rows) == 4


def test_killed_deliveries_leave_nothing_half(tmp_path):
    folder = project(tmp_path, '    file: {format: csv, name: "o_{sequence:03}.csv", trailer: "END {rows}", checksum: sha256}\n',
                     "SELECT i AS id, 'text ' || i AS words FROM range(300000) t(i)")
    lab.windrow(folder, "run", "--select", "gold.*")
    random.seed(3)
    for _ in range(8):
        run = lab.start(folder, "publish")
        time.sleep(random.uniform(0.02, 0.35))
        run.kill()
        run.wait()
        for name in delivered(folder):
            if name.endswith(".csv"):
                assert (folder / "out files" / name).read_text().endswith("END 300000\n"), name
    lab.windrow(folder, "publish")
    whole = [name for name in delivered(folder) if name.endswith(".csv")]
    assert whole == ["o_001.csv"]
    assert hashlib.sha256((folder / "out files/o_001.csv").read_bytes()).hexdigest() in \
        (folder / "out files/o_001.csv.sha256").read_text()


def test_wrong_forms_are_told_by_check(tmp_path):
    folder = project(tmp_path, '    file: {format: fixed, name: "x"}\n')
    result = lab.windrow(folder, "check", check=False)
    assert result.returncode == 2 and 'format "fixed" needs "fields"' in result.stderr
    (folder / "publish/orders.yaml").write_text((folder / "publish/orders.yaml").read_text().replace(
        "format: fixed", "format: csvv"))
    assert "expected one of csv, json" in lab.windrow(folder, "check", check=False).stderr


def test_duckdb_file_is_swapped_whole(tmp_path):
    folder = serving_lab.project(tmp_path / "p", "{type: duckdb, path: serve/it.duckdb}", {
        "models/gold/other.sql": "SELECT 1 AS batch\n",
        "publish/all.yaml": "publish: all\nto: serving\nviews:\n  - {from: gold.numbers, table: numbers, indexes: [[id]]}\n"
                            "  - {from: gold.other, table: other}\n"})
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    reader = tmp_path / "reader.py"
    reader.write_text(f"""
import duckdb
while True:
    with duckdb.connect({str(folder / "serve/it.duckdb")!r}, read_only=True) as connection:
        print(*connection.execute("SELECT count(*), count(DISTINCT n.batch), max(n.batch), max(o.batch) FROM numbers n, other o").fetchone(), flush=True)
""")
    with open(tmp_path / "seen", "w") as seen:
        process = subprocess.Popen([sys.executable, str(reader)], stdout=seen, stderr=subprocess.STDOUT)
    random.seed(5)
    for turn in range(2, 8):
        serving_lab.batch(folder, turn)
        (folder / "models/gold/other.sql").write_text(f"SELECT {turn} AS batch\n")
        lab.windrow(folder, "run", "--select", "gold.*")
        run = lab.start(folder, "publish")
        time.sleep(random.uniform(0.05, 0.3))
        run.kill()
        run.wait()
        lab.windrow(folder, "publish")
    process.kill()
    process.wait()
    lines = (tmp_path / "seen").read_text().splitlines()
    assert len(lines) > 10
    for line in lines[:-1]:
        rows, different, batch, other = line.split()
        assert (rows, different, batch) == ("500", "1", other), line
    assert [f.name for f in (folder / "serve").iterdir() if "new" in f.name] == []
    assert "1 views" not in lab.windrow(folder, "health").stdout


def test_deliveries_to_s3(tmp_path, monkeypatch):
    import os
    import pathlib
    import shutil

    root = pathlib.Path(__file__).resolve().parents[2]
    if not shutil.which("go") and not list(pathlib.Path.home().glob(".cache/windrow/*minio*")):
        pytest.skip("MinIO is built with Go, which is not here")
    sys.path.append(str(root / "tests/servers"))
    import minio as minio_server

    server = minio_server.Minio(tmp_path / "servers")
    server.fetch()
    server.up()
    try:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in server.variables().items():
            monkeypatch.setenv(name, value)
        folder = project(tmp_path, '    file: {format: csv, name: "acme/o_{sequence}.csv", checksum: sha256}\n',
                         path="s3://windrow/deliveries")
        lab.windrow(folder, "run")
        lab.windrow(folder, "run")
        data = server.home / "data/windrow/deliveries/acme"
        assert sorted(f.name for f in data.iterdir()) == ["o_1.csv", "o_1.csv.sha256"]
        assert "s3://windrow/deliveries can be written to, 1 views delivered" in lab.windrow(folder, "health").stdout
    finally:
        server.down()


def test_sqlite_readers_see_one_batch_whole(tmp_path):
    import sqlite3
    import threading

    folder = serving_lab.project(tmp_path / "p", "{type: sqlite, path: serving.db}", {
        "models/gold/other.sql": "SELECT 1 AS batch\n",
        "publish/all.yaml": "publish: all\nto: serving\nviews:\n  - {from: gold.numbers, table: numbers, indexes: [[id]]}\n"
                            "  - {from: gold.other, table: other}\n"})
    rows = 20000
    serving_lab.batch(folder, 1, rows)
    lab.windrow(folder, "run")
    wrong, looks, stop = [], [0], threading.Event()

    def read():
        connection = sqlite3.connect(folder / "serving.db", timeout=30)
        while not stop.is_set():
            seen = connection.execute("SELECT count(*), count(DISTINCT n.batch), max(n.batch), max(o.batch) FROM numbers n, "
                                      "other o").fetchone()
            looks[0] += 1
            if seen[0] != rows or seen[1] != 1 or seen[2] != seen[3]:
                wrong.append(seen)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    random.seed(13)
    try:
        for turn in range(2, 12):
            serving_lab.batch(folder, turn, rows)
            (folder / "models/gold/other.sql").write_text(f"SELECT {turn} AS batch\n")
            lab.windrow(folder, "run", "--select", "gold.*")
            run = lab.start(folder, "publish")
            time.sleep(random.uniform(0.02, 0.2))
            run.kill()
            run.wait()
            if turn % 2 == 0:
                lab.windrow(folder, "publish")
    finally:
        lab.windrow(folder, "publish")
        stop.set()
        reader.join()
    assert not wrong and looks[0] > 10, wrong[:3]
