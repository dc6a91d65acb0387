"""Publishing to Cassandra, a real one (tests/servers/cassandra_server.py), judged by the Python driver."""
import datetime
import decimal
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest

import lab
import serving_lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import cassandra_server  # noqa: E402  (tests/servers/cassandra_server.py)
from cassandra.auth import PlainTextAuthProvider  # noqa: E402
from cassandra.cluster import Cluster  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    yield from lab.serving(cassandra_server.Cassandra(tmp_path_factory.mktemp("servers")))


@pytest.fixture(scope="module")
def session(server):
    with Cluster(["127.0.0.1"], port=server.ports["cql"]) as cluster:
        out = cluster.connect()
        out.default_timeout = 60
        yield out


@pytest.fixture
def keyspace(request, session):
    name = "t_" + request.node.name.removeprefix("test_").split("[")[0][:40]
    session.execute(f"DROP KEYSPACE IF EXISTS {name}")
    return name


def project(tmp_path, server, keyspace, files, more=""):
    return serving_lab.project(tmp_path / "p", f"{{type: cassandra, hosts: \"{server.address()}\", keyspace: {keyspace}, "
                               f"consistency: one{more}}}", files)


def numbers(more=""):
    return {"publish/all.yaml": "publish: all\nto: serving\nviews:\n"
                                f"  - {{from: gold.numbers, table: numbers, cassandra: {{partition: [id]}}{more}}}\n"}


def manifest(session, keyspace, view="numbers"):
    return session.execute(f"SELECT * FROM {keyspace}.windrow_publications WHERE \"view\" = %s", [view]).one()


def rows_of(session, keyspace, table="numbers"):
    return list(session.execute(f"SELECT * FROM {keyspace}.{table}"))


TYPES = """SELECT * FROM (VALUES
  (DATE '2025-10-17', 'EUW1_1', 1, true, 1::TINYINT, -5::SMALLINT, 9223372036854775807, 0.5::FLOAT, 'nan'::DOUBLE,
   12.34::DECIMAL(10,2), 170141183460469231731687303715884105727::HUGEINT, TIMESTAMPTZ '2025-10-17 14:00:00.123456+00',
   TIMESTAMP '1969-12-31 23:59:59.999', '\\xAB\\x00'::BLOB, UUID '0e6dd6f5-9f0a-4c4b-9d5e-000000000001',
   ['a', 'ü'], {'x': 1, 'y': [{'z': 2}]}, TIME '23:59:59.5', INTERVAL '1 month 2 days 3 seconds', 'Zoë "q" ''x'''),
  (DATE '2025-10-17', 'EUW1_1', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], NULL, NULL,
   NULL, ''))
  t(match_date, match_id, participant_id, flag, tiny, small, big, single, twice, amount, huge, seen, local, bytes, id, tags,
    nested, clock, span, "Odd name")
"""


def test_types_keys_indexes_and_the_manifest(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, {
        "models/gold/all_types.sql": TYPES,
        "publish/all.yaml": """publish: all
to: serving
views:
  - from: gold.plays
    table: plays
    cassandra: {partition: [match_date, match_id], clustering: [-participant_id], ttl: 90d, options: {gc_grace_seconds: 3600}}
    indexes: [[small], [amount]]
    columns: {big: varint}
""".replace("gold.plays", "gold.all_types")})
    # What the lake has no type for (TIME, INTERVAL, UUID, HUGEINT) comes by a SELECT.
    (folder / "models/gold/all_types.sql").write_text("SELECT 1 AS one\n")
    text = (folder / "publish/all.yaml").read_text()
    (folder / "publish/all.yaml").write_text(text.replace(
        "from: gold.all_types", "sql: |\n      SELECT t.* FROM gold.all_types o, (" + TYPES.replace("\n", "\n      ") + ") t"))
    dry = lab.windrow(folder, "run", "--select", "gold.all_types") and lab.windrow(folder, "publish", "--dry-run").stdout
    assert "CREATE KEYSPACE" in dry and "CREATE TABLE" in dry and "CREATE INDEX" in dry and "rows sent" in dry, dry
    assert not list(session.execute("SELECT * FROM system_schema.keyspaces WHERE keyspace_name = %s", [keyspace]))
    lab.windrow(folder, "run")
    two, one = rows_of(session, keyspace, "plays")
    assert (two.participant_id, one.participant_id) == (2, 1)  # downwards
    assert one.match_date.date() == datetime.date(2025, 10, 17) and one.match_id == "EUW1_1" and one.flag is True
    assert (one.tiny, one.small, one.big, one.single) == (1, -5, 9223372036854775807, 0.5) and one.twice != one.twice
    assert one.amount == decimal.Decimal("12.34") and one.huge == 2**127 - 1
    assert one.seen == datetime.datetime(2025, 10, 17, 14, 0, 0, 123000)
    assert one.local == datetime.datetime(1969, 12, 31, 23, 59, 59, 999000) and one.bytes == b"\xab\x00"
    assert one.id == uuid.UUID("0e6dd6f5-9f0a-4c4b-9d5e-000000000001") and one.tags == ["a", "ü"]
    assert one.nested == '{"x":1,"y":[{"z":2}]}' and str(one.clock).startswith("23:59:59.5")
    assert (one.span.months, one.span.days, one.span.nanoseconds) == (1, 2, 3 * 10**9)
    assert one[-1] == 'Zoë "q" \'x\'' or 'Zoë "q" \'x\'' in list(one)
    assert two.flag is None and two.twice is None and two.tags in ([], None) and two.nested is None
    table = session.execute("SELECT * FROM system_schema.tables WHERE keyspace_name = %s AND table_name = 'plays'", [keyspace]).one()
    assert table.default_time_to_live == 90 * 86400 and table.gc_grace_seconds == 3600
    indexes = {row.options["target"].strip('"') for row in session.execute(
        "SELECT * FROM system_schema.indexes WHERE keyspace_name = %s", [keyspace])}
    assert indexes == {"small", "amount"}
    assert session.execute(f"SELECT participant_id FROM {keyspace}.plays WHERE small = -5").one().participant_id == 1
    kept = manifest(session, keyspace, "plays")
    assert kept.rows == 2 and len(kept.checksum) == 64 and kept.writer is None and kept.changing is None
    assert kept.source_table == "gold.all_types" and kept.started <= kept.published


def test_rows_that_are_gone_go_and_unchanged_sources_send_nothing(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, numbers())
    for number, rows in ((1, 3000), (2, 700), (3, 1500), (4, 0)):
        serving_lab.batch(folder, number, rows)
        lab.windrow(folder, "run")
        there = rows_of(session, keyspace)
        assert sorted(row.id for row in there) == list(range(rows)) and {row.batch for row in there} <= {number}
        assert manifest(session, keyspace).rows == rows
    serving_lab.batch(folder, 5, 20)
    lab.windrow(folder, "run")
    before = manifest(session, keyspace)
    stamps = {row[0] for row in session.execute(f"SELECT writetime(words) FROM {keyspace}.numbers")}
    lab.windrow(folder, "run")
    lab.windrow(folder, "publish")
    assert manifest(session, keyspace) == before
    assert {row[0] for row in session.execute(f"SELECT writetime(words) FROM {keyspace}.numbers")} == stamps
    assert len(stamps) == 1  # one batch, one timestamp


def test_null_takes_the_former_value_away_and_columns_come_and_go(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, numbers())
    model = folder / "models/gold/numbers.sql"
    model.parent.mkdir(parents=True)
    model.write_text("SELECT 1 AS id, 'a' AS words, 5 AS old\n")
    lab.windrow(folder, "run")
    model.write_text("SELECT 1 AS id, NULL::VARCHAR AS words, 7 AS fresh\n")
    lab.windrow(folder, "run")
    row, = rows_of(session, keyspace)
    assert (row.id, row.words, row.old, row.fresh) == (1, None, None, 7)


@pytest.mark.parametrize("wrong", ["twice", "null", "key", "stranger", "list"])
def test_what_cannot_be_published_is_told_and_changes_nothing(tmp_path, server, session, keyspace, wrong):
    keyspace = f"told_{wrong}"
    session.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")
    folder = project(tmp_path, server, keyspace, numbers())
    model = folder / "models/gold/numbers.sql"
    model.parent.mkdir(parents=True)
    if wrong == "stranger":
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
        session.execute(f"CREATE TABLE {keyspace}.numbers (id int PRIMARY KEY)")
        session.execute(f"INSERT INTO {keyspace}.numbers (id) VALUES (99)")
    else:
        serving_lab.batch(folder, 1, 10)
        lab.windrow(folder, "run")
    before = rows_of(session, keyspace)
    model.write_text({"twice": "SELECT 7 AS id, i AS batch, 'x' AS words FROM range(2) t(i)\n",
                      "null": "SELECT NULL::BIGINT AS id, 2 AS batch, 'x' AS words\n",
                      "key": "SELECT 1 AS batch, 1::BIGINT AS id, 'x' AS words\n",
                      "stranger": "SELECT 1 AS id\n",
                      "list": "SELECT 1::BIGINT AS id, 3 AS batch, 'x' AS words, ['a', NULL] AS tags\n"}[wrong])
    if wrong == "key":
        (folder / "publish/all.yaml").write_text(numbers()["publish/all.yaml"].replace("[id]", "[id, batch]"))
    result = lab.windrow(folder, "run", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 1
    assert {"twice": "several rows have the primary key (7)", "null": 'have no "id"', "key": "primary key ((id)), the view ((id, batch))",
            "stranger": "rows that windrow did not publish", "list": "NULL in a list"}[wrong] in said
    assert [tuple(r)[:2] for r in rows_of(session, keyspace)] == [tuple(r)[:2] for r in before]


def test_upsert_sends_what_changed(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, {
        "sources/events.yaml": lab.FILES["sources/events.yaml"],
        "models/silver/events.sql": lab.FILES["models/silver/events.sql"],
        "publish/all.yaml": "publish: all\nto: serving\nviews:\n"
                            "  - {from: silver.events, table: events, mode: upsert, key: id}\n"})
    lab.add_events(folder, "a.ndjson", range(100))
    lab.windrow(folder, "run")
    stamps = {row.id: row[1] for row in session.execute(f"SELECT id, writetime(n) FROM {keyspace}.events")}
    lab.add_events(folder, "b.ndjson", range(90, 120), day=3)
    lab.windrow(folder, "run")
    after = {row.id: row[1] for row in session.execute(f"SELECT id, writetime(n) FROM {keyspace}.events")}
    assert set(after) == set(range(120))
    assert {id for id in stamps if after[id] != stamps[id]} == set(range(90, 100))


def converged(session, keyspace, number, rows):
    there = rows_of(session, keyspace)
    kept = manifest(session, keyspace)
    assert sorted(row.id for row in there) == list(range(rows)) and {row.batch for row in there} == {number}
    assert kept.rows == rows and kept.changing is None and kept.writer is None


def test_kills_converge_and_the_manifest_never_runs_ahead(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, numbers())
    serving_lab.batch(folder, 1, 4000)
    lab.windrow(folder, "run")
    wrong, looks, stop = [], [0], threading.Event()

    def read():
        """Where the manifest says that a batch is whole, and says the same after the look, it is."""
        while not stop.is_set():
            before = manifest(session, keyspace)
            there = rows_of(session, keyspace)
            after = manifest(session, keyspace)
            if before.changing is None and after.changing is None and before.batch_id == after.batch_id:
                looks[0] += 1
                if len(there) != before.rows or len({row.batch for row in there}) != 1:
                    wrong.append((before.batch_id, len(there), {row.batch for row in there}))
            time.sleep(0.02)

    reader = threading.Thread(target=read)
    reader.start()
    random.seed(5)
    cut = 0
    try:
        for turn in range(2, 12):
            rows = random.choice([5000, 7000, 9000])
            serving_lab.batch(folder, turn, rows)
            lab.windrow(folder, "run", "--select", "gold.*")
            run = lab.start(folder, "publish")
            if turn % 2:
                time.sleep(random.uniform(0.05, 0.6))
            else:  # while rows are on their way
                while run.poll() is None and manifest(session, keyspace).changing is None:
                    time.sleep(0.002)
                time.sleep(random.uniform(0, 0.05))
            run.send_signal(signal.SIGKILL)
            run.wait()
            cut += manifest(session, keyspace).changing is not None
            if turn % 3 == 0:
                lab.windrow(folder, "publish")
                converged(session, keyspace, turn, rows)
    finally:
        stop.set()
        reader.join()
    lab.windrow(folder, "publish")
    converged(session, keyspace, turn, rows)
    assert not wrong, wrong[:3]
    assert looks[0] > 5 and cut > 0


def test_a_rollback_brings_the_former_batch_back(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, numbers(", keep: 1"))
    present = lambda: sorted((row.id, row.batch, row.words) for row in rows_of(session, keyspace))
    serving_lab.batch(folder, 1, 300)
    lab.windrow(folder, "run")
    nothing = lab.windrow(folder, "publish", "--rollback", "all", check=False)
    assert nothing.returncode == 1 and "keeps no former batch" in nothing.stderr
    first, before = present(), manifest(session, keyspace)
    (folder / "models/gold/numbers.sql").write_text("SELECT 2 AS batch, i AS id, NULL AS words, i AS more FROM range(100, 400) t(i)\n")
    lab.windrow(folder, "run")
    assert {row[1] for row in present()} == {2} and len(present()) == 300
    lab.windrow(folder, "publish", "--rollback", "all")
    after = manifest(session, keyspace)
    assert present() == first and all(row.more is None for row in rows_of(session, keyspace))
    assert (after.batch_id, after.inputs, after.rows) == (before.batch_id, before.inputs, 300) and after.changing is None and after.rejected
    # It holds until something newer comes, and there is nothing further back.
    assert "taken back" in lab.windrow(folder, "publish").stdout + lab.windrow(folder, "publish", "--dry-run").stdout
    assert present() == first
    assert lab.windrow(folder, "publish", "--rollback", "all", check=False).returncode == 1
    (folder / "models/gold/numbers.sql").write_text("SELECT 3 AS batch, i AS id, 'x' AS words, i AS more FROM range(10) t(i)\n")
    lab.windrow(folder, "run")
    assert present() == [(i, 3, "x") for i in range(10)] and manifest(session, keyspace).rejected is None
    # Erased rows are in no former batch either.
    receipt = json.loads(lab.windrow(folder, "--json", "erase", "--key", "id=7", "--yes").stdout)
    assert {place["name"]: place["rows"] for place in receipt["places"]}["serving: numbers"] == 2
    assert 7 not in {row.id for row in rows_of(session, keyspace)} | {row.id for row in rows_of(session, keyspace, "windrow_former_numbers")}


def test_a_killed_batch_is_mended_even_where_the_lake_went_back(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, numbers())
    serving_lab.batch(folder, 1, 2000)
    lab.windrow(folder, "run")
    # As a killed publication leaves it: rows of another batch, and the mark.
    session.execute(f"UPDATE {keyspace}.windrow_publications SET changing = 'x replace' WHERE \"view\" = 'numbers' IF EXISTS")
    session.execute(f"INSERT INTO {keyspace}.numbers (id, \"batch\") VALUES (99999, 7)")
    lab.windrow(folder, "run")
    converged(session, keyspace, 1, 2000)


def test_two_publications_at_once_end_as_one(tmp_path, server, session, keyspace):
    folder = project(tmp_path, server, keyspace, numbers())
    serving_lab.batch(folder, 1, 3000)
    lab.windrow(folder, "run", "--select", "gold.*")
    runs = [lab.start(folder, "publish") for _ in range(3)]
    assert [run.wait(120) for run in runs] == [0, 0, 0]
    converged(session, keyspace, 1, 3000)


@pytest.mark.parametrize("later", [0, 0.2])
def test_a_restart_of_the_server_in_the_middle(tmp_path, server, session, keyspace, later):
    """What a node had acknowledged in its last moments is not in its log when it comes back: it is sent once more."""
    folder = project(tmp_path, server, keyspace, numbers())
    serving_lab.batch(folder, 1, 100)
    lab.windrow(folder, "run")
    serving_lab.batch(folder, 2, 60000)
    lab.windrow(folder, "run", "--select", "gold.*")
    run = lab.start(folder, "publish")
    end = time.monotonic() + 60
    while manifest(session, keyspace).changing is None and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(later)
    server.kill("cassandra0")
    server.up()
    code = run.wait(120)
    for _ in range(100):
        try:
            session.execute("SELECT key FROM system.local")
            break
        except Exception:  # the judge's own connection comes back in its time
            time.sleep(0.3)
    if code != 0:  # it took longer than it waits
        lab.windrow(folder, "publish")
    converged(session, keyspace, 2, 60000)


def test_health(tmp_path, server, keyspace):
    folder = project(tmp_path, server, keyspace, numbers())
    serving_lab.batch(folder, 1, 5)
    assert "connection serving: Cassandra 5.0.9" in lab.windrow(folder, "health").stdout
    text = (folder / "windrow.yaml").read_text()
    (folder / "windrow.yaml").write_text(text.replace(server.address(), "127.0.0.1:1").replace(
        "consistency: one", "user: u, password: hushhush, consistency: one"))
    result = lab.windrow(folder, "health", check=False)
    assert result.returncode == 1 and "127.0.0.1:1" in result.stdout and "hushhush" not in result.stdout


def test_passwords_tls_and_compression(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here")
    server = cassandra_server.CassandraSecure(tmp_path / "servers")
    server.fetch()
    server.up()
    try:
        ca = server.variables()["WINDROW_TEST_CASSANDRA_CA"]
        login = f", user: cassandra, password: cassandra, tls: true, ca: \"{ca}\", compression: lz4"
        folder = project(tmp_path, server, "secure", numbers(), login)
        serving_lab.batch(folder, 1, 1000)
        lab.windrow(folder, "run")
        import ssl
        context = ssl.create_default_context(cafile=ca)
        context.check_hostname = False
        with Cluster(["127.0.0.1"], port=server.ports["cql"], ssl_context=context,
                     auth_provider=PlainTextAuthProvider("cassandra", "cassandra")) as cluster:
            converged(cluster.connect(), "secure", 1, 1000)
        text = (folder / "windrow.yaml").read_text()
        (folder / "windrow.yaml").write_text(text.replace("password: cassandra", "password: hushhush"))
        result = lab.windrow(folder, "health", check=False)
        assert result.returncode == 1 and "hushhush" not in result.stdout + result.stderr
        (folder / "windrow.yaml").write_text(text.replace(f", ca: \"{ca}\"", ""))
        result = lab.windrow(folder, "health", check=False)
        assert result.returncode == 1 and "not trusted" in result.stdout
        units = ROOT / "build/release/clients_test"
        if units.exists():  # the client's own tests over TLS
            subprocess.run([units, "--gtest_brief=1", "--gtest_filter=CassandraLive.PasswordsOverTls"], check=True,
                           env={**os.environ, **server.variables()})
    finally:
        server.down()


def test_the_clients_own_tests(server):
    units = ROOT / "build/release/clients_test"
    if not units.exists():
        pytest.skip("clients_test is not built")
    subprocess.run([units, "--gtest_brief=1", "--gtest_filter=CassandraLive.*"], check=True, timeout=120,
                   env={**os.environ, **server.variables()})
