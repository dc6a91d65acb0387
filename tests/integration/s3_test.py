"""A lake on S3: a real server (MinIO, tests/servers), and a proxy in front of it that misbehaves."""
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid

import deltalake
import duckdb
import pytest

import faulty_proxy
import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(lab.PROGRAM).resolve().parent


@pytest.fixture(scope="module")
def minio(tmp_path_factory):
    """The variables that reach a MinIO of these tests' own."""
    if not shutil.which("go") and not list(pathlib.Path.home().glob(".cache/windrow/*minio*")):
        pytest.skip("MinIO is built with Go, which is not here")
    # Not below pytest's long folders: servers keep sockets and many small files.
    folder = tmp_path_factory.mktemp("servers")
    environment = {**os.environ, "WINDROW_SERVERS": str(folder)}
    servers = [sys.executable, "-B", str(ROOT / "tests/servers")]
    up = subprocess.run([*servers, "up", "minio"], env=environment, capture_output=True, text=True, timeout=900)
    assert up.returncode == 0, up.stderr
    variables = dict(line.removeprefix("export ").split("=", 1) for line in up.stdout.split("\n") if "=" in line)
    yield variables
    subprocess.run([*servers, "down"], env=environment, capture_output=True, timeout=60)


@pytest.fixture
def s3(minio, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in minio.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return minio


def project(folder: pathlib.Path) -> tuple[pathlib.Path, str]:
    """The small project with its lake in the bucket, below a prefix of its own with odd characters."""
    lake = f"s3://{os.environ['WINDROW_TEST_BUCKET']}/a lake é+{uuid.uuid4().hex}"
    files = dict(lab.FILES)
    files["windrow.yaml"] = files["windrow.yaml"].replace("lake: lake", f'lake: "{lake}"')
    return lab.make_project(folder, files), lake


COLUMNS = {"bronze.events": ["id", "ts", "kind", "n"], "silver.events": ["id", "ts", "kind", "n"],
           "gold.daily": ["day", "kind", "total", "events"], "gold.kinds": ["kind", "total"]}


def state(lake: str) -> dict[str, list]:
    """Every table's rows as delta-rs reads them from S3."""
    out = {}
    for table, columns in COLUMNS.items():
        found = deltalake.DeltaTable(f"{lake}/{table.replace('.', '/')}").to_pyarrow_table(columns=columns)
        connection = duckdb.connect()
        connection.register("t", found)
        select = ", ".join(f'"{column}"' for column in columns)
        out[table] = lab.sorted_rows(connection.execute(f"SELECT {select} FROM t").fetchall())
    return out


def expected(tmp_path: pathlib.Path, data: pathlib.Path) -> dict[str, list]:
    """The same project on local disk, never disturbed."""
    alone = lab.make_project(tmp_path / "alone")
    for path in sorted(data.iterdir()):
        shutil.copy2(path, alone / "data" / path.name)
    lab.windrow(alone, "run")
    out = lab.state(alone)
    out.pop("serving")
    return out


def probe(*words: str, check: bool = True) -> subprocess.CompletedProcess:
    result = subprocess.run([BUILD / "files_probe", *words], capture_output=True, text=True, timeout=120)
    assert not check or result.returncode == 0, result.stderr
    return result


def contract(without: str = "", **variables: str) -> None:
    result = subprocess.run(
        [BUILD / "storage_test", "--gtest_brief=1", f"--gtest_filter=*Contract*/s3{without}"],
        env={**os.environ, **variables}, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0 and "0 tests ran" not in result.stdout, result.stdout[-3000:]


def test_the_contract_of_homes(s3):
    contract()


def test_the_contract_while_the_server_is_busy_and_answers_are_cut(s3):
    chance = random.Random(3)

    def choose(method, path):
        if chance.random() < 0.1:
            return "busy"
        return "cut" if method == "GET" and chance.random() < 0.3 else None

    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"], choose) as proxy:
        contract("-*OnePage*", AWS_ENDPOINT_URL=proxy.url)
        faults = [fault for _, _, fault in proxy.seen]
    assert faults.count("busy") > 20 and faults.count("cut") > 5


def test_the_contract_with_tls_and_an_authority_of_ones_own(s3, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"], certificate=(str(certificate), str(key))) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.url  # monkeypatch takes it back
        refused = probe("read", "s3://windrow/none", check=False)
        assert "certificate is not trusted" in refused.stderr
        contract("-*OnePage*", AWS_CA_BUNDLE=str(certificate))


def test_the_contract_with_buckets_as_names_of_hosts(s3):
    contract("-*OnePage*", AWS_ENDPOINT_URL=s3["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost"),
             AWS_VIRTUAL_HOSTED_STYLE_REQUEST="true")


def test_sixteen_processes_and_one_winner(s3):
    for _ in range(5):
        path = f"s3://windrow/race/{uuid.uuid4().hex}.json"
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(
                lambda i: probe("put-if-absent", path, f"writer {i}").stdout.strip(), range(16)))
        assert sorted(outcomes) == ["created"] + ["exists"] * 15
        assert probe("read", path).stdout == f"writer {outcomes.index('created')}"


def test_a_failed_upload_leaves_neither_file_nor_parts(s3):
    def choose(method, path):
        return "busy" if "partNumber=3" in path else None

    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"], choose) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.url
        result = probe("put", "s3://windrow/uploads/big", str(40 << 20), check=False)
        assert result.returncode == 1 and "SlowDown" in result.stderr
        assert any(method == "DELETE" and "uploadId=" in path for method, path, _ in proxy.seen)
    os.environ["AWS_ENDPOINT_URL"] = s3["AWS_ENDPOINT_URL"]
    assert probe("list", "s3://windrow/uploads").stdout == ""
    probe("put", "s3://windrow/uploads/big", str(40 << 20))
    assert probe("list", "s3://windrow/uploads").stdout.endswith(f"big\t{40 << 20}\n")


def test_a_lake_on_s3(s3, tmp_path):
    folder, lake = project(tmp_path / "lab")
    lab.add_events(folder, "a.ndjson", range(100))
    lab.windrow(folder, "run")
    lab.add_events(folder, "b.ndjson", range(50, 150), day=3)
    lab.windrow(folder, "run")
    assert "up to date" in lab.windrow(folder, "plan").stdout
    assert state(lake) == expected(tmp_path, folder / "data")
    # delta-rs writes, we read.
    table = f"{lake}/gold/kinds"
    rows = deltalake.DeltaTable(table).to_pyarrow_table()
    deltalake.write_deltalake(table, rows, mode="append")
    out = tmp_path / "out.parquet"
    subprocess.run([lab.PROGRAM, "table", "read", table, "--format", "parquet", "--out", out, "-q"], check=True)
    assert duckdb.sql(f"SELECT count(*) FROM '{out}'").fetchone()[0] == 2 * rows.num_rows


def test_checkpoints_are_written_and_read(s3, tmp_path):
    folder, lake = project(tmp_path / "lab")
    for i in range(12):
        lab.add_events(folder, f"{i:02}.ndjson", range(i * 5, i * 5 + 5))
        lab.windrow(folder, "run")
    assert "00000000000000000010.checkpoint.parquet" in probe("list", f"{lake}/bronze/events/_delta_log").stdout
    assert state(lake) == expected(tmp_path, folder / "data")
    out = subprocess.run([lab.PROGRAM, "table", "read", f"{lake}/bronze/events", "--format", "csv"],
                         check=True, capture_output=True, text=True).stdout
    assert len(out.strip().split("\n")) == 61


@pytest.mark.parametrize("seed", range(3))
def test_lost_answers_resets_and_a_busy_server(s3, tmp_path, seed):
    folder, lake = project(tmp_path / "lab")
    choose = faulty_proxy.at_random(seed, 0.08, "busy", "reset", "lost", "lost", "cut")
    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"], choose) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.url
        for i in range(4):
            lab.add_events(folder, f"{i}.ndjson", range(i * 20, i * 20 + 30))
            for _ in range(6):
                if lab.windrow(folder, "run", check=False).returncode == 0:
                    break
            else:
                raise AssertionError("six runs in a row failed")
        commits = [path for method, path, fault in proxy.seen
                   if fault == "lost" and method == "PUT" and "_delta_log" in path]
    os.environ["AWS_ENDPOINT_URL"] = s3["AWS_ENDPOINT_URL"]
    assert state(lake) == expected(tmp_path, folder / "data"), commits


def test_kills_at_random_points(s3, tmp_path):
    folder, lake = project(tmp_path / "lab")
    chance = random.Random(5)
    for i in range(12):
        lab.add_events(folder, f"{i:02}.ndjson", range(i * 5, i * 5 + 8))
        process = lab.start(folder, "run")
        time.sleep(chance.uniform(0.02, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    lab.windrow(folder, "run")
    assert state(lake) == expected(tmp_path, folder / "data")


def test_two_runs_at_once(s3, tmp_path):
    folder, lake = project(tmp_path / "lab")
    for pair in range(8):
        lab.add_events(folder, f"{pair:02}a.ndjson", range(pair * 8, pair * 8 + 5))
        one = lab.start(folder, "run")
        time.sleep(0.05 * (pair % 4))
        lab.add_events(folder, f"{pair:02}b.ndjson", range(pair * 8 + 3, pair * 8 + 8))
        two = lab.start(folder, "run")
        assert (one.wait(timeout=60), two.wait(timeout=60)) == (0, 0)
    lab.windrow(folder, "run")
    assert state(lake) == expected(tmp_path, folder / "data")


def test_a_selective_query_reads_ranges(s3, tmp_path):
    folder, lake = project(tmp_path / "lab")
    model = folder / "models/gold/wide.sql"
    model.write_text("SELECT range AS i, sha256(range::VARCHAR) AS a FROM range(400000)")
    lab.windrow(folder, "run", "--select", "gold.wide")
    files = [line.split("\t") for line in probe("list", f"{lake}/gold/wide").stdout.splitlines()]
    size = sum(int(bytes_) for path, bytes_ in files if path.endswith(".parquet"))
    assert size > 10 << 20
    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"]) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.url
        assert "399999" in lab.windrow(folder, "query", "SELECT max(i) FROM gold.wide").stdout
        assert proxy.bytes_sent < size / 4, f"{proxy.bytes_sent} of {size} bytes for one of two columns"
        one = proxy.bytes_sent
        assert "200000" in lab.windrow(folder, "query", "SELECT i, a FROM gold.wide WHERE i = 200000").stdout
        assert proxy.bytes_sent - one < size / 2, f"{proxy.bytes_sent - one} of {size} bytes for one row"


def test_failures_are_named_and_no_secret_is_shown(s3, monkeypatch):
    def refused(uri: str) -> str:
        result = subprocess.run([lab.PROGRAM, "table", "read", uri], capture_output=True, text=True, timeout=60)
        assert result.returncode != 0
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in result.stdout + result.stderr
        return result.stderr

    assert 'there is no bucket "no-such-bucket"' in refused("s3://no-such-bucket/table")
    assert "there is no Delta table" in refused("s3://windrow/nothing-here")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    assert "secret key does not fit" in refused("s3://windrow/table")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert "access key is not known" in refused("s3://windrow/table")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "AWS_ACCESS_KEY_ID" in refused("s3://windrow/table")


def test_what_is_written_is_encrypted_where_asked(s3, monkeypatch):
    def header(path: str) -> str:
        answer = subprocess.run(
            ["curl", "-sI", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u",
             f"{s3['AWS_ACCESS_KEY_ID']}:{s3['AWS_SECRET_ACCESS_KEY']}", "-H",
             "x-amz-content-sha256: UNSIGNED-PAYLOAD", s3["AWS_ENDPOINT_URL"] + path],
            check=True, capture_output=True, text=True, timeout=30).stdout.lower()
        assert answer.startswith("http/1.1 200"), answer
        return next((line.split(": ", 1)[1].strip() for line in answer.split("\n")
                     if line.startswith("x-amz-server-side-encryption:")), "")

    probe("put", "s3://windrow/sse/plain", "10")
    assert header("/windrow/sse/plain") == ""
    monkeypatch.setenv("AWS_S3_SERVER_SIDE_ENCRYPTION", "AES256")
    probe("put", "s3://windrow/sse/one", "10")
    assert header("/windrow/sse/one") == "aes256"
    monkeypatch.setenv("AWS_S3_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_S3_KMS_KEY", "k1")
    probe("put", "s3://windrow/sse/parts", str(20 << 20))
    assert header("/windrow/sse/parts") == "aws:kms"
    assert len(probe("read", "s3://windrow/sse/parts").stdout) == 20 << 20


def test_lifecycle_rules_are_written_beside_those_of_others(s3, tmp_path):
    def rules() -> str:
        return subprocess.run(
            ["curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u",
             f"{s3['AWS_ACCESS_KEY_ID']}:{s3['AWS_SECRET_ACCESS_KEY']}", "-H",
             "x-amz-content-sha256: UNSIGNED-PAYLOAD", s3["AWS_ENDPOINT_URL"] + "/windrow/?lifecycle="],
            check=True, capture_output=True, text=True, timeout=30).stdout

    folder, lake = project(tmp_path / "lab")
    project_file = folder / "windrow.yaml"
    # MinIO knows no storage classes: that files are moved is a unit test of the document alone.
    project_file.write_text(project_file.read_text().replace("gold: {}", "gold: {retention: 90d, delete: 120d}"))
    lab.add_events(folder, "one.ndjson", range(10))
    lab.windrow(folder, "run")
    shown = json.loads(lab.windrow(folder, "--json", "lake", "lifecycle", "--dry-run").stdout)
    assert {line["table"] for line in shown["rules"]} == {"gold.daily"}  # nothing says how old rows of gold.kinds are
    before = rules()
    for _ in range(2):
        lab.windrow(folder, "lake", "lifecycle")
        now = rules()
        assert now.count("<Days>120</Days>") - before.count("<Days>120</Days>") == len([r for r in shown["rules"] if "delete" in r]) > 0
        assert "/gold/daily/" in now
