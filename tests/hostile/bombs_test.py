"""Files that ask for far more than they weigh. Each lies beside a good one, which is read; the bomb is set aside with its
reason, and the process keeps to `engine.memory`."""
import gzip
import io
import json
import random
import struct
import time
import zipfile
import zlib

import lab
import pyarrow as pa
import pyarrow.parquet as pq
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


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def thrift(*fields):
    """A struct of Thrift's compact protocol; a field is its number and a value as those below make them: type and bytes."""
    out, last = b"", 0
    for number, (kind, data) in fields:
        out += bytes([(number - last) << 4 | kind]) + data
        last = number
    return 12, out + b"\0"


def number(value, kind=5):
    return kind, zigzag(value)


def long(value):
    return number(value, 6)


def text(value):
    return 8, varint(len(value)) + value.encode()


def listed(*items, count=None, kind=12):
    return 9, bytes([0xf0 | kind]) + varint(len(items) if count is None else count) + b"".join(data for _, data in items)


def element(name, children=None, kind=None, optional=False, utf8=False):
    fields = [] if kind is None else [(1, number(kind))]
    fields += [(3, number(int(optional))), (4, text(name))]
    return thrift(*fields, *([] if children is None else [(5, number(children))]), *([(6, number(0))] if utf8 else []))


def parquet(schema, rows=0, groups=(), pages=b"", **of_schema):
    _, footer = thrift((1, number(1)), (2, listed(*schema, **of_schema)), (3, long(rows)), (4, listed(*groups)))
    return b"PAR1" + pages + footer + struct.pack("<I", len(footer)) + b"PAR1"


def page(head, body, unpacked=None):
    """A data page (5: values, encoding) or a dictionary (7)."""
    of, values, encoding = head
    inner = [(1, number(values)), (2, number(encoding))] + [(3, number(3)), (4, number(3))] * (of == 5)
    return thrift((1, number(0 if of == 5 else 2)), (2, number(unpacked or len(body))), (3, number(len(body))), (of, thrift(*inner)))[1] + body


def one_column(kind, values, *pages, optional=False, codec=0, rows=None, unpacked=None, utf8=False):
    """One row group; of two pages the first is a dictionary."""
    size = sum(map(len, pages))
    more = [(9, long(4 + len(pages[0]) if len(pages) > 1 else 4)), (11, long(4))][:len(pages)]
    meta = thrift((1, number(kind)), (2, listed(number(0), number(3), number(8), kind=5)), (3, listed(text("a"), kind=8)), (4, number(codec)),
                  (5, long(values)), (6, long(unpacked or size)), (7, long(size)), *more)
    group = thrift((1, listed(thrift((2, long(4)), (3, meta)))), (2, long(size)), (3, long(values if rows is None else rows)))
    return parquet([element("r", 1), element("a", kind=kind, optional=optional, utf8=utf8)], values if rows is None else rows, [group], b"".join(pages))


def run_of(value, count):
    """Bits or indexes of one bit each, all equal."""
    return varint(count << 1) + bytes([value])


def prefixed(data):
    return struct.pack("<I", len(data)) + data


def packed(data, codec="zstd"):
    return pa.compress(data, codec=codec, asbytes=True)


def long_text(length, rows, data=None):
    """One text, repeated by a dictionary."""
    indexes = bytes([1]) + run_of(0, rows)
    return one_column(6, rows, page((7, 1, 0), packed(prefixed(data or b"x" * length)), length + 4), page((5, rows, 8), packed(indexes), len(indexes)), codec=6,
                      utf8=True)


LAST = 2**31 - 1
good_parquet = io.BytesIO()
pq.write_table(pa.table({"a": pa.array([1], pa.int64())}), good_parquet)
GOOD[".parquet"] = good_parquet.getvalue()
PARQUET = {
    "nulls": (lambda: one_column(2, LAST, page((5, LAST, 0), prefixed(run_of(0, LAST))), optional=True), "unpacked_bytes_max"),
    "equal_values": (lambda: one_column(2, LAST, page((7, 2, 0), struct.pack("<qq", 1, 2)), page((5, LAST, 8), bytes([1]) + run_of(0, LAST))),
                     "unpacked_bytes_max"),
    "rows": (lambda: parquet([element("r", 1), element("a", kind=2)], 2**60), "unpacked_bytes_max"),
    "rows_of_group": (lambda: one_column(2, 3, page((5, 3, 0), prefixed(run_of(0, 3))), optional=True, rows=2**29), "TProtocolException"),
    "deep": (lambda: parquet([element("r", 1)] + [element("a", 1)] * 10_000 + [element("z", kind=2)]), "100 levels"),
    "wide": (lambda: parquet([element("r", 100_000)] + [element(f"c{i}", kind=2) for i in range(100_000)]), "4096 are the most"),
    "wide_within": (lambda: parquet([element("r", 1), element("s", 100_000)] + [element(f"c{i}", kind=2) for i in range(100_000)]), "16384 fields"),
    "children": (lambda: parquet([element("r", LAST), element("a", kind=2)]), "4096 are the most"),
    "elements": (lambda: parquet([element("r", 1)], count=LAST), "2147483647 things"),
    "groups": (lambda: parquet([element("r", 1), element("a", kind=2)], groups=[thrift((1, listed()), (2, long(0)), (3, long(0)))] * 1_000_000),
               "are the most"),
    "footer": (lambda: b"PAR1" + b"x" * 100 + struct.pack("<I", LAST) + b"PAR1", "footer length"),
    "longest_footer": (lambda: b"PAR1" + b"x" * 100 + struct.pack("<I", 2**32 - 1) + b"PAR1", "outside file"),
    "lying_snappy": (lambda: one_column(6, 1, page((5, 1, 0), packed(b"\3\0\0\0abc", "snappy"), LAST), codec=1, unpacked=2**32), ""),
    "lying_text_of_snappy": (lambda: one_column(6, 1, page((5, 1, 0), b"\xff\xff\xff\xff\x0f" + b"abc" * 5, LAST), codec=1, unpacked=2**32), ""),
    "lying_zstd": (lambda: one_column(6, 1, page((5, 1, 0), packed(b"x" * 1000), LAST), codec=6, unpacked=2**32), ""),
    "long_text": (lambda: long_text(10**9, 1), "allocate"),
    "long_text_often": (lambda: long_text(10**9, 1000), "allocate"),
}
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


BOMBS |= {f"{name}.parquet": bomb for name, bomb in PARQUET.items()}
TEXTS = {"lying_snappy", "lying_text_of_snappy", "lying_zstd", "long_text", "long_text_often"}


def good_beside(name):
    """A column of a name has one type in all files."""
    if name.removesuffix(".parquet") not in TEXTS:
        return GOOD["." + name.split(".")[1]]
    out = io.BytesIO()
    pq.write_table(pa.table({"a": ["1"]}), out)
    return out.getvalue()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_set_aside_within_memory(tmp_path, name):
    make, why = BOMBS[name]
    data = make()
    bound = ", unpacked_bytes_max: 64MB" if why == "unpacked_bytes_max" else ""
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"data/*\"{bound}}}\n"})
    ending = "." + name.split(".")[1]
    (folder / "data" / ("good" + ending)).write_bytes(good_beside(name))
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


@pytest.mark.parametrize("good", [0, 10_000])
@pytest.mark.parametrize("packed", [False, True])
def test_values_that_do_not_fit_are_set_aside_one_by_one(tmp_path, good, packed):
    """However many there are, and however long: each with its line and its content."""
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "sources/t.yaml": 'source: bronze.t\nfrom: {files: "data/*"}\ncolumns: {a: bigint}\n'})
    every = 100_000 // good if good else 0
    lines = [b"%d,x" % i if good and i % every == 0 else b"%d" % i + b"y" * 1000 + b",x" for i in range(100_000)]
    data = b"a,b\n" + b"\n".join(lines) + b"\n"
    (folder / ("data/t.csv.gz" if packed else "data/t.csv")).write_bytes(gzip.compress(data, 1) if packed else data)
    peak = lab.peak_mb(folder, "run", "--select", "bronze.t")
    assert peak < MEMORY_MB + BESIDE_MB, peak
    rows = json.loads(lab.windrow(folder, "query", "SELECT count(*) AS n, sum(a) AS a FROM bronze.t", "--json").stdout)
    assert rows == [{"n": good, "a": sum(range(0, 100_000, every)) if good else None}]
    bad = json.loads(lab.windrow(folder, "query", "SELECT count(*) AS n, sum(position) AS places, any_value(error) AS error,"
                                 " bool_and(content LIKE (position - 2) || 'yyy%y,x') AS whole FROM bronze.t_rejected", "--json").stdout)
    assert bad == [{"n": 100_000 - good, "places": sum(i + 2 for i in range(100_000) if not good or i % every), "whole": True,
                    "error": "a value does not fit the type of its column (declared: a bigint)"}]


@pytest.mark.parametrize("length, rows, data", [(30_000_000, 200, None), (2_000_000, 3000, random.Random(1).randbytes(1_000_000).hex().encode())],
                         ids=["long", "random"])
def test_a_text_that_is_repeated_takes_its_room_once(tmp_path, length, rows, data):
    """6 GB of text are neither in memory nor on disk: what is written has a dictionary too."""
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "sources/t.yaml": 'source: bronze.t\nfrom: {files: "data/*"}\n'})
    file = folder / "data/t.parquet"
    file.write_bytes(long_text(length, rows, data))
    peak = lab.peak_mb(folder, "run", "--select", "bronze.t")
    assert peak < MEMORY_MB + BESIDE_MB, peak
    written = sum(path.stat().st_size for path in (folder / "lake").rglob("*") if path.is_file())
    assert written < 1.2 * file.stat().st_size + 20_000
    rows_there = lab.windrow(folder, "query", "SELECT count(*) AS n, min(strlen(a)) AS least, max(strlen(a)) AS most FROM bronze.t", "--json").stdout
    assert json.loads(rows_there) == [{"n": rows, "least": length, "most": length}]


def test_a_text_that_is_repeated_without_end_takes_until_the_timeout(tmp_path):
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT, "sources/t.yaml": 'source: bronze.t\nfrom: {files: "data/*"}\ntimeout: 2s\nretries: {times: 0}\n'})
    (folder / "data/t.parquet").write_bytes(long_text(30_000_000, 1_000_000_000))
    began = time.monotonic()
    result = lab.windrow(folder, "run", "--select", "bronze.t", check=False)
    assert "it took longer than 2s" in result.stdout + result.stderr
    assert time.monotonic() - began < 60
    assert not list((folder / "lake/bronze/t").glob("**/*.parquet"))
