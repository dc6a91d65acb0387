"""Publishing to PostgreSQL: a real server (tests/servers), judged by psql."""
import os
import random
import subprocess
import time

import pytest

import lab
import serving_lab


@pytest.fixture(scope="module")
def server():
    yield from serving_lab.start_postgres()


@pytest.fixture
def store(server, request):
    """A database of the test's own: its URL and psql on it."""
    return serving_lab.new_store(server, "t_" + request.node.name.split("[")[0][:50].lower())


def project(tmp_path, store, files, connection="", extra=""):
    return serving_lab.project(tmp_path / "p", f'{{type: postgres, url: "{store.url}"{connection}}}', files, extra)


publish_file = serving_lab.publish_file

TYPES = """
SELECT * FROM (VALUES
  (1::SMALLINT, 2147483647, 9223372036854775807, true, 1.5::FLOAT, 'NaN'::DOUBLE, 12345678901234567890.123456789::DECIMAL(38,9),
   'it''s ü 🙂 \\ " '::VARCHAR, DATE '2025-10-17', TIMESTAMP '2025-10-17 14:00:00.123456', TIMESTAMPTZ '2025-10-17 14:00:00+02',
   [1, NULL, 3], ['a', 'b"c'], {'a': 1, 'b': [1.5]}, '\\xAB'::BLOB, 0.01::DECIMAL(4,2), [1.25::DECIMAL(6,2)]),
  (-32768, -2147483648, -9223372036854775808, false, 'inf'::FLOAT, '-inf'::DOUBLE, -0.000000001,
   '', DATE '0001-01-01', TIMESTAMP 'infinity', TIMESTAMPTZ '-infinity', [], [''], NULL, ''::BLOB, -99.99, []),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (0, 0, 0, false, -0.0::FLOAT, 1e308::DOUBLE, 10000, 'x', DATE 'infinity', TIMESTAMP '1970-01-01', TIMESTAMPTZ '9999-12-31',
   [0], NULL, {'a': NULL, 'b': []}, '\\x00'::BLOB, 0, [NULL])
) t(i2, i4, i8, flag, f4, f8, n, words, day, since, moment, numbers, texts, nested, bytes, small, amounts)
"""


def test_every_type(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/types.sql": TYPES,
        "publish/all.yaml": publish_file(
            "from: gold.types, table: types",
            "sql: \"SELECT i8::HUGEINT * 10 AS huge, '0198c5a0-1111-7222-8333-444455556666'::UUID AS u, INTERVAL 1 MONTH + INTERVAL '26:00:01.5' AS "
            "length, TIME '12:30:00.25' AS clock, n, f8 AS f8n, '{\\\"a\\\": [1]}' AS doc, words AS short, i4 AS wide "
            "FROM gold.types WHERE i2 = 1\", table: more, columns: {doc: jsonb, short: varchar(20), wide: \"numeric(20,3)\", "
            "n: numeric, f8n: numeric}"),
    })
    lab.windrow(folder, "run")
    types = dict(store.rows("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                            "'types'::regclass AND attnum > 0"))
    assert types == {
        "i2": "smallint", "i4": "integer", "i8": "bigint", "flag": "boolean", "f4": "real", "f8": "double precision",
        "n": "numeric(38,9)", "words": "text", "day": "date", "since": "timestamp without time zone",
        "moment": "timestamp with time zone", "numbers": "integer[]", "texts": "text[]", "nested": "jsonb",
        "bytes": "bytea", "small": "numeric(12,2)", "amounts": "numeric(6,2)[]"}
    one = store.rows("SET timezone = 'UTC'; SELECT i2, i4, i8, flag, f4, f8, n, day, since, moment, numbers, texts, nested, "
                     "bytes, small, amounts FROM types WHERE i2 = 1")[0]
    assert one == ["1", "2147483647", "9223372036854775807", "t", "1.5", "NaN", "12345678901234567890.123456789",
                   "2025-10-17", "2025-10-17 14:00:00.123456", "2025-10-17 12:00:00+00", "{1,NULL,3}", '{a,"b\\"c"}',
                   '{"a": 1, "b": [1.5]}', "\\xab", "0.01", "{1.25}"]
    assert store("SELECT words = 'it''s ü 🙂 \\ \" ' FROM types WHERE i2 = 1") == "t"
    two = store.rows("SET timezone = 'UTC'; SELECT i2, i4, i8, flag, f4, f8, n, words, day, since, moment, numbers, texts, "
                     "nested, bytes, small, amounts FROM types WHERE i2 < 0")[0]
    assert two == ["-32768", "-2147483648", "-9223372036854775808", "f", "Infinity", "-Infinity", "-0.000000001", "",
                   "0001-01-01", "infinity", "-infinity", "{}", '{""}', "", "\\x", "-99.99", "{}"]
    assert store("SELECT count(*) FROM types WHERE num_nulls(i2, i4, i8, flag, f4, f8, n, words, day, since, moment, "
                 "numbers, texts, nested, bytes, small, amounts) = 17") == "1"
    assert store("SELECT n, day, bytes, amounts, small, nested FROM types WHERE i2 = 0") == \
        '10000.000000000|infinity|\\x00|{NULL}|0.00|{"a": null, "b": []}'
    more = store.rows("SELECT huge, u, length, clock, n, f8n, doc->'a'->0, wide FROM more")[0]
    assert more == ["92233720368547758070", "0198c5a0-1111-7222-8333-444455556666", "1 mon 26:00:01.5", "12:30:00.25",
                    "12345678901234567890.123456789", "NaN", "1", "2147483647.000"]
    assert store("SELECT pg_typeof(u), pg_typeof(huge), pg_typeof(short) FROM more") == "uuid|numeric|character varying"
    manifest = store.rows("SELECT view, source_table, rows, length(batch_id), length(checksum), published >= started "
                          "FROM windrow_publications ORDER BY view")
    assert manifest == [["more", "gold.types", "1", "36", "64", "t"], ["types", "gold.types", "4", "36", "64", "t"]]


def test_what_has_no_place_is_named(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/odd.sql": "SELECT 1 AS id, 'a' || chr(0) AS words\n",
        "publish/all.yaml": publish_file("from: gold.odd, table: odd"),
    })
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1
    assert 'view "odd", column "words", row 1' in result.stdout + result.stderr
    assert store("SELECT to_regclass('odd')") == ""


def test_grants_indexes_comments_and_views_survive(tmp_path, store, server):
    folder = project(tmp_path, store, {
        "publish/all.yaml": publish_file("from: gold.numbers, table: numbers, indexes: [[id], [batch, -id]], unique: [[id, words]]"),
    })
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    if not server.sql("SELECT 1 FROM pg_roles WHERE rolname = 'a_reader'"):
        server.sql("CREATE ROLE a_reader")
    store("GRANT SELECT ON numbers TO a_reader; COMMENT ON COLUMN numbers.id IS 'the number'; CREATE VIEW even AS SELECT * "
          "FROM numbers WHERE id % 2 = 0; CREATE INDEX by_hand ON numbers (words)")
    before = store("SELECT oid FROM pg_class WHERE relname = 'numbers'")
    serving_lab.batch(folder, 2, 1000)
    lab.windrow(folder, "run")
    assert store("SELECT count(*), min(batch), max(batch) FROM even") == "500|2|2"
    assert store("SELECT has_table_privilege('a_reader', 'numbers', 'SELECT')") == "t"
    assert store("SELECT col_description('numbers'::regclass, 2)") == "the number"
    assert store("SELECT oid FROM pg_class WHERE relname = 'numbers'") == before
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'numbers' ORDER BY 1"
    assert store.rows(indexes) == [["by_hand"], ["windrow_numbers_batch_id_desc"], ["windrow_numbers_id"],
                                   ["windrow_unique_numbers_id_words"]]
    # What is declared no more goes, what others made stays.
    (folder / "publish/all.yaml").write_text(publish_file("from: gold.numbers, table: numbers, indexes: [[batch]]"))
    lab.windrow(folder, "publish")
    assert store.rows(indexes) == [["by_hand"], ["windrow_numbers_batch"]]


def test_tables_are_evolved(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/t.sql": "SELECT 1::INTEGER AS id, 'a' AS old\n",
        "publish/all.yaml": publish_file("from: gold.t, table: t"),
    })
    lab.windrow(folder, "run")
    store("CREATE VIEW v AS SELECT old FROM t")
    (folder / "models/gold/t.sql").write_text("SELECT 5000000000::BIGINT AS id, [1.5] AS added\n")
    preview = lab.windrow(folder, "publish", "--dry-run").stdout
    assert "up to date" in preview
    lab.windrow(folder, "run", "--select", "gold.t")
    preview = lab.windrow(folder, "publish", "--dry-run").stdout
    assert 'ALTER TABLE "public"."t" ALTER COLUMN "id" TYPE bigint' in preview
    assert 'ADD COLUMN "added"' in preview and "nothing was changed" not in store("SELECT * FROM t")
    assert store("SELECT * FROM t") == "1|a"
    lab.windrow(folder, "run")
    assert store("SELECT id, old, added FROM t") == "5000000000||{1.5}"
    assert store("SELECT count(*) FROM v") == "1"


def test_merge_views(tmp_path, store):
    folder = serving_lab.events_project(
        tmp_path / "p", store,
        "from: gold.daily, table: daily, merge: {view: daily_now, speed: daily_speed, time: day}",
        "sql: \"SELECT kind, day, total FROM gold.daily\", table: kinds, merge: {view: kinds_now, speed: kinds_speed, "
        "time: day, key: [kind], sum: [total]}")
    lab.add_events(folder, "a.ndjson", range(100))
    result = lab.windrow(folder, "run", check=False)
    assert "let the speed layer make its table first" in result.stdout + result.stderr
    store("CREATE TABLE daily_speed (day timestamp, kind text, total bigint); CREATE TABLE kinds_speed (LIKE daily_speed)")
    lab.windrow(folder, "run")
    boundary = store("SELECT (boundary AT TIME ZONE 'UTC')::text FROM windrow_publications WHERE view = 'daily'")
    assert boundary
    for table in ("daily_speed", "kinds_speed"):
        store(f"INSERT INTO {table} VALUES ('{boundary}', 'k0', 5), ('{boundary}'::timestamp - interval '1 day', 'k0', 1000)")
    batch_total = int(store("SELECT sum(total) FROM daily"))
    assert int(store("SELECT sum(total) FROM daily_now")) == batch_total + 5
    kinds = dict(store.rows("SELECT kind, total FROM kinds_now"))
    assert int(kinds["k0"]) == int(store("SELECT sum(total) FROM kinds WHERE kind = 'k0'")) + 5


def test_texts_sort_as_in_the_lake(tmp_path, store):
    """Byte by byte, whatever the collation of the database; a speed layer's table of another one joins it."""
    words = ["a", "B", "ä", "Z", "z", "_", "10", "9"]
    rows = ", ".join(f"('{word}', {i}, TIMESTAMP '2025-01-01')" for i, word in enumerate(words))
    folder = project(tmp_path, store, {
        "models/gold/words.sql": f"SELECT * FROM (VALUES {rows}) t(word, n, seen)\n",
        "publish/all.yaml": publish_file(
            "from: gold.words, table: words, indexes: [[word]], merge: {view: words_now, speed: words_speed, time: seen}",
            "sql: \"SELECT word, seen, n FROM gold.words\", table: sums, merge: {view: sums_now, speed: words_speed, "
            "time: seen, key: [word], sum: [n]}")})
    store('CREATE TABLE words_speed (word text COLLATE "POSIX", n bigint, seen timestamp)')
    lab.windrow(folder, "run")
    wanted = sorted(words, key=lambda word: word.encode())
    for view in ("words", "words_now", "sums_now"):
        assert [row[0] for row in store.rows(f"SELECT word FROM {view} ORDER BY word")] == wanted, view
    assert store("SELECT collname FROM pg_attribute a JOIN pg_collation c ON c.oid = attcollation "
                 "WHERE attrelid = 'words'::regclass AND attname = 'word'") == "C"


def test_tls_schema_and_wrong_passwords(tmp_path, store, server):
    authority = server.variables()["WINDROW_TEST_POSTGRES_CA"]
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")},
                     f', schema: "Serving é", tls: verify-full, ca: "{authority}"')
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    assert store('SELECT count(*) FROM "Serving é".numbers') == "500"
    health = lab.windrow(folder, "health").stdout
    assert "connection serving: PostgreSQL 15" in health and "with TLS" in health
    settings = (folder / "windrow.yaml").read_text()
    (folder / "windrow.yaml").write_text(settings.replace("windrow-test-secret", "${PG_PASSWORD}"))
    (folder / ".env").write_text("PG_PASSWORD=not-the-right-one\n")
    result = lab.windrow(folder, "health", check=False)
    assert result.returncode == 1 and "authentication failed" in result.stdout
    assert "not-the-right-one" not in result.stdout + result.stderr
    (folder / ".env").write_text("PG_PASSWORD=windrow-test-secret\n")
    wrong = tmp_path / "other.crt"
    wrong.write_text("no certificate")
    (folder / "windrow.yaml").write_text(
        (folder / "windrow.yaml").read_text().replace(authority, str(wrong)))
    result = lab.windrow(folder, "health", check=False)
    assert result.returncode == 1 and "named by `ca:`" in result.stdout


def test_a_deadlock_is_tried_again(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/other.sql": "SELECT 1 AS batch\n",
        "publish/all.yaml": publish_file("from: gold.numbers, table: numbers", "from: gold.other, table: other"),
    })
    serving_lab.batch(folder, 1, 200000)
    lab.windrow(folder, "run")
    serving_lab.batch(folder, 2, 200000)
    (folder / "models/gold/other.sql").write_text("SELECT 2 AS batch\n")
    lab.windrow(folder, "run", "--select", "gold.*")
    # Somebody else locks the second table first, waits, and then wants the first.
    rival = subprocess.Popen(
        [serving_lab.postgres_server.program("psql"), "-X", "-q", "-d", store.url], stdin=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    rival.stdin.write("SET deadlock_timeout = '20s'; BEGIN; UPDATE other SET batch = batch;\n")
    rival.stdin.flush()
    while store("SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'other' AND "
                "mode = 'RowExclusiveLock'") == "0":
        time.sleep(0.05)
    run = lab.start(folder, "publish")
    while store("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'windrow' AND wait_event_type = 'Lock'") == "0":
        assert run.poll() is None
        time.sleep(0.05)
    rival.stdin.write("UPDATE numbers SET batch = -1 WHERE id = 5; COMMIT;\n")
    rival.stdin.close()
    assert run.wait(timeout=120) == 0
    rival.wait(timeout=60)
    rival.stderr.close()
    assert store("SELECT count(DISTINCT batch), max(batch) FROM numbers") == "1|2"
    assert store("SELECT batch FROM other") == "2"


READERS = {
    "read committed": "SELECT count(*), count(DISTINCT batch), max(batch) FROM numbers",
    # Two tables, two statements, one snapshot.
    "repeatable read": "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*), count(DISTINCT batch), max(batch) FROM "
                       "numbers; SELECT batch FROM other; COMMIT",
    "view": "SELECT count(*), count(DISTINCT batch), max(batch) FROM numbers_view",
}


class Reader:
    """A psql that asks the same again and again."""

    def __init__(self, store, statement: str, out):
        self.out = out
        with open(out, "w") as stream:
            self.process = subprocess.Popen(
                [serving_lab.postgres_server.program("psql"), "-X", "-q", "-A", "-t", "-d", store.url],
                stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT, text=True)
        self.process.stdin.write(statement + " \\watch 0.02\n")
        self.process.stdin.close()

    def stop(self) -> list[str]:
        self.process.kill()
        self.process.wait()
        lines = self.out.read_text().splitlines()
        return [line for line in lines if "|" in line or line.startswith("ERROR") or line.isdigit()]


def test_readers_see_one_batch_whole(tmp_path, store):
    """Publications run one after the other, many of them killed at random moments; readers never stop asking."""
    turns, rows = int(os.environ.get("WINDROW_SWAP_TURNS", "15")), 20000
    folder = project(tmp_path, store, {
        "models/gold/other.sql": "SELECT 1 AS batch\n",
        "publish/all.yaml": publish_file("from: gold.numbers, table: numbers, indexes: [[id]]", "from: gold.other, table: other"),
    })
    serving_lab.batch(folder, 1, rows)
    lab.windrow(folder, "run")
    store("CREATE VIEW numbers_view AS SELECT * FROM numbers")
    statements = dict(READERS)
    statements["both"] = "SELECT n.c, n.d, n.m, o.batch FROM (SELECT count(*) c, count(DISTINCT batch) d, max(batch) m FROM " \
                         "numbers) n, other o"
    del statements["repeatable read"]  # \watch repeats one statement; below it has a reader of its own
    readers = [Reader(store, sql, tmp_path / f"reader{i}") for i, sql in enumerate(statements.values())]
    killed, seen_whole = 0, 0
    random.seed(7)
    for turn in range(2, turns + 2):
        serving_lab.batch(folder, turn, rows)
        (folder / "models/gold/other.sql").write_text(f"SELECT {turn} AS batch\n")
        lab.windrow(folder, "run", "--select", "gold.*")
        if turn % 3 == 0:
            seen_whole += 1
            lab.windrow(folder, "publish")
            assert store("SELECT DISTINCT batch FROM numbers") == str(turn)
            continue
        run = lab.start(folder, "publish")
        time.sleep(random.uniform(0.02, 0.2))
        run.kill()
        run.wait()
        killed += 1
        snapshot = store.rows(READERS["repeatable read"])
        assert snapshot[0][0] == str(rows) and snapshot[0][1] == "1" and snapshot[0][2] == snapshot[1][0], snapshot
    lab.windrow(folder, "publish")
    last = store("SELECT DISTINCT batch FROM numbers")
    assert last == str(turns + 1)
    total = 0
    for reader in readers:
        lines = reader.stop()
        assert lines
        total += len(lines)
        for line in lines:
            cells = line.split("|")
            assert cells[0] == str(rows) and cells[1] == "1" and len({*cells[2:]}) == 1, line
    print(f"{total} looks, {killed} killed, {seen_whole} whole")
    assert store("SELECT rows, count(*) OVER () FROM windrow_publications WHERE view = 'numbers'") == f"{rows}|1"


@pytest.mark.parametrize("delivered", [True, False])
def test_connection_lost_at_commit(tmp_path, store, server, delivered):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.publishes_over_a_cut_line(folder, store, server, b"COMMIT\0", delivered)


def test_disk_full_in_the_database(tmp_path, store, server):
    """The table lies in a table space of a few megabytes."""
    space = server.home / "small"
    space.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=777", "tmpfs", str(space)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        subprocess.run([*serving_lab.postgres_server.as_user(), "mkdir", str(space / "data")], check=True)
        server.sql(f"CREATE TABLESPACE small LOCATION '{space / 'data'}'")
        server.sql("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        database = store.url.rsplit("/", 1)[1]
        server.sql(f"ALTER DATABASE {database} SET default_tablespace = 'small'")
        folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
        serving_lab.batch(folder, 1, 1000)
        lab.windrow(folder, "run")
        serving_lab.batch(folder, 2, 1000000)
        result = lab.windrow(folder, "run", check=False)
        assert result.returncode == 1 and "No space left" in result.stdout + result.stderr
        assert "free some space on the server" in result.stdout + result.stderr
        assert store("SELECT count(*), max(batch) FROM numbers") == "1000|1"
        serving_lab.batch(folder, 3, 2000)
        store("VACUUM numbers")
        lab.windrow(folder, "run")
        assert store("SELECT count(*), max(batch) FROM numbers") == "2000|3"
    finally:
        server.sql(f"DROP DATABASE {store.url.rsplit('/', 1)[1]} WITH (FORCE)")
        server.sql("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", str(space)], capture_output=True)
