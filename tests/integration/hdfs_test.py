"""A lake on HDFS: a real NameNode and DataNode (tests/servers), and a proxy in front of the NameNode that misbehaves."""
import concurrent.futures
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid

import duckdb
import pytest

import faulty_proxy
import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(lab.PROGRAM).resolve().parent
sys.path.append(str(ROOT / "tests/servers"))
import hdfs as hdfs_server  # noqa: E402  (tests/servers/hdfs.py)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """An HDFS of these tests' own."""
    yield from lab.serving(hdfs_server.Hdfs(tmp_path_factory.mktemp("servers")))


@pytest.fixture
def hdfs(cluster, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("WINDROW_HDFS_", "HADOOP_"))]:
        monkeypatch.delenv(name)
    for name, value in cluster.variables().items():
        monkeypatch.setenv(name, value)
    return cluster


def probe(*words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess:
    result = subprocess.run([BUILD / "files_probe", *words], capture_output=True, text=True, timeout=timeout)
    assert not check or result.returncode == 0, result.stderr
    return result


def lake_of(cluster) -> str:
    return f"{cluster.address()}/lakes/a lake é+{uuid.uuid4().hex}"


def project(folder: pathlib.Path, lake: str) -> pathlib.Path:
    files = dict(lab.FILES)
    files["windrow.yaml"] = files["windrow.yaml"].replace("lake: lake", f'lake: "{lake}"')
    return lab.make_project(folder, files)


def get(lake: str, to: pathlib.Path) -> pathlib.Path:
    """Copies a lake from HDFS to local disk, with the probe: what other programs then read is what we wrote."""
    for line in probe("list", lake).stdout.splitlines():
        path = line.rpartition("\t")[0]
        target = to / path.removeprefix(lake + "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as file:
            subprocess.run([BUILD / "files_probe", "read", path], stdout=file, check=True, timeout=60)
    return to


def put(folder: pathlib.Path, to: str) -> None:
    """Copies files to HDFS with another program's client: plain WebHDFS requests."""
    import http.client
    import urllib.parse

    parts = urllib.parse.urlsplit(to)
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        name = urllib.parse.quote(f"{urllib.parse.unquote(parts.path)}/{path.relative_to(folder)}")
        first = http.client.HTTPConnection(parts.netloc, timeout=30)
        first.request("PUT", f"/webhdfs/v1{name}?op=CREATE&overwrite=true&user.name={os.environ['HADOOP_USER_NAME']}")
        location = urllib.parse.urlsplit(first.getresponse().getheader("Location"))
        second = http.client.HTTPConnection(location.netloc, timeout=30)
        second.request("PUT", f"{location.path}?{location.query}", path.read_bytes())
        assert second.getresponse().status == 201


COLUMNS = {"bronze.events": ["id", "ts", "kind", "n"], "silver.events": ["id", "ts", "kind", "n"],
           "gold.daily": ["day", "kind", "total", "events"], "gold.kinds": ["kind", "total"]}


def state(lake: str, scratch: pathlib.Path) -> dict[str, list]:
    """Every table's rows, as delta-rs reads what lies on HDFS."""
    copy = get(lake, scratch / uuid.uuid4().hex)
    return {table: lab.rows_of_delta_rs(copy / table.replace(".", "/"), columns) for table, columns in COLUMNS.items()}


def expected(tmp_path: pathlib.Path, data: pathlib.Path) -> dict[str, list]:
    """The same project on local disk, never disturbed."""
    alone = lab.make_project(tmp_path / "alone")
    for path in sorted(data.iterdir()):
        shutil.copy2(path, alone / "data" / path.name)
    lab.windrow(alone, "run")
    out = lab.state(alone)
    out.pop("serving")
    return out


def storage_tests(pattern: str, **variables: str) -> None:
    result = subprocess.run([BUILD / "storage_test", "--gtest_brief=1", f"--gtest_filter={pattern}"],
                            env={**os.environ, **variables}, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0 and "0 tests ran" not in result.stdout, result.stdout[-3000:]
    assert "Skipped" not in result.stdout, result.stdout[-3000:]


def test_the_contract_of_homes(hdfs):
    storage_tests("*Contract*/hdfs:WebHdfsReal.*")


def test_the_contract_while_requests_and_answers_are_lost(hdfs):
    choose = faulty_proxy.at_random(3, 0.1, "busy", "reset", "lost")
    with faulty_proxy.Proxy(hdfs.address().replace("webhdfs", "http"), choose) as proxy:
        storage_tests("*Contract*/hdfs-*OnePage*", WINDROW_TEST_HDFS=proxy.url.replace("http", "webhdfs"))
        lost = [path for method, path, fault in proxy.seen if fault == "lost" and "op=RENAME" in path]
    assert lost


def test_sixteen_processes_and_one_winner(hdfs):
    for _ in range(5):
        path = f"{hdfs.address()}/race/{uuid.uuid4().hex}.json"
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(
                lambda i: probe("put-if-absent", path, f"writer {i}").stdout.strip(), range(16)))
        assert sorted(outcomes) == ["created"] + ["exists"] * 15
        assert probe("read", path).stdout == f"writer {outcomes.index('created')}"
    assert ".tmp-" not in probe("list", f"{hdfs.address()}/race").stdout


def test_sixteen_writers_and_lost_answers(hdfs):
    """Whoever is told `created` has the file, though every third answer to a rename never came."""
    chance = random.Random(11)

    def choose(method, path):
        return "lost" if "op=RENAME" in path and chance.random() < 0.33 else None

    with faulty_proxy.Proxy(hdfs.address().replace("webhdfs", "http"), choose) as proxy:
        for _ in range(3):
            path = f"{proxy.url.replace('http', 'webhdfs')}/race/{uuid.uuid4().hex}.json"
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                outcomes = list(pool.map(
                    lambda i: probe("put-if-absent", path, f"writer {i}").stdout.strip(), range(16)))
            assert sorted(outcomes) == ["created"] + ["exists"] * 15
            assert probe("read", path).stdout == f"writer {outcomes.index('created')}"


def test_a_table_that_another_program_has_put_there(hdfs, tmp_path):
    alone = lab.make_project(tmp_path / "alone")
    lab.add_events(alone, "a.ndjson", range(100))
    lab.windrow(alone, "run")
    lake = f"{hdfs.address()}/copied {uuid.uuid4().hex}"
    put(alone / "lake", lake)
    rpc = f"hdfs://127.0.0.1:{hdfs.ports['namenode']}" + lake.removeprefix(hdfs.address())
    os.environ["WINDROW_HDFS_HTTP"] = f"127.0.0.1:{hdfs.ports['namenode_http']}"
    try:
        for uri in (lake, rpc):
            out = tmp_path / f"{uuid.uuid4().hex}.parquet"
            subprocess.run([lab.PROGRAM, "table", "read", f"{uri}/silver/events", "--format", "parquet", "--out", out,
                            "-q"], check=True, timeout=60)
            rows = duckdb.sql(f"SELECT id, ts, kind, n FROM '{out}'").fetchall()
            assert lab.sorted_rows(rows) == lab.state(alone)["silver.events"]
    finally:
        del os.environ["WINDROW_HDFS_HTTP"]


def test_a_lake_on_hdfs(hdfs, tmp_path):
    lake = lake_of(hdfs)
    folder = project(tmp_path / "lab", lake)
    lab.add_events(folder, "a.ndjson", range(100))
    lab.windrow(folder, "run")
    lab.add_events(folder, "b.ndjson", range(50, 150), day=3)
    lab.windrow(folder, "run")
    assert "up to date" in lab.windrow(folder, "plan").stdout
    assert state(lake, tmp_path) == expected(tmp_path, folder / "data")


def test_checkpoints_are_written_and_read(hdfs, tmp_path):
    lake = lake_of(hdfs)
    folder = project(tmp_path / "lab", lake)
    for i in range(12):
        lab.add_events(folder, f"{i:02}.ndjson", range(i * 5, i * 5 + 5))
        lab.windrow(folder, "run")
    assert "00000000000000000010.checkpoint.parquet" in probe("list", f"{lake}/bronze/events/_delta_log").stdout
    assert state(lake, tmp_path) == expected(tmp_path, folder / "data")


@pytest.mark.skipif("MOVIES_JSON" not in os.environ, reason="MOVIES_JSON names the films: ./dev test sets it")
def test_the_quick_start_with_its_lake_on_hdfs(hdfs, tmp_path):
    folder, lake = tmp_path / "quickstart", lake_of(hdfs)
    shutil.copytree(ROOT / "examples/quickstart", folder)
    alone = shutil.copytree(folder, tmp_path / "alone")
    text = (folder / "windrow.yaml").read_text()
    assert "lake: lake" in text
    (folder / "windrow.yaml").write_text(text.replace("lake: lake", f'lake: "{lake}"'))
    lab.windrow(folder, "run")
    lab.windrow(alone, "run")
    copy = get(lake, tmp_path / "copy")
    tables = [path.parent.relative_to(alone / "lake") for path in (alone / "lake").rglob("_delta_log")]
    assert len(tables) > 4
    for table in tables:
        count = f"SELECT count(*) FROM delta_scan('{{}}/{table}')"
        ours, theirs = (lab.delta_extension().execute(count.format(at)).fetchone() for at in (copy, alone / "lake"))
        assert ours == theirs


@pytest.mark.parametrize("seed", range(2))
def test_lost_answers_resets_and_a_busy_server(hdfs, tmp_path, seed):
    lake = lake_of(hdfs)
    choose = faulty_proxy.at_random(seed, 0.05, "busy", "reset", "lost", "lost")
    with faulty_proxy.Proxy(hdfs.address().replace("webhdfs", "http"), choose) as proxy:
        through = lake.replace(hdfs.address(), proxy.url.replace("http", "webhdfs"))
        folder = project(tmp_path / "lab", through)
        for i in range(3):
            lab.add_events(folder, f"{i}.ndjson", range(i * 20, i * 20 + 30))
            for _ in range(4):
                if lab.windrow(folder, "run", check=False).returncode == 0:
                    break
            else:
                raise AssertionError("four runs in a row failed")
    assert state(lake, tmp_path) == expected(tmp_path, folder / "data")


def test_kills_at_random_points(hdfs, tmp_path):
    lake = lake_of(hdfs)
    folder = project(tmp_path / "lab", lake)
    chance = random.Random(5)
    for i in range(10):
        lab.add_events(folder, f"{i:02}.ndjson", range(i * 5, i * 5 + 8))
        process = lab.start(folder, "run")
        time.sleep(chance.uniform(0.05, 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
    lab.windrow(folder, "run")
    assert state(lake, tmp_path) == expected(tmp_path, folder / "data")


def test_two_runs_at_once(hdfs, tmp_path):
    lake = lake_of(hdfs)
    folder = project(tmp_path / "lab", lake)
    for pair in range(4):
        lab.add_events(folder, f"{pair:02}a.ndjson", range(pair * 8, pair * 8 + 5))
        one = lab.start(folder, "run")
        time.sleep(0.05 * pair)
        lab.add_events(folder, f"{pair:02}b.ndjson", range(pair * 8 + 3, pair * 8 + 8))
        two = lab.start(folder, "run")
        assert (one.wait(timeout=60), two.wait(timeout=60)) == (0, 0)
    lab.windrow(folder, "run")
    assert state(lake, tmp_path) == expected(tmp_path, folder / "data")


def test_the_name_node_that_answers_is_found(hdfs):
    there = f"127.0.0.1:{hdfs.ports['namenode_http']}"
    path = f"webhdfs://127.0.0.1:1,{there}/ha/{uuid.uuid4().hex}"
    assert probe("put-if-absent", path, "x").stdout == "created\n"
    assert probe("read", path).stdout == "x"


def test_failures_are_named(hdfs):
    def refused(uri: str) -> str:
        result = subprocess.run([lab.PROGRAM, "table", "read", uri], capture_output=True, text=True, timeout=60)
        assert result.returncode != 0
        return result.stderr

    assert "there is no Delta table" in refused(f"{hdfs.address()}/nothing-here")
    assert "holds \"..\"" in refused(f"{hdfs.address()}/a/../b")
    os.environ["HADOOP_USER_NAME"] = "somebody"  # monkeypatch takes it back
    answer = probe("put-if-absent", f"{hdfs.address()}/theirs", "x", check=False).stderr
    assert "user=somebody" in answer and "HADOOP_USER_NAME" in answer


def test_safe_mode_is_named(hdfs):
    jars = hdfs.java("admin", "org.apache.hadoop.hdfs.tools.DFSAdmin")

    def admin(*words: str) -> None:
        subprocess.run([*jars.argv, *words], check=True, capture_output=True, timeout=60)

    admin("-safemode", "enter")
    try:
        answer = probe("put-if-absent", f"{hdfs.address()}/safe", "x", check=False).stderr
    finally:
        admin("-safemode", "leave")
    assert "safe mode" in answer and "cannot write" in answer


def test_a_data_node_that_is_down_is_named_and_comes_back(hdfs, tmp_path):
    path = f"{hdfs.address()}/down/{uuid.uuid4().hex}"
    probe("put-if-absent", path, "kept")
    hdfs.kill("datanode")
    answer = probe("read", path, check=False)
    assert answer.returncode == 1
    assert "data node" in answer.stderr and path in answer.stderr, answer.stderr
    answer = probe("put-if-absent", path + "-new", "x", check=False)
    assert answer.returncode == 1 and "data node" in answer.stderr, answer.stderr
    hdfs.up()
    assert probe("read", path).stdout == "kept"
    assert path + "-new" not in probe("list", f"{hdfs.address()}/down").stdout.split("\t")[0]


def test_a_name_node_that_is_killed_comes_back_with_everything(hdfs, tmp_path):
    lake = lake_of(hdfs)
    folder = project(tmp_path / "lab", lake)
    lab.add_events(folder, "a.ndjson", range(100))
    lab.windrow(folder, "run")
    hdfs.kill("namenode")
    answer = lab.windrow(folder, "plan", check=False, timeout=60)
    assert answer.returncode == 1 and "no connection" in answer.stderr, answer.stderr
    hdfs.up()
    assert "up to date" in lab.windrow(folder, "plan").stdout
    assert state(lake, tmp_path) == expected(tmp_path, folder / "data")


def test_two_name_nodes_and_a_fail_over_in_the_middle(hdfs, tmp_path, tmp_path_factory, monkeypatch):
    pair = hdfs_server.HdfsHa(tmp_path_factory.mktemp("servers"))
    try:
        pair.up()
        for name, value in pair.variables().items():
            monkeypatch.setenv(name, value)
        # The one on standby refuses by itself, and is passed over: in the path, and by Hadoop's configuration.
        standby = f"webhdfs://127.0.0.1:{pair.ports['nn2_http']}"
        refused = probe("put-if-absent", f"{standby}/x", "x", check=False)
        assert refused.returncode == 1 and "no name node of the cluster is active" in refused.stderr, refused.stderr
        both = f"{standby},127.0.0.1:{pair.ports['nn1_http']}/x"
        assert probe("put-if-absent", both, "x").stdout == "created\n"
        assert probe("put-if-absent", "hdfs://ha/x", "y").stdout == "exists\n"
        assert probe("read", "hdfs:///x").stdout == "x"

        lake = f"hdfs://ha/a lake é+{uuid.uuid4().hex}"
        folder = project(tmp_path / "lab", lake)
        for i in range(3):
            lab.add_events(folder, f"{i}.ndjson", range(i * 20, i * 20 + 30))
            process = lab.start(folder, "run")
            if i == 1:
                time.sleep(0.3)
                pair.kill("nn1")
                pair.make_active("nn2")
            process.wait(timeout=120)
            lab.windrow(folder, "run")
        assert pair.state("nn2") == "active" and pair.state("nn1") == ""
        assert state(lake, tmp_path) == expected(tmp_path, folder / "data")
    finally:
        pair.down()


SPARK = """
import os, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
path, words = sys.argv[1], sys.argv[2]
frame = spark.read.format("delta").load(path)
if words == "append":
    frame.limit(frame.count()).write.format("delta").mode("append").save(path)
for row in spark.read.format("delta").load(path).collect():
    print("\\t".join(str(cell) for cell in row))
"""


def test_spark_reads_and_appends_what_we_wrote(hdfs, tmp_path, tmp_path_factory):
    import spark as spark_server  # tests/servers/spark.py

    lake = lake_of(hdfs)
    folder = project(tmp_path / "lab", lake)
    lab.add_events(folder, "a.ndjson", range(100))
    lab.windrow(folder, "run")
    script = tmp_path / "judge.py"
    script.write_text(SPARK)
    native = f"hdfs://127.0.0.1:{hdfs.ports['namenode']}" + lake.removeprefix(hdfs.address())
    server = spark_server.Spark(tmp_path_factory.mktemp("servers"))
    server.fetch()
    try:
        server.up()

        def spark(words: str) -> list:
            out = subprocess.run([server.variables()["WINDROW_TEST_SPARK_PYTHON"], script, f"{native}/gold/kinds", words],
                                 env={**os.environ, **server.variables()}, capture_output=True, text=True, timeout=180)
            assert out.returncode == 0, out.stderr[-2000:]
            return lab.sorted_rows(line.split("\t") for line in out.stdout.splitlines())

        ours = lab.rows_of_delta_rs(get(lake, tmp_path / "before") / "gold/kinds", ["kind", "total"])
        assert spark("read") == ours
        assert spark("append") == sorted(ours * 2)
    finally:
        server.down()
    out = tmp_path / "out.parquet"
    subprocess.run([lab.PROGRAM, "table", "read", f"{lake}/gold/kinds", "--format", "parquet", "--out", out, "-q"],
                   check=True, timeout=60)
    assert lab.sorted_rows(duckdb.sql(f"SELECT kind, total FROM '{out}'").fetchall()) == sorted(ours * 2)
