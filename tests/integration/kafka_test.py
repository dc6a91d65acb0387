"""Kafka into Delta against a real broker: formats, contracts, dead letters, beginnings, ends, names, log-in."""
import datetime
import http.server
import json
import pathlib
import re
import shutil
import struct
import subprocess
import threading
import time
import uuid

import pytest

import kafka_lab
import lab
from kafka_lab import ingest, rows


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    if not shutil.which("kcat"):
        pytest.skip("single messages are sent by kcat, which is not here")
    yield from kafka_lab.start(tmp_path_factory)


@pytest.fixture
def topic():
    return f"t-{uuid.uuid4().hex}"


def source(topic: str, more: str = "", start: str = "earliest", extra: str = "") -> str:
    return f"source: bronze.events\nfrom: {{kafka: events, topic: {topic}, start: {start}{extra}}}\n{more}"


def test_types_shapes_and_dead_letters(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, ("k1", '{"id":1,"timestamp":"1760709600","log_params":{"a":[1]},"ok":true}'),
                   '{"id":2,"timestamp":1760709601,"log_params":[1,"x"],"share":0.5}', "<html>",
                   '{"id":3,"timestamp":"soon"}', '{"id":4,"timestamp":1760709602.0,"log_params":"text ä"}', b"\xff\xfe")
    folder = kafka_lab.project(tmp_path, broker, source(
        topic, "columns: {timestamp: bigint, log_params: json, kafka_key: varchar, kafka_offset: bigint}\n"))
    ingest(folder)
    lake = folder / "lake"
    assert rows(lake, "bronze.events", 'SELECT id, "timestamp", log_params, kafka_key, ok, share FROM t ORDER BY id') == [
        (1, 1760709600, '{"a":[1]}', "k1", True, None), (2, 1760709601, '[1,"x"]', None, None, 0.5),
        (4, 1760709602, '"text ä"', None, None, None)]
    dead = rows(lake, "bronze.events_rejected", 'SELECT topic, "partition", "offset", content, error FROM t ORDER BY 3')
    assert [row[:4] for row in dead] == [(topic, 0, 2, b"<html>"), (topic, 0, 3, b'{"id":3,"timestamp":"soon"}'),
                                         (topic, 0, 5, b"\xff\xfe")]
    assert dead[1][4] == 'field "timestamp" has "soon", which is not bigint'
    # Nothing comes twice, and what is new comes.
    ingest(folder)
    kafka_lab.send(broker, topic, '{"id":5,"timestamp":1,"fresh":"column"}', "broken again")
    ingest(folder)
    assert rows(lake, "bronze.events", "SELECT count(*), count(fresh), max(id) FROM t") == [(4, 1, 5)]
    assert rows(lake, "bronze.events_rejected", "SELECT count(*) FROM t") == [(4,)]


def test_contracts_stop_before_anything_is_committed(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1}', '{"id":2,"more":1}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\non_new_column: stop\n"))
    ended = ingest(folder, check=False)
    assert ended.returncode == 1 and f'message 1 of {topic}/0: field "more" is not a column' in ended.stderr
    assert rows(folder / "lake", "bronze.events", "SELECT count(*) FROM t") == [(0,)]
    (folder / "sources/events.yaml").write_text(source(topic, "columns: {id: bigint}\non_new_column: reject\n"))
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT id FROM t") == [(1,)]
    assert rows(folder / "lake", "bronze.events_rejected", "SELECT error FROM t") == [
        ('field "more" is not a column of the table',)]


def test_run_reads_up_to_the_ends_and_plan_says_how_much(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1}', '{"id":2}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n"))
    (folder / "windrow.yaml").write_text((folder / "windrow.yaml").read_text() + "  silver: {}\n")
    (folder / "models/silver").mkdir(parents=True)
    (folder / "models/silver/total.sql").write_text("SELECT sum(id) AS total FROM bronze.events\n")
    assert "bronze.events  source" in lab.windrow(folder, "plan").stdout
    lab.windrow(folder, "run")
    assert rows(folder / "lake", "silver.total", "SELECT total FROM t") == [(3,)]
    assert "up to date" in lab.windrow(folder, "plan").stdout
    kafka_lab.send(broker, topic, '{"id":4}')
    assert "1 message" in lab.windrow(folder, "plan").stdout
    lab.windrow(folder, "run")
    assert rows(folder / "lake", "silver.total", "SELECT total FROM t") == [(7,)]


def test_ingest_is_in_the_history(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1}', 'not json', '{"id":3}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n"))
    answer = json.loads(ingest(folder, "--until-caught-up", "--json").stdout.splitlines()[-1])
    run = json.loads(lab.windrow(folder, "runs", answer["run"], "--json").stdout)
    assert run["status"] == "done" and "ingest bronze.events" in run["command"] and run["ended"]
    assert [(t["asset"], t["rows"], t["rejected"], t["version"]) for t in run["tasks"]] == [("bronze.events", 2, 1, answer["version"])]


@pytest.mark.parametrize("start, found", [("latest", [9]), ("{0: 2}", [3, 9]), ("earliest", [1, 2, 3, 9]),
                                          ("2099-01-01", [9]), ("2001-01-01", [1, 2, 3, 9])])
def test_beginnings(broker, topic, tmp_path, start, found):
    kafka_lab.send(broker, topic, '{"id":1}', '{"id":2}', '{"id":3}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n", start))
    ingest(folder)  # from here on the table knows where it began
    kafka_lab.send(broker, topic, '{"id":9}')
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT id FROM t ORDER BY id") == [(i,) for i in found]


def test_a_beginning_between_two_messages(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1}', '{"id":2}')
    time.sleep(0.1)
    between = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    time.sleep(0.1)
    kafka_lab.send(broker, topic, '{"id":3}', '{"id":4}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n", between))
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT id FROM t ORDER BY id") == [(3,), (4,)]


def test_a_partition_that_is_added_begins_at_its_first_message(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n", "latest"))
    ingest(folder)
    tool = broker.java("alter", "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", broker.address(), "--alter",
                       "--topic", topic, "--partitions", "2")
    subprocess.run(tool.argv, check=True, capture_output=True, timeout=60)
    kafka_lab.send(broker, topic, '{"id":2}', partition=1)
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT id FROM t") == [(2,)]


def test_messages_that_retention_removed(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1}', '{"id":2}', '{"id":3}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n"))
    ingest(folder)
    kafka_lab.send(broker, topic, '{"id":4}', '{"id":5}')
    (tmp_path / "delete.json").write_text(json.dumps(
        {"partitions": [{"topic": topic, "partition": 0, "offset": 4}], "version": 1}))
    tool = broker.java("delete", "org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server", broker.address(),
                       "--offset-json-file", str(tmp_path / "delete.json"))
    subprocess.run(tool.argv, check=True, capture_output=True, timeout=60)
    ended = ingest(folder, check=False)
    assert ended.returncode == 1 and "1 messages behind 3 were removed" in ended.stderr and "lost: skip" in ended.stderr
    (folder / "sources/events.yaml").write_text(source(topic, "columns: {id: bigint}\n", extra=", lost: skip"))
    assert "1 messages" in ingest(folder).stderr
    assert rows(folder / "lake", "bronze.events", "SELECT id FROM t ORDER BY 1") == [(1,), (2,), (3,), (5,)]


def test_matches_become_rows_of_players(broker, topic, tmp_path):
    kafka_lab.generate(broker, topic, 200, "--duplicates", "0", "--broken", "0", kind="league")
    folder = kafka_lab.project(tmp_path, broker, source(topic, """explode: info.participants
flush: {rows: 90}
columns:
  match_id: {type: varchar, value: "metadata->>'matchId'"}
  gameCreation: bigint
  day: {type: date, value: "CAST(to_timestamp(gameCreation / 1000) AS DATE)"}
  metadata: json
on_new_column: add
files: {name: "matches_{utc}_batch{n}", folder: archive, compression: zstd}
partition_by: [day]
"""))
    ingest(folder)
    lake = folder / "lake"
    counts = rows(lake, "bronze.events", "SELECT n, count(*) FROM (SELECT count(*) AS n FROM t GROUP BY match_id) "
                  "GROUP BY n ORDER BY n")
    assert {n for n, _ in counts} == {8, 10, 16} and sum(matches for _, matches in counts) == 200
    assert rows(lake, "bronze.events", 'SELECT count(*) FROM t WHERE "championName" IS NULL OR win IS NULL') == [(0,)]
    files = [str(file.relative_to(lake / "bronze/events")) for file in (lake / "bronze/events").rglob("*.parquet")]
    assert len(files) == 3
    for file in files:
        assert re.fullmatch(r"archive/day=2025-10-17/matches_\d{8}_\d{6}_batch[123]_[0-9a-f]{8}_0\.parquet", file), file


def test_folders_of_event_time_snappy_and_dictionaries(broker, topic, tmp_path):
    import pyarrow.parquet

    kafka_lab.generate(broker, topic, 2000, "--late", "0.2", "--broken", "0")
    folder = kafka_lab.project(tmp_path, broker, source(topic, """columns: {timestamp: bigint, log_params: json}
partition_by: {year: "year(to_timestamp(timestamp))", month: "month(to_timestamp(timestamp))", hour: "hour(to_timestamp(timestamp))"}
files: {name: "wiki_events_{utc:%Y%m%d_%H%M%S}"}
"""))
    ingest(folder)
    files = list((folder / "lake/bronze/events").rglob("*.parquet"))
    assert len(files) > 2 and all(re.match(r"wiki_events_\d{8}_\d{6}_[0-9a-f]{8}", file.name) for file in files)
    assert all(file.parent.parent.name == "month=10" for file in files)
    biggest = max(files, key=lambda file: file.stat().st_size)
    group = pyarrow.parquet.ParquetFile(biggest).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"SNAPPY"}
    assert columns["wiki"].has_dictionary_page
    assert rows(folder / "lake", "bronze.events",
                'SELECT count(*) FROM t WHERE "hour" <> extract(hour FROM to_timestamp("timestamp"))') == [(0,)]


def test_csv_bytes_and_raw_text(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '1,"a, ""quoted"" ä",2.5', "2,b")
    folder = kafka_lab.project(tmp_path / "csv", broker, source(
        topic, "format: csv\ncolumns: {id: bigint, name: varchar, share: 'decimal(10,2)', kafka_offset: bigint}\n"))
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT id, name, share::varchar, kafka_offset FROM t") == [
        (1, 'a, "quoted" ä', "2.50", 0)]
    folder = kafka_lab.project(tmp_path / "bytes", broker, source(
        topic, "format: bytes\ncolumns: {kafka_headers: json, kafka_time: timestamptz}\n"))
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT value, kafka_time > TIMESTAMPTZ '2020-01-01' FROM t") == [
        ('1,"a, ""quoted"" ä",2.5'.encode(), True), (b"2,b", True)]
    other = topic + "-raw"
    kafka_lab.send(broker, other, '{"a": {"b": 1}}', headers=["trace=x"])
    folder = kafka_lab.project(tmp_path / "raw", broker, source(
        other, "raw: document\non_new_column: ignore\ncolumns: {kafka_headers: json, kafka_offset: bigint}\n"))
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT document, kafka_headers FROM t ORDER BY kafka_offset") == [
        ('{"a": {"b": 1}}', '{"trace":"x"}')]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("tls", [False, True])
def test_log_in(broker, topic, tmp_path, mechanism, tls):
    kafka_lab.send(broker, topic, '{"id":1}')
    variables = broker.variables()
    address = variables["WINDROW_TEST_KAFKA_TLS" if tls else "WINDROW_TEST_KAFKA_SASL"]
    ca = f', tls: true, ca: "{variables["WINDROW_TEST_KAFKA_CA"]}"' if tls else ""
    connection = f'brokers: "{address}", user: {kafka_lab.kafka_server.NAME}, mechanism: {mechanism}{ca}'
    secret = kafka_lab.kafka_server.PASSWORD
    folder = kafka_lab.project(tmp_path, broker, source(topic, "columns: {id: bigint}\n"),
                               connection=f'{connection}, password: "${{PASSWORD}}"')
    (folder / ".env").write_text(f"PASSWORD={secret}\n")
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT id FROM t") == [(1,)]
    if mechanism != "SCRAM-SHA-256":
        return
    (folder / ".env").write_text("PASSWORD=not-the-secret-one\n")
    ended = ingest(folder, check=False, timeout=60)
    assert ended.returncode == 1 and "uthentication" in ended.stderr and "not-the-secret" not in ended.stderr
    if tls:
        folder = kafka_lab.project(tmp_path / "untrusted", broker, source(topic, "columns: {id: bigint}\n"), connection=(
            f'brokers: "{address}", user: {kafka_lab.kafka_server.NAME}, tls: true, password: {secret}'))
        ended = ingest(folder, check=False, timeout=60)
        assert ended.returncode == 1 and "certificate" in ended.stderr


def test_limits_metrics_and_the_group_for_lag_monitors(broker, topic, tmp_path):
    kafka_lab.generate(broker, topic, 5000, "--broken", "0", "--duplicates", "0")
    folder = kafka_lab.project(tmp_path, broker, source(
        topic, "flush: {rows: 1000}\ncolumns: {id: bigint}\n", extra=", group: watched"))
    last = json.loads(ingest(folder, "--batches", "2", "--json").stdout.splitlines()[-1])
    assert (last["rows"], last["commits"], last["messages"]) == (2000, 2, 2000)
    last = json.loads(ingest(folder, "--for", "3s", "--json", "--metrics", str(tmp_path / "m.prom")).stdout.splitlines()[-1])
    assert (last["rows"], last["commits"], last["lag"]) == (3000, 3, 0)
    metrics = (tmp_path / "m.prom").read_text()
    assert 'windrow_ingest_rows_total{source="bronze.events"} 3000\n' in metrics
    for line in metrics.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) windrow_\w+ .+|windrow_\w+\{source=\"bronze.events\"\} [-0-9.e+]+", line), line
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True, check=True, capture_output=True)
    tool = broker.java("groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server",
                       broker.address(), "--describe", "--group", "watched")
    shown = subprocess.run(tool.argv, capture_output=True, text=True, timeout=60).stdout
    assert sum(int(line.split()[3]) for line in shown.splitlines() if topic in line) == 5000, shown


def test_what_is_wrong_is_said(broker, topic, tmp_path):
    folder = kafka_lab.project(tmp_path, broker, source("not-there-" + topic))
    ended = ingest(folder, check=False)
    assert ended.returncode == 1 and "Unknown topic" in ended.stderr
    ended = lab.windrow(folder, "ingest", "bronze.evnts", check=False)
    assert ended.returncode == 2 and 'did you mean "bronze.events"?' in ended.stderr
    (folder / "sources/events.yaml").write_text(source(topic, "files: {name: 'x_{day}'}\n"))
    ended = ingest(folder, check=False)
    assert ended.returncode == 2 and "{day}" in ended.stderr and "sources/events.yaml:3" in ended.stderr
    kafka_lab.send(broker, topic, '{"id":1}')
    (folder / "sources/events.yaml").write_text(source(topic, start="latest"))
    ended = ingest(folder, check=False)
    assert ended.returncode == 2 and "declare at least one" in ended.stderr


def test_avro_by_a_registry(broker, topic, tmp_path):
    schema = {"type": "record", "name": "E", "fields": [
        {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "more", "type": {"type": "map", "values": "double"}}]}
    asked = []

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            known = self.path == "/schemas/ids/7"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"schema": json.dumps(schema)} if known else {"error_code": 40403}).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        record = (b"\x05" + b"\x02\x04\xc3\xa4" + b"\x80\xa0\xab\xfe\xf9\x62" + b"\x04\x00\x97" +
                  b"\x02\x02k" + struct.pack("<d", float("nan")) + b"\x00")
        kafka_lab.send(broker, topic, b"\0\0\0\0\x07" + record, b"\0\0\0\0\x07" + record[:-3], b"\0\0\0\0\x08" + record, b"{}")
        folder = kafka_lab.project(tmp_path, broker, source(
            topic, "format: avro\ncolumns: {at: timestamptz, price: 'decimal(9,2)'}\n"), connection=(
                f'brokers: "{broker.address()}", registry: "http://127.0.0.1:{server.server_address[1]}", '
                "registry_user: me, registry_password: hidden"))
        ingest(folder)
        server.shutdown()
    assert rows(folder / "lake", "bronze.events", 'SELECT id, name, epoch("at"), price::varchar, more FROM t') == [
        (-3, "ä", 1700000000.0, "1.51", '{"k":"NaN"}')]
    errors = [row[0] for row in rows(folder / "lake", "bronze.events_rejected", 'SELECT error FROM t ORDER BY "offset"')]
    assert "cut off" in errors[0] and "does not know the schema 8" in errors[1] and "zero byte" in errors[2]
    assert [path for path, _ in asked].count("/schemas/ids/7") == 1 and asked[0][1] == "Basic bWU6aGlkZGVu"


def test_each_contract(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"id":1,"n":5}', '{"id":2,"n":"five","extra":true}', '{"id":3,"n":7.5}')

    def archived(name: str, more: str, check=True):
        folder = kafka_lab.project(tmp_path / name, broker, source(topic, more))
        ended = ingest(folder, check=check)
        dead = rows(folder / "lake", "bronze.events_rejected", 'SELECT "offset" FROM t ORDER BY 1') \
            if kafka_lab.exists(folder / "lake", "bronze.events_rejected") else []
        columns = [name for (name, *_) in rows(folder / "lake", "bronze.events", "DESCRIBE t")]
        return columns, rows(folder / "lake", "bronze.events", "SELECT id, n FROM t ORDER BY id"), dead, ended

    columns, found, dead, _ = archived("add", "columns: {id: bigint, n: bigint}\non_bad_value: 'null'\n")
    assert (columns, found, dead) == (["id", "n", "extra"], [(1, 5), (2, None), (3, None)], [])
    columns, found, dead, _ = archived("ignore", "columns: {id: bigint, n: bigint}\non_new_column: ignore\n")
    assert (columns, found, dead) == (["id", "n"], [(1, 5)], [(1,), (2,)])
    columns, found, dead, _ = archived("of a column", "columns: {id: bigint, n: {type: bigint, on_bad_value: 'null'}}\n"
                                       "on_new_column: reject\non_bad_value: stop\n")
    assert (columns, found, dead) == (["id", "n"], [(1, 5), (3, None)], [(1,)])
    columns, found, dead, ended = archived("stop", "columns: {id: bigint, n: bigint}\non_bad_value: stop\n", check=False)
    assert (found, dead, ended.returncode) == ([], [], 1) and 'field "n" has "five", which is not bigint' in ended.stderr


def test_lists_that_are_not_there(broker, topic, tmp_path):
    kafka_lab.send(broker, topic, '{"m":1,"players":[{"id":1},{"id":2}]}', '{"m":2,"players":[]}', '{"m":3}',
                   '{"m":4,"players":[5]}', '{"m":5,"players":{"id":9}}')
    folder = kafka_lab.project(tmp_path, broker, source(topic, "explode: players\ncolumns: {m: bigint, id: bigint}\n"))
    ingest(folder)
    assert rows(folder / "lake", "bronze.events", "SELECT m, id FROM t ORDER BY ALL") == [(1, 1), (1, 2)]
    assert rows(folder / "lake", "bronze.events_rejected", 'SELECT "offset" FROM t ORDER BY 1') == [(2,), (3,), (4,)]


def test_a_full_disk_is_waited_for(broker, topic, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)], capture_output=True).returncode != 0:
        pytest.skip("a small disk is mounted by root")
    try:
        kafka_lab.generate(broker, topic, 30_000, "--broken", "0", "--duplicates", "0")
        folder = kafka_lab.project(tmp_path / "p", broker, source(
            topic, "flush: {rows: 5000}\ncolumns: {id: bigint, timestamp: bigint, log_params: json}\n"), lake=str(small / "lake"))
        filler = small / "filler"
        filler.write_bytes(b"x" * ((16 << 20) - 400_000))
        log = open(tmp_path / "log", "w")
        archiver = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "ingest", "bronze.events", "--until-caught-up", "--json"],
                                    stdout=log, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + 60
            while "No space left" not in (tmp_path / "log").read_text():
                assert archiver.poll() is None and time.monotonic() < end, (tmp_path / "log").read_text()
                time.sleep(0.1)
            memory = int(pathlib.Path(f"/proc/{archiver.pid}/statm").read_text().split()[1]) * 4096
            assert memory < 400e6
            filler.unlink()
            assert archiver.wait(timeout=120) == 0, (tmp_path / "log").read_text()
        finally:
            archiver.kill()
            archiver.wait()
        assert rows(small / "lake", "bronze.events", "SELECT count(*), count(DISTINCT id) FROM t") == [(30_000, 30_000)]
    finally:
        subprocess.run(["umount", str(small)], check=True)
