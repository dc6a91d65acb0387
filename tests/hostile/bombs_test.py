"""Files that ask for far more than they weigh. Each lies beside a good one, which is read; the bomb is set aside with its
reason, and the process keeps to `engine.memory`."""
import gzip
import io
import json
import zipfile
import zlib

import lab
import pytest

MEMORY_MB = 256
#: What the program is besides what `engine.memory` bounds: itself, DuckDB's own, threads.
BESIDE_MB = 220
PROJECT = f"project: small\nenvironments: {{dev: {{lake: lake, engine: {{memory: {MEMORY_MB}MB}}}}}}\n"
GOOD = {".csv": b"a,b\n1,x\n", ".avro": None, ".xlsx": None, ".json": b'{"a":1}\n'}


def zigzag(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def avro(schema, blocks, codec="null"):
    text = json.dumps(schema).encode()
    marker = b"m" * 16
    out = b"Obj\x01" + zigzag(2)
    for key, value in ((b"avro.schema", text), (b"avro.codec", codec.encode())):
        out += zigzag(len(key)) + key + zigzag(len(value)) + value
    out += zigzag(0) + marker
    for records, data in blocks:
        if codec == "deflate":
            packer = zlib.compressobj(1, zlib.DEFLATED, -15)
            data = packer.compress(data) + packer.flush()
        out += zigzag(records) + zigzag(len(data)) + data + marker
    return out


def record(*fields):
    return {"type": "record", "name": "r", "fields": [{"name": name, "type": kind} for name, kind in fields]}


def xlsx(sheet, texts=()):
    """`sheet` and `texts`: pieces of the parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", '<workbook><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels",
                         '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>')
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            for piece in ("<worksheet><sheetData>", *sheet, "</sheetData></worksheet>"):
                part.write(piece.encode() if isinstance(piece, str) else piece)
        if texts:
            with archive.open("xl/sharedStrings.xml", "w") as part:
                for piece in ("<sst>", *texts, "</sst>"):
                    part.write(piece.encode() if isinstance(piece, str) else piece)
    return out.getvalue()


HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
CELL = '<row><c r="A2"><v>1</v></c></row>'
GOOD[".xlsx"] = xlsx([HEADER, CELL])
GOOD[".avro"] = avro(record(("a", "long")), [(1, zigzag(1))])


def wide_row(columns):
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>c{i}</t></is></c>' for i in range(columns)) + "</row>"


MILLION = b"x" * 1_000_000
MANY = "0123456789" * 100_000
NULLS = record(("a", {"type": "array", "items": "null"}))
#: Name → how it is made, and a part of the reason; no reason where it is read, or in part.
BOMBS = {
    "array_of_null.avro": (lambda: avro(NULLS, [(1, (zigzag(1_000_000)) * 5000 + zigzag(0))]), "record_bytes_max"),
    "arrays_of_null.avro": (lambda: avro(NULLS, [(1, zigzag(1_000_000) + zigzag(0))] * 3000), "unpacked_bytes_max"),
    "empty_records.avro": (lambda: avro(record(), [(1 << 60, b"")]), "records without a byte"),
    "scale.avro": (lambda: avro(record(("a", {"type": "bytes", "logicalType": "decimal", "precision": 2_000_000_001, "scale": 2_000_000_000})),
                             [(1, zigzag(1) + b"\x01")]), "38 digits are the most"),
    "long_block.avro": (lambda: avro(record(("a", "string")), [(1, zigzag(300_000_000) + MILLION * 300)], "deflate"), "do not unpack"),
    "promised_block.avro": (lambda: avro(record(("a", "string")), [])[:-16] + b"m" * 16 + zigzag(1) + zigzag(1_000_000_000), "ends too early"),
    "many_fields.avro": (lambda: avro(record(*[(f"f{i}", "null") for i in range(20_000)]), [(1, b"")]), "fields; 4096 are the most"),
    "texts.xlsx": (lambda: xlsx([HEADER, CELL], ["<si><t>" + MANY + "</t></si>"] * 300), "MB of memory"),
    "empty_texts.xlsx": (lambda: xlsx([HEADER, CELL], ["<si/>" * 100_000] * 60), "MB of memory"),
    "one_text.xlsx": (lambda: xlsx([HEADER, '<row><c t="inlineStr"><is><t>', *[MANY] * 100, "</t></is></c></row>"]), "record_bytes_max"),
    "one_text_many_cells.xlsx": (lambda: xlsx([HEADER, "<row>" + '<c t="s"><v>0</v></c>' * 4000 + "</row>"], ["<si><t>" + MANY + "</t></si>"]), "record_bytes_max"),
    "wide.xlsx": (lambda: xlsx([wide_row(16_384), *["<row>" + "<c><v>1</v></c>" * 16_384 + "</row>"] * 20]), "columns; 4096 are the most"),
    "last_column.xlsx": (lambda: xlsx(['<row><c r="XFD1"><v>1</v></c></row>' * 1000] * 20), "columns; 4096 are the most"),
    "same_names.xlsx": (lambda: xlsx(["<row>" + '<c t="inlineStr"><is><t>same</t></is></c>' * 4000 + "</row>"] + ['<row><c><v>1</v></c></row>'] * 3), None),
    "one_line.csv.gz": (lambda: gzip.compress(b"a,b\n1," + MILLION * 400 + b"\n2,y\n", 1), None),
    "one_quote.csv.gz": (lambda: gzip.compress(b'a,b\n1,"' + (b"x" * 999 + b"\n") * 100_000, 1), None),
    "uneven.csv.gz": (lambda: gzip.compress(b"a,b\n1,x\n" + (b"1,2,3," + b"x" * 994 + b"\n") * 100_000, 1), None),
    "wide.csv": (lambda: b",".join(b"c%d" % i for i in range(20_000)) + b"\n", "columns; 4096 are the most"),
    "bomb.csv.gz": (lambda: gzip.compress(b"a,b\n", 1) + gzip.compress(b"1,2\n" * 1_000_000, 1) * 300, "unpacked_bytes_max"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_set_aside_within_memory(tmp_path, name):
    make, why = BOMBS[name]
    data = make()
    bound = ", unpacked_bytes_max: 64MB" if why == "unpacked_bytes_max" else ""
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"data/*\"{bound}}}\n"})
    ending = "." + name.split(".")[1]
    (folder / "data" / ("good" + ending)).write_bytes(GOOD[ending])
    (folder / "data" / name).write_bytes(data)
    assert len(data) < 12_000_000
    peak = lab.peak_mb(folder, "run", "--select", "bronze.t")
    assert peak < MEMORY_MB + BESIDE_MB, peak
    rows = json.loads(lab.windrow(folder, "query", "SELECT * FROM bronze.t", "--json").stdout)
    assert rows
    if why is not None:
        bad = json.loads(lab.windrow(folder, "query", "SELECT origin, error FROM bronze.t_rejected", "--json").stdout)
        assert [row["origin"] for row in bad] == [name] and why in bad[0]["error"], bad


def test_lines_with_other_columns_are_set_aside_one_by_one(tmp_path):
    """However many there are: each with its line and its content, and the good ones between them are rows."""
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "sources/t.yaml": 'source: bronze.t\nfrom: {files: "data/*"}\n'})
    lines = [b"%d,%s" % (i, b"y" * 900) + (b",z" if i % 3 == 1 else b"") for i in range(30_000)]
    (folder / "data/t.csv").write_bytes(b"a,b\n" + b"\n".join(lines) + b"\n")
    lab.windrow(folder, "run", "--select", "bronze.t")
    rows = json.loads(lab.windrow(folder, "query", "SELECT count(*) AS n, sum(a) AS a, min(length(b)) AS b FROM bronze.t", "--json").stdout)
    good = [i for i in range(30_000) if i % 3 != 1]
    assert rows == [{"n": len(good), "a": sum(good), "b": 900}]
    bad = json.loads(lab.windrow(folder, "query", "SELECT count(*) AS n, min(position) AS first, sum(position) AS places, any_value(error) AS error,"
                                 " bool_and(content LIKE '%,z') AS whole FROM bronze.t_rejected", "--json").stdout)
    assert bad == [{"n": 10_000, "first": 3, "places": sum(i + 2 for i in range(1, 30_000, 3)), "whole": True,
                    "error": "it has another number of columns than the first record"}]
