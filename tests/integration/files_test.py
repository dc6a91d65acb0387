"""Files of many formats and from many places, each loaded exactly once; broken ones are set aside."""
import datetime
import gzip
import http.server
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile

import duckdb
import polars
import pyarrow
import pyarrow.fs
import pyarrow.parquet
import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("WINDROW_DATA") or ROOT.parent / "shared/data")
sys.path.append(str(ROOT / "tests/servers"))


def project(folder, files: str, more: str = "", from_more: str = ""):
    (folder / "data").mkdir(parents=True, exist_ok=True)
    return lab.make_project(folder, {
        "windrow.yaml": "project: files\nenvironments: {dev: {lake: lake, engine: {type: duckdb, memory: 512MB}}}\nlayers: {bronze: {append_only: true}}\n",
        "sources/t.yaml": f"source: bronze.t\nfrom: {{files: {files}{from_more}}}\n{more}",
    })


def table(folder, name: str = "bronze.t"):
    return lab.deltalake.DeltaTable(str(lab.table_path(folder, name))).to_pyarrow_table()


def rows(folder, *columns: str) -> list:
    found = table(folder)
    return sorted((tuple(row[c] for c in columns or found.column_names) for row in found.to_pylist()), key=str)


def rejected(folder) -> list[tuple]:
    return sorted((row["origin"], row["error"]) for row in table(folder, "bronze.t_rejected").to_pylist())


# --- formats

def test_parquet_with_a_schema_that_grows(tmp_path):
    folder = project(tmp_path / "p", '"data/**/*.parquet"', "columns: {id: bigint}\n")
    polars.DataFrame({"id": [1, 2], "name": ["ä", None]}).write_parquet(folder / "data/a.parquet")
    (folder / "data/deep/er").mkdir(parents=True)
    polars.DataFrame({"id": [3], "price": [1.5], "tags": [["x", "y"]]}).write_parquet(folder / "data/deep/er/b.parquet")
    lab.windrow(folder, "run")
    assert rows(folder, "id", "name", "price") == [(1, "ä", None), (2, None, None), (3, None, 1.5)]
    polars.DataFrame({"id": [4], "later": [datetime.date(2025, 1, 2)]}).write_parquet(folder / "data/c.parquet")
    lab.windrow(folder, "run")
    assert rows(folder, "id", "later")[-1] == (4, datetime.date(2025, 1, 2))
    assert "up to date" in lab.windrow(folder, "plan").stdout


AVRO = {"id": [1, 2, 3], "name": ["ä", None, "c\n"], "price": [1.25, None, -0.0], "day": [datetime.date(2025, 1, 2), None, datetime.date(1969, 12, 31)],
        "at": [datetime.datetime(2025, 1, 2, 3, 4, 5, 678000), None, datetime.datetime(1960, 1, 1)], "good": [True, False, None],
        "tags": [["x"], [], None], "inner": [{"a": 1, "b": "z"}, {"a": None, "b": None}, {"a": 2, "b": "y"}]}


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "deflate"])
def test_avro(tmp_path, codec):
    folder = project(tmp_path / "p", '"data/*.avro"')
    frame = polars.DataFrame(AVRO)
    polars.concat([frame] * 700).write_avro(folder / "data/a.avro", compression=codec)
    lab.windrow(folder, "run")
    got = rows(folder, "id", "name", "price", "day", "good", "inner")
    assert len(got) == 2100
    assert got[0] == (1, "ä", 1.25, datetime.date(2025, 1, 2), True, {"a": 1, "b": "z"})
    assert got[-1][3] == datetime.date(1969, 12, 31)
    assert {str(value) for value in table(folder).column("at").to_pylist() if value} >= {"2025-01-02 03:04:05.678000+00:00"} or \
        "2025-01-02 03:04:05.678000" in str(table(folder).column("at").to_pylist()[0])
    cut = (folder / "data/a.avro").read_bytes()
    (folder / "data/b.avro").write_bytes(cut[: len(cut) // 2])
    lab.windrow(folder, "run")
    assert table(folder).num_rows == 2100
    assert rejected(folder)[0][0] == "b.avro" and "Avro" in rejected(folder)[0][1]


def xlsx(path: pathlib.Path, cells: list[list]) -> None:
    """A workbook as spreadsheet programs write it: shared texts, a style for dates, blank cells left out."""
    texts, body = [], []
    for r, row in enumerate(cells, 1):
        line = []
        for c, value in enumerate(row):
            name = f"{chr(65 + c)}{r}"
            if value is None:
                continue
            if isinstance(value, bool):
                line.append(f'<c r="{name}" t="b"><v>{int(value)}</v></c>')
            elif isinstance(value, (int, float)):
                line.append(f'<c r="{name}"><v>{value}</v></c>')
            elif isinstance(value, datetime.datetime):
                days = (value - datetime.datetime(1899, 12, 30)).total_seconds() / 86400
                line.append(f'<c r="{name}" s="1"><v>{days!r}</v></c>')
            else:
                if value not in texts:
                    texts.append(value)
                line.append(f'<c r="{name}" t="s"><v>{texts.index(value)}</v></c>')
        body.append(f'<row r="{r}">{"".join(line)}</row>')
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    escaped = [t.replace("&", "&amp;").replace("<", "&lt;") for t in texts]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("xl/workbook.xml", f'{head}<workbook {main} {rel}><sheets><sheet name="First" sheetId="1" r:id="rId1"/>'
                                        '<sheet name="Other &amp; more" sheetId="2" r:id="rId2"/></sheets></workbook>')
        out.writestr("xl/_rels/workbook.xml.rels", f'{head}<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/>'
                                                   '<Relationship Id="rId2" Target="/xl/worksheets/sheet2.xml"/></Relationships>')
        out.writestr("xl/styles.xml", f'{head}<styleSheet {main}><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
                                      '<cellStyleXfs><xf numFmtId="0"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>')
        out.writestr("xl/sharedStrings.xml", f'{head}<sst {main}>' + "".join(f"<si><t>{t}</t></si>" for t in escaped) + "</sst>")
        out.writestr("xl/worksheets/sheet1.xml", f'{head}<worksheet {main}><sheetData>{"".join(body)}</sheetData></worksheet>')
        out.writestr("xl/worksheets/sheet2.xml", f'{head}<worksheet {main}><sheetData><row><c t="inlineStr"><is><t>only</t></is></c></row>'
                                                 '<row><c><v>7</v></c></row></sheetData></worksheet>')


def test_excel(tmp_path):
    folder = project(tmp_path / "p", '"data/*.xlsx"')
    at = datetime.datetime(2025, 3, 1, 12, 30)
    xlsx(folder / "data/a.xlsx", [["id", "name", "when", "good", None, "id"], [1, "a < b & c", at, True, None, 10],
                                  [], [2, None, datetime.datetime(1950, 1, 1), False, "x", 2.5]])
    lab.windrow(folder, "run")
    assert rows(folder, "id", "name", "when", "good", "column5", "id_1") == [
        (1, "a < b & c", at, True, None, 10.0), (2, None, datetime.datetime(1950, 1, 1), False, "x", 2.5)]
    whole = (folder / "data/a.xlsx").read_bytes()
    (folder / "data/b.xlsx").write_bytes(whole[:-200])
    lab.windrow(folder, "run")
    assert rejected(folder)[0][0] == "b.xlsx" and table(folder).num_rows == 2
    other = project(tmp_path / "q", '"data/*.xlsx"', from_more=', sheet: "Other & more"')
    shutil.copy(folder / "data/a.xlsx", other / "data")
    lab.windrow(other, "run")
    assert rows(other, "only") == [(7,)]


LOG = '''127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://x/?q=\\"1\\"" "Mozilla/4.08 [en]"
::1 - - [10/Oct/2000:13:55:37 -0700] "GET / HTTP/1.1" 304 - "-" "-"
nonsense

'''


@pytest.mark.parametrize("packed", [False, True])
def test_logs_of_web_servers(tmp_path, packed):
    folder = project(tmp_path / "p", '"data/access*"', from_more=", pattern: combined")
    (folder / ("data/access.log.gz" if packed else "data/access.log")).write_bytes(gzip.compress(LOG.encode()) if packed else LOG.encode())
    lab.windrow(folder, "run")
    utc = datetime.timezone.utc
    assert rows(folder, "host", "user", "time", "status", "bytes", "agent") == [
        ("127.0.0.1", "frank", datetime.datetime(2000, 10, 10, 20, 55, 36, tzinfo=utc), 200, 2326, "Mozilla/4.08 [en]"),
        ("::1", None, datetime.datetime(2000, 10, 10, 20, 55, 37, tzinfo=utc), 304, None, None)]
    bad = table(folder, "bronze.t_rejected").to_pylist()
    assert [(row["position"], row["content"]) for row in bad] == [(3, "nonsense")]


@pytest.mark.skipif(not (DATA / "text").exists(), reason="needs the logs of the data folder (WINDROW_DATA)")
def test_real_logs(tmp_path):
    folder = project(tmp_path / "p", '"data/*.log.gz"', from_more=", pattern: combined")
    shutil.copy(DATA / "text/apache_access_7000.log.gz", folder / "data")
    lines = gzip.open(DATA / "text/apache_access_7000.log.gz").read().decode(errors="replace").count("\n")
    lab.windrow(folder, "run")
    assert table(folder).num_rows >= lines * 0.99
    assert min(table(folder).column("status").to_pylist()) >= 100


def test_pattern_and_fixed_width(tmp_path):
    folder = project(tmp_path / "p", '"data/*.txt"', "columns: {n: bigint}\n", ", pattern: '^(?P<level>[A-Z]+)( x)? n=(?P<n>\\S+)'")
    (folder / "data/a.txt").write_text("INFO n=1\nWARN x n=2\r\nINFO n=soon\n")
    lab.windrow(folder, "run")
    assert rows(folder, "level", "n") == [("INFO", 1), ("WARN", 2)]
    assert "does not fit" in rejected(folder)[0][1]
    other = project(tmp_path / "q", '"data/*.txt"', "columns: {id: bigint}\n", ", fixed: {id: 1-4, name: 5-10, last: '11'}, skip: 1")
    (other / "data/a.txt").write_text("head\n0012Zoë   x\n   3ab\n")
    lab.windrow(other, "run")
    assert rows(other, "id", "name", "last") == [(12, "Zoë", "x")]
    assert "too short" in rejected(other)[0][1]


def test_csv_as_its_users_write_it(tmp_path):
    folder = project(tmp_path / "p", '"data/*.csv"', from_more=', csv: {delimiter: ";", decimal: ",", nulls: ["N/A", ""], skip: 1, encoding: latin-1}')
    (folder / "data/a.csv").write_bytes("made by hand\nid;price;name\n1;1,5;Zoë\n2;N/A;\n".encode("latin-1"))
    lab.windrow(folder, "run")
    assert rows(folder, "id", "price", "name") == [(1, 1.5, "Zoë"), (2, None, None)]


def test_a_column_keeps_its_type(tmp_path):
    folder = project(tmp_path / "p", '"data/*.csv"')
    (folder / "data/a.csv").write_text("id,n\n1,10\n")
    lab.windrow(folder, "run")
    (folder / "data/b.csv").write_text("id,n,more\n2,many,x\n3,30,y\n")
    lab.windrow(folder, "run")
    assert rows(folder, "id", "n", "more") == [(1, 10, None), (3, 30, "y")]
    assert rejected(folder)[0][0] == "b.csv"


# --- broken files

@pytest.mark.parametrize("policy", ["append", "ignore", "error"])
def test_changed_files_by_policy(tmp_path, policy):
    folder = project(tmp_path / "p", '"data/*.csv"', "columns: {id: bigint}\n", f", changed: {policy}")
    (folder / "data/a.csv").write_text("id,t\n1,x\n")
    lab.windrow(folder, "run")
    (folder / "data/a.csv").write_text("id,t\n1,x\n2,y\n")
    (folder / "data/b.csv").write_text("id,t\n3,z\n")
    result = lab.windrow(folder, "run", check=False)
    if policy == "error":
        told = result.stdout + result.stderr
        assert result.returncode == 1 and "a.csv" in told and "has changed" in told and "changed: append" in told
        assert rows(folder, "id") == [(1,)]
    else:
        assert result.returncode == 0, result.stderr
        assert rows(folder, "id") == ([(1,), (1,), (2,), (3,)] if policy == "append" else [(1,), (3,)])
        assert "up to date" in lab.windrow(folder, "plan").stdout


@pytest.mark.parametrize("codec, ending", [("zstd", "zst"), ("gzip", "gz")])
@pytest.mark.parametrize("kind", ["csv", "ndjson", "log"])
def test_packed_files(tmp_path, kind, codec, ending):
    line = {"csv": "{i},zeile ü {i}", "ndjson": '{{"id": {i}, "t": "zeile ü {i}"}}',
            "log": '10.0.0.{i} - - [17/Oct/2025:14:00:00 +0000] "GET /ü{i} HTTP/1.1" 200 12'}[kind]
    text = ("id,t\n" if kind == "csv" else "") + "".join(line.format(i=i) + "\n" for i in range(200))
    folder = project(tmp_path / "p", f'"data/*.{kind}.{ending}"' if kind != "log" else f'"data/*.log.{ending}", pattern: common')
    with pyarrow.CompressedOutputStream(str(folder / f"data/a.{kind}.{ending}"), codec) as out:
        out.write(text.encode())
    lab.windrow(folder, "run")
    assert len(rows(folder)) == 200
    if kind != "log":
        assert rows(folder, "id", "t")[7] == (105, "zeile ü 105") or (7, "zeile ü 7") in rows(folder, "id", "t")


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_schemas_are_merged_over_files(tmp_path, kind):
    """As pandas or Spark users expect: columns by name, whatever their order; those that a file lacks are NULL."""
    folder = project(tmp_path / "p", f'"data/*.{kind}"')
    frames = [polars.DataFrame({"id": [1, 2], "name": ["a", "ä"]}), polars.DataFrame({"price": [1.5], "id": [3]}),
              polars.DataFrame({"name": ["c"], "day": [datetime.date(2025, 10, 17)], "id": [4]})]
    for at, frame in enumerate(frames[:2]):
        (frame.write_csv if kind == "csv" else frame.write_ndjson)(folder / f"data/{at}.{kind}")
    lab.windrow(folder, "run")
    (frames[2].write_csv if kind == "csv" else frames[2].write_ndjson)(folder / f"data/2.{kind}")
    lab.windrow(folder, "run")
    assert rows(folder, "id", "name", "price") == [(1, "a", None), (2, "ä", None), (3, None, 1.5), (4, "c", None)]
    # A text of JSON stays a text, as for Spark; CSV has nothing but texts.
    day = datetime.date(2025, 10, 17) if kind == "csv" else "2025-10-17"
    assert {row["id"]: row["day"] for row in table(folder).to_pylist()} == {1: None, 2: None, 3: None, 4: day}


@pytest.mark.parametrize("ending", ["parquet", "csv.gz", "json.gz", "parquet-inside"])
def test_broken_files_are_set_aside(tmp_path, ending):
    kind = ending.split("-")[0]
    folder = project(tmp_path / "p", f'"data/*.{kind}"')
    for i in range(4):
        frame = polars.DataFrame({"id": list(range(i * 1000, i * 1000 + 1000)), "t": [f"text {k}" * 3 for k in range(1000)]})
        path = folder / f"data/f{i}.{kind}"
        if kind == "parquet":
            frame.write_parquet(path, compression="snappy")
        else:
            body = frame.write_csv() if kind.startswith("csv") else frame.write_ndjson()
            path.write_bytes(gzip.compress(body.encode()))
    broken = folder / f"data/f2.{kind}"
    data = bytearray(broken.read_bytes())
    if ending == "parquet-inside":  # its footer is whole, a page is not
        data[200:900] = os.urandom(700)
    else:
        data = data[: len(data) // 2]
    broken.write_bytes(bytes(data))
    told = lab.windrow(folder, "run")
    assert sorted({i // 1000 for (i,) in rows(folder, "id")}) == [0, 1, 3] and table(folder).num_rows == 3000
    assert rejected(folder)[0][0] == broken.name
    assert "set aside" in told.stdout + told.stderr
    assert "up to date" in lab.windrow(folder, "plan").stdout  # it is not tried again
    frame.write_parquet(broken) if kind == "parquet" else broken.write_bytes(gzip.compress(body.encode()))
    lab.windrow(folder, "run")  # until somebody mends it
    assert table(folder).num_rows == 4000


def test_corrupt_may_fail_instead(tmp_path):
    folder = project(tmp_path / "p", '"data/*.parquet"', from_more=", corrupt: fail")
    polars.DataFrame({"id": [1]}).write_parquet(folder / "data/a.parquet")
    (folder / "data/b.parquet").write_text("no")
    assert lab.windrow(folder, "run", check=False).returncode == 1
    only = project(tmp_path / "q", '"data/*.parquet"')
    (only / "data/b.parquet").write_text("no")
    failed = lab.windrow(only, "run", check=False)
    assert failed.returncode == 1 and "cannot be read" in failed.stdout + failed.stderr


# --- other places

@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        fail = 0

        def __init__(self, *words):
            super().__init__(*words, directory=str(folder))

        def log_message(self, *_):
            pass

        def do_GET(self):
            asked.append(self.path)
            if Handler.fail:
                Handler.fail -= 1
                return self.send_error(503)
            return super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}", asked, Handler
    server.shutdown()


def test_files_on_a_web_server(tmp_path, web):
    there, url, asked, handler = web
    (there / "a.csv").write_text("id\n1\n2\n")
    (there / "b.csv").write_text("id\n3\n")
    handler.fail = 2
    folder = project(tmp_path / "p", f'["{url}/a.csv", "{url}/b.csv"]')
    lab.windrow(folder, "run")
    assert rows(folder, "id") == [(1,), (2,), (3,)]
    before = len(asked)
    lab.windrow(folder, "run")
    assert len(asked) == before  # only looked at
    os.utime(there / "b.csv", (1, 1))
    (there / "b.csv").write_text("id\n3\n4\n")
    lab.windrow(folder, "run")
    assert rows(folder, "id") == [(1,), (2,), (3,), (3,), (4,)]
    gone = project(tmp_path / "q", f'"{url}/no.csv"')
    failed = lab.windrow(gone, "run", check=False)
    assert failed.returncode == 1 and "answers 404" in failed.stdout + failed.stderr


@pytest.fixture(scope="module")
def minio(tmp_path_factory):
    if not shutil.which("go") and not list(pathlib.Path.home().glob(".cache/windrow/*minio*")):
        pytest.skip("MinIO is built with Go, which is not here")
    environment = {**os.environ, "WINDROW_SERVERS": str(tmp_path_factory.mktemp("servers"))}
    servers = [sys.executable, "-B", str(ROOT / "tests/servers")]
    up = subprocess.run([*servers, "up", "minio"], env=environment, capture_output=True, text=True, timeout=900)
    assert up.returncode == 0, up.stderr
    yield dict(line.removeprefix("export ").split("=", 1) for line in up.stdout.split("\n") if "=" in line)
    subprocess.run([*servers, "down"], env=environment, capture_output=True, timeout=60)


def test_globs_on_s3(tmp_path, minio, monkeypatch):
    for name, value in minio.items():
        monkeypatch.setenv(name, value.strip("'\""))
    bucket = os.environ["WINDROW_TEST_BUCKET"]
    s3 = pyarrow.fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], access_key=os.environ["AWS_ACCESS_KEY_ID"],
                                 secret_key=os.environ["AWS_SECRET_ACCESS_KEY"])

    def put(name: str, body: bytes) -> None:
        with s3.open_output_stream(f"{bucket}/in é/{name}", compression=None) as out:
            out.write(body)
    for kind in ("json", "csv", "parquet", "avro"):
        folder = project(tmp_path / kind, f'"s3://{bucket}/in é/{kind}/**/*.{kind}*"')

        def body(ids) -> bytes:
            frame, out = polars.DataFrame({"id": list(ids)}), io.BytesIO()
            {"json": frame.write_ndjson, "csv": frame.write_csv, "parquet": frame.write_parquet, "avro": frame.write_avro}[kind](out)
            return out.getvalue()
        put(f"{kind}/a.{kind}", body(range(5)))
        put(f"{kind}/x/y/b.{kind}", body(range(5, 8)))
        put(f"{kind}/x/other.txt", b"no")
        if kind in ("json", "csv"):
            put(f"{kind}/z.{kind}.gz", gzip.compress(body(range(8, 10))))
        n = 10 if kind in ("json", "csv") else 8
        lab.windrow(folder, "run")
        assert rows(folder, "id") == [(i,) for i in range(n)], kind
        assert "up to date" in lab.windrow(folder, "plan").stdout
        put(f"{kind}/a.{kind}", body([99]))  # changed: its rows come again
        put(f"{kind}/broken.{kind}" + (".gz" if kind in ("json", "csv") else ""), b"\x00\x01\x02 no")
        lab.windrow(folder, "run")
        assert sorted(i for (i,) in rows(folder, "id")) == [*range(n), 99], kind
        assert rejected(folder)[0][0].startswith("broken")


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory):
    import hdfs as hdfs_server
    yield from lab.serving(hdfs_server.Hdfs(tmp_path_factory.mktemp("servers")))


def test_globs_on_hdfs(tmp_path, hdfs, monkeypatch):
    for name, value in hdfs.variables().items():
        monkeypatch.setenv(name, value)
    from pyarrow import csv  # noqa: F401
    put = tmp_path / "put"
    lake = hdfs.variables()
    base = next(value for value in lake.values() if "://" in value)
    # Written by the program itself: a query's result, straight to HDFS.
    folder = project(tmp_path / "p", f'"{base.rstrip("/")}/in/*.csv"')
    put.mkdir()
    (put / "a.csv").write_text("id\n1\n2\n")
    port = hdfs.ports[next(name for name in hdfs.ports if "http" in name and "name" in name or name == "http")]
    for name, body in (("a.csv", b"id\n1\n2\n"), ("b.csv", b"id\n3\n")):
        path = base.split("://", 1)[1].split("/", 1)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/webhdfs/v1/{path[1] if len(path) > 1 else ''}/in/{name}?op=CREATE&overwrite=true&user.name=root".replace("//in", "/in"),
            data=body, method="PUT", headers={"Content-Type": "application/octet-stream"})
        try:
            urllib.request.urlopen(request)
        except urllib.error.HTTPError as moved:
            assert moved.code == 307
            urllib.request.urlopen(urllib.request.Request(moved.headers["Location"], data=body, method="PUT",
                                                          headers={"Content-Type": "application/octet-stream"}))
    lab.windrow(folder, "run")
    assert rows(folder, "id") == [(1,), (2,), (3,)]


# --- kills

def test_each_file_once_whatever_is_killed(tmp_path):
    rng = random.Random(7)
    kills = int(os.environ.get("WINDROW_KILLS", 25))
    folder = project(tmp_path / "p é", '"data/*.csv"', from_more=", batch_files: 3")
    made = killed = 0
    while killed < kills:
        for _ in range(4):
            text = "id,t\n" + "".join(f"{made * 100 + k},x\n" for k in range(100))
            part = folder / "data/.part"
            part.write_text(text)
            part.rename(folder / f"data/f{made}.csv")
            made += 1
        process = lab.start(folder, "run")
        time.sleep(rng.uniform(0.01, 0.15))
        process.kill()
        killed += process.wait() != 0
    lab.windrow(folder, "run")
    assert [i for (i,) in sorted(rows(folder, "id"))] == list(range(made * 100))
    left = folder / ".windrow/spill"
    assert not left.exists() or not [p for p in left.iterdir() if p.name.startswith(("copies-", "records-"))]
