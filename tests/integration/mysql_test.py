"""Publishing to MariaDB: what is its own. What it shares with PostgreSQL is in sql_stores_test.py."""
import subprocess
import time

import pytest

import lab
import serving_lab
from serving_lab import publish_file


@pytest.fixture(scope="module")
def server():
    yield from serving_lab.start_mariadb()


@pytest.fixture
def store(server, request):
    return serving_lab.new_store(server, "t_" + request.node.name.split("[")[0][5:45].lower())


def project(tmp_path, store, files, connection=""):
    return serving_lab.project(tmp_path / "p", f'{{type: mysql, url: "{store.url}"{connection}}}', files)


TYPES = """
SELECT * FROM (VALUES
  (1::TINYINT, (-32768)::SMALLINT, 2147483647, 9223372036854775807, true, 1.1::FLOAT, 0.1::DOUBLE,
   12345678901234567890.123456789::DECIMAL(38,9), 'it''s ü 🙂 \\ " '::VARCHAR, DATE '2025-10-17',
   TIMESTAMP '2025-10-17 14:00:00.123456', TIMESTAMPTZ '2025-10-17 14:00:00+02', [1, NULL, 3], {'a': 1, 'b': [1.5]}, '\\xAB\\x27\\x00'::BLOB),
  (-128, 32767, -2147483648, -9223372036854775808, false, 0::FLOAT, 1e308::DOUBLE, -0.000000001, '', DATE '1000-01-01',
   TIMESTAMP '9999-12-31 23:59:59.999999', TIMESTAMPTZ '1000-01-02 00:00:00+00', [], NULL, ''::BLOB),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) t(i1, i2, i4, i8, flag, f4, f8, n, words, day, since, moment, numbers, nested, bytes)
"""
WIDE = ("SELECT 18446744073709551615::UBIGINT AS u8, 170141183460469231731687303715884105727::HUGEINT AS huge, TIME '12:30:00.25' AS clock, "
        "'0198c5a0-1111-7222-8333-444455556666'::UUID AS u, 255::UTINYINT AS u1, 4294967295::UINTEGER AS u4 FROM gold.types WHERE i1 = 1")


def test_every_type(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/types.sql": TYPES,
        "publish/all.yaml": publish_file(
            "from: gold.types, table: types",
            "sql: \"SELECT i8, n, words, f8, day, nested, bytes FROM gold.types WHERE i1 = 1\", table: more, columns: {i8: "
            "\"decimal(30,2)\", n: \"decimal(23,3)\", words: varchar(20), f8: \"varchar(10)\", day: datetime, nested: json, bytes: "
            "varbinary(3)}", f'sql: "{WIDE}", table: wide'),
    })
    lab.windrow(folder, "run")
    types = dict(store.rows("SELECT column_name, column_type FROM information_schema.columns WHERE table_name = 'types' AND "
                            f"table_schema = '{store.database}'"))
    assert types == {
        "i1": "tinyint(4)", "i2": "smallint(6)", "i4": "int(11)", "i8": "bigint(20)", "flag": "tinyint(1)", "f4": "double",
        "f8": "double", "n": "decimal(38,9)", "words": "longtext", "day": "date", "since": "datetime(6)", "moment": "datetime(6)",
        "numbers": "longtext", "nested": "longtext", "bytes": "longblob"}
    assert store.rows("SELECT u8, huge, clock, u, u1, u4 FROM wide") == [
        ["18446744073709551615", "170141183460469231731687303715884105727", "12:30:00.250000", "0198c5a0-1111-7222-8333-444455556666",
         "255", "4294967295"]]
    columns = "i1, i2, i4, i8, flag, f4, f8, n, day, since, moment, numbers, nested, hex(bytes)"
    assert store.rows(f"SELECT {columns} FROM types WHERE i1 = 1")[0] == [
        "1", "-32768", "2147483647", "9223372036854775807", "1", "1.100000023841858", "0.1", "12345678901234567890.123456789",
        "2025-10-17", "2025-10-17 14:00:00.123456", "2025-10-17 12:00:00.000000", "[1,null,3]", '{"a":1,"b":[1.5]}', "AB2700"]
    assert store("SELECT words = 'it''s ü 🙂 \\\\ \" ' FROM types WHERE i1 = 1") == "1"
    assert store.rows(f"SELECT {columns}, words FROM types WHERE i1 < 0")[0] == [
        "-128", "32767", "-2147483648", "-9223372036854775808", "0", "0", "1e308", "-0.000000001", "1000-01-01",
        "9999-12-31 23:59:59.999999", "1000-01-02 00:00:00.000000", "[]", "NULL", "", ""]
    assert store("SELECT count(*) FROM types WHERE coalesce(i1, i2, i4, i8, flag, f4, f8, n, words, day, since, moment, numbers, "
                 "nested, bytes) IS NULL") == "1"
    assert store.rows("SELECT i8, n, f8, day, json_value(nested, '$.a'), hex(bytes) FROM more") == [
        ["9223372036854775807.00", "12345678901234567890.123", "0.1", "2025-10-17 00:00:00", "1", "AB2700"]]
    manifest = store.rows("SELECT view, source_table, `rows`, length(batch_id), length(checksum), published >= started FROM "
                          "windrow_publications ORDER BY 1")
    assert manifest == [["more", "gold.types", "1", "36", "64", "1"], ["types", "gold.types", "3", "36", "64", "1"],
                        ["wide", "gold.types", "1", "36", "64", "1"]]
    again = lab.windrow(folder, "publish", "--dry-run").stdout
    assert again.count("up to date") == 3


@pytest.mark.parametrize("value, told", [
    ("'NaN'::DOUBLE", "has nan, which is no double of MySQL"),
    ("'-inf'::FLOAT", "has -inf, which is no double of MySQL"),
    ("DATE '0999-12-31'", "has 0999-12-31, which is no date of MySQL"),
    ("TIMESTAMP 'infinity'", "has infinity, which is no datetime(6) of MySQL"),
    ("TIMESTAMPTZ '10000-01-01 00:00:00+00'", "which is no datetime(6) of MySQL"),
    ("DATE '0044-03-15 (BC)'", "which is no date of MySQL"),
    ("INTERVAL 1 DAY", "is an INTERVAL, which has no order in MySQL"),
])
def test_what_has_no_place_is_named_and_nothing_changes(tmp_path, store, value, told):
    folder = project(tmp_path, store, {"models/gold/odd.sql": "SELECT 1 AS id\n",
                                       "publish/all.yaml": publish_file(f'sql: "SELECT id, {value} AS odd FROM gold.odd", table: odd')})
    result = lab.windrow(folder, "run", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 1 and told in said and 'column "odd" of view "odd"' in said and "publish/all.yaml:4:" in said
    assert store("SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = 'odd'") == "0"
    (folder / "publish/all.yaml").write_text(publish_file(
        f'sql: "SELECT id, {value} AS odd FROM gold.odd", table: odd, columns: {{odd: varchar(40)}}'))
    lab.windrow(folder, "publish")
    assert store("SELECT count(odd) FROM odd") == "1"


def test_keys_of_texts_have_a_length(tmp_path, store):
    words = "sql: \"SELECT n, repeat('ü', n) AS words FROM gold.n\", table: t, mode: upsert, key: [words]"
    folder = project(tmp_path, store, {"models/gold/n.sql": "SELECT unnest([1, 255])::INT AS n\n",
                                       "publish/all.yaml": publish_file(words + ", indexes: [[words, n]]")})
    lab.windrow(folder, "run")
    assert store("SELECT count(*), max(char_length(words)) FROM t") == "2|255"
    (folder / "models/gold/n.sql").write_text("SELECT unnest([1, 256])::INT AS n\n")
    result = lab.windrow(folder, "run", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 1 and "Data too long for column 'words'" in said and "columns: {" in said
    (folder / "publish/all.yaml").write_text(publish_file(words + ", columns: {words: varchar(700)}"))
    lab.windrow(folder, "publish")
    assert store("SELECT count(*), max(char_length(words)) FROM t") == "3|256"  # a SELECT by key deletes nothing


def test_tables_of_modes_that_stay_are_evolved(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/t.sql": "SELECT 1::INTEGER AS id, 'a' AS old\n",
        "publish/all.yaml": publish_file("from: gold.t, table: t, mode: upsert, key: [id], indexes: [[old]]")})
    lab.windrow(folder, "run")
    store("CREATE INDEX by_hand ON t (id); ALTER TABLE t ADD COLUMN theirs int NOT NULL")
    (folder / "models/gold/t.sql").write_text("SELECT 5000000000::BIGINT AS id, 1.5::DECIMAL(4,2) AS added\n")
    (folder / "publish/all.yaml").write_text(publish_file("from: gold.t, table: t, mode: upsert, key: [id], indexes: [[added]]"))
    lab.windrow(folder, "run", "--select", "gold.t")
    preview = lab.windrow(folder, "publish", "--dry-run").stdout
    assert "ALTER TABLE `t` MODIFY COLUMN `id` bigint" in preview and "ADD COLUMN `added` decimal(4,2)" in preview
    assert "MODIFY COLUMN `theirs` int NULL" in preview and "DROP INDEX `windrow_t_old`" in preview
    lab.windrow(folder, "run")
    assert store.rows("SELECT id, old, added, theirs FROM t ORDER BY id") == [
        ["1", "a", "NULL", "0"], ["5000000000", "NULL", "1.50", "NULL"]]
    indexes = store.rows("SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_name = 't' AND table_schema = database()")
    assert sorted(row[0] for row in indexes) == ["by_hand", "windrow_key_t_id", "windrow_t_added"]


def test_what_others_made_survives_a_swap_or_stops_it(tmp_path, store):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers, indexes: [[id], [batch, -id]]")})
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    store("CREATE VIEW even AS SELECT * FROM numbers WHERE id % 2 = 0; CREATE INDEX by_hand ON numbers (words(10), id)")
    serving_lab.batch(folder, 2, 1000)
    lab.windrow(folder, "run", "--select", "gold.*")
    preview = lab.windrow(folder, "publish", "--dry-run").stdout
    assert "RENAME TABLE `numbers` TO `windrow_old_numbers`, `windrow_new_numbers` TO `numbers`" in preview
    lab.windrow(folder, "publish")
    assert store("SELECT count(*), min(batch), max(batch) FROM even") == "500|2|2"
    indexes = store.rows("SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_name = 'numbers' AND table_schema = database()")
    assert sorted(row[0] for row in indexes) == ["by_hand", "windrow_numbers_batch_id_desc", "windrow_numbers_id"]
    store("CREATE TRIGGER theirs BEFORE INSERT ON numbers FOR EACH ROW SET NEW.id = NEW.id")
    serving_lab.batch(folder, 3)
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and 'has the trigger "theirs", which would be lost' in result.stdout + result.stderr
    store("DROP TRIGGER theirs; ALTER TABLE numbers ADD PRIMARY KEY (id); CREATE TABLE of_it (n bigint, FOREIGN KEY (n) REFERENCES numbers (id))")
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and "has the foreign key" in result.stdout + result.stderr
    store("DROP TABLE of_it; DROP INDEX by_hand ON numbers; CREATE UNIQUE INDEX one_batch ON numbers (batch, id)")
    lab.windrow(folder, "run")
    assert store("SELECT count(*), max(batch) FROM numbers") == "500|3"
    (folder / "models/gold/numbers.sql").write_text("SELECT 4 AS batch, 1::BIGINT AS id, 'x' AS words FROM range(2)\n")
    result = lab.windrow(folder, "run", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 1 and 'an index on "numbers" does not fit the view any more' in said and "drop it in the store: PRIMARY KEY" in said
    assert store("SELECT count(*), max(batch) FROM numbers") == "500|3"


def test_tls_is_verified(tmp_path, store, server):
    authority = server.variables()["WINDROW_TEST_MYSQL_CA"]
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")}, f', ca: "{authority}"')
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    health = lab.windrow(folder, "health").stdout
    assert "connection serving: MariaDB 10.11" in health and "with TLS, 1 views published" in health
    settings = (folder / "windrow.yaml").read_text()
    other = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=other", "-keyout",
                            tmp_path / "other.key", "-out", tmp_path / "other.pem"], capture_output=True)
    assert other.returncode == 0
    for words, ok, told in (
            (f', ca: "{tmp_path}/other.pem"', False, "`tls: unverified` and `tls: off` ask for less"),
            (", tls: verified", False, "`tls: unverified` and `tls: off` ask for less"),  # the machine's own authorities
            (", tls: unverified", True, "with TLS"), (", tls: off", True, "MariaDB 10.11"), (", tls: sometimes", False, "does not take")):
        (folder / "windrow.yaml").write_text(settings.replace(f', ca: "{authority}"', words))
        result = lab.windrow(folder, "health", check=False)
        said = result.stdout + result.stderr
        assert (result.returncode == 0) == ok and told in said, said
        assert "windrow-test-secret" not in said
    # Another machine, which is never reached: what is not protected is told before.
    for words, told in (("", None), (", tls: off", "TLS is off: passwords and rows can be read"),
                        (", tls: unverified", "the server's certificate is not verified")):
        url = "mysql://windrow:windrow-test-secret@192.0.2.1/films"
        (folder / "windrow.yaml").write_text(settings.replace(f'"{store.url}", ca: "{authority}"', f'"{url}"{words}'))
        said = lab.windrow(folder, "check", check=False)
        assert (told or "connection") in said.stdout + said.stderr or (told is None and "TLS" not in said.stdout + said.stderr)


def test_bad_settings_are_named_with_their_place(tmp_path):
    folder = serving_lab.project(tmp_path / "p", "{type: mysql, url: 'mysql://u:p@h:70000/d'}", {"models/gold/a.sql": "SELECT 1 AS a\n"})
    for words, place, told in (
            ("{type: mysql}", "4:12", 'key "url" is missing in "serving"'),
            ("{type: mysql, url: [a]}", "4:31", '"url": expected a text'),
            ("{type: mysql, url: 'mysql://h/d', pasword: x}", "4:46", 'did you mean "password"?'),
            ("{type: mysql, url: 'postgres://h/d'}", "4:3", "does not read as one"),
            ("{type: mysql, url: 'mysql://h'}", "4:3", "names no database"),
            ("{type: mysql, url: 'mysql://u:pa/ss@h/d'}", "4:", "its user or password holds a character")):
        (folder / "windrow.yaml").write_text(f"project: serving\nbegin: 2025-10-01\nconnections:\n  serving: {words}\n")
        result = lab.windrow(folder, "check", check=False)
        said = result.stdout + result.stderr
        assert result.returncode != 0 and told in said and f"windrow.yaml:{place}" in said, said
    (folder / "windrow.yaml").write_text("project: serving\nconnections:\n  serving: {type: mysql, url: 'mysql://h/d', tls: off}\n")
    (folder / "publish").mkdir()
    (folder / "publish/p.yaml").write_text(
        "publish: p\nto: serving\nviews:\n  - {from: gold.a, table: t, keep: 2, merge: {view: v, speed: s, time: a}}\n")
    said = lab.windrow(folder, "check", check=False)
    said = said.stdout + said.stderr
    assert '"merge" does nothing in a store of the type "mysql"' in said and "it goes with postgres" in said
    assert 'a store of the type "mysql" keeps one former batch' in said


def test_a_reader_that_does_not_end_holds_up_the_swap(tmp_path, store):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    reader = subprocess.Popen(store.server.client("-D", store.database, "--unbuffered"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    reader.stdin.write("START TRANSACTION; SELECT max(batch) FROM numbers;\n")
    reader.stdin.flush()
    assert reader.stdout.readline().strip() == "1"
    serving_lab.batch(folder, 2)
    lab.windrow(folder, "run", "--select", "gold.*")
    run = lab.start(folder, "publish")
    while store("SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'RENAME%'") == "0":
        assert run.poll() is None
        time.sleep(0.05)
    time.sleep(4)  # it gives way and tries again
    assert store("SELECT max(batch) FROM numbers") == "1"
    reader.stdin.write("SELECT max(batch) FROM numbers; COMMIT; SELECT 'done';\n")
    reader.stdin.close()
    assert reader.stdout.read().split() == ["1", "done"]
    reader.wait()
    assert run.wait(timeout=60) == 0 and store("SELECT max(batch) FROM numbers") == "2"


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("word, view", [(b"RENAME TABLE", "table: numbers"), (b"COMMIT", "table: numbers, mode: upsert, key: [id]")])
def test_connection_lost_at_the_end(tmp_path, store, server, delivered, word, view):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, " + view)})
    serving_lab.publishes_over_a_cut_line(folder, store, server, word, delivered)


def test_rows_as_large_as_the_server_takes_them(tmp_path, store, server):
    """Of 1 MB at once here, which every server takes: rows that fill a statement, and one too large for any."""
    rows = "SELECT i AS id, repeat('x', CASE i WHEN 3 THEN {} ELSE 100 END) AS words FROM range(6) t(i)\n"
    folder = project(tmp_path, store, {"models/gold/t.sql": rows.format(1048400), "publish/all.yaml": publish_file("from: gold.t, table: t")})
    server.sql("SET GLOBAL max_allowed_packet = 1048576")
    try:
        lab.windrow(folder, "run")
        assert store("SELECT group_concat(length(words) ORDER BY id) FROM t") == "100,100,100,1048400,100,100"
        (folder / "models/gold/t.sql").write_text(rows.format(1048600))
        result = lab.windrow(folder, "run", check=False)
        said = result.stdout + result.stderr
        assert result.returncode == 1 and 'row 4 of view "t" has 1048' in said and "max_allowed_packet" in said
        assert store("SELECT count(*), max(length(words)) FROM t") == "6|1048400"
    finally:
        server.sql("SET GLOBAL max_allowed_packet = 16777216")


def test_erased_rows_are_not_in_the_tables_file(tmp_path, store, server):
    mark = "zita-14620@example.com"
    folder = project(tmp_path, store, {
        "models/gold/t.sql": f"SELECT i AS id, CASE i WHEN 7 THEN '{mark}' ELSE 'x' END AS email FROM range(50) t(i)\n",
        "publish/all.yaml": publish_file("from: gold.t, table: t, mode: upsert, key: [id]", "from: gold.t, table: u, indexes: [[email]]")})
    lab.windrow(folder, "run")

    def held() -> list[str]:
        server.sql(f"FLUSH TABLES {store.database}.t, {store.database}.u FOR EXPORT; UNLOCK TABLES")
        return sorted(path.stem for path in (server.home / "data" / store.database).glob("*.ibd") if mark.encode() in path.read_bytes())

    assert held() == ["t", "u"]
    lab.windrow(folder, "erase", "--key", "id=7", "--yes")
    assert held() == [] and store("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)") == "49|49"


def test_a_user_who_may_not_is_told_what_to_grant(tmp_path, store):
    store(f"CREATE OR REPLACE USER little@'127.0.0.1' IDENTIFIED BY 'little-secret'; GRANT SELECT ON {store.database}.* TO little@'127.0.0.1'")
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1)
    settings = (folder / "windrow.yaml").read_text()
    (folder / "windrow.yaml").write_text(settings.replace("windrow:windrow-test-secret", "little:little-secret"))
    result = lab.windrow(folder, "health", check=False)
    assert result.returncode == 1 and "CREATE command denied" in result.stdout and "GRANT SELECT, INSERT" in result.stdout
    assert "little-secret" not in result.stdout + result.stderr
