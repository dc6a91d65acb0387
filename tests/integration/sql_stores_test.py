"""What publications promise in every SQL database that is a server: real ones, judged by their own clients."""
import random
import signal
import threading
import time

import pytest

import lab
import serving_lab
from serving_lab import events_project, publish_file


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def server(request):
    yield from serving_lab.start(request.param)


@pytest.fixture
def store(server, request):
    return serving_lab.new_store(server, "t_" + request.node.name.split("[")[0][5:45].lower())


def project(tmp_path, store, files, connection=""):
    return serving_lab.project(tmp_path / "p", f'{{type: {store.kind}, url: "{store.url}"{connection}}}', files)


def schema(store) -> str:
    return "public" if store.kind == "postgres" else store.database


def tables(store) -> list[str]:
    """Those that there are, but for manifests."""
    found = store.rows(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema(store)}' ORDER BY 1")
    return [row[0] for row in found if row[0] not in ("windrow_publications", "windrow_former_publications")]


def test_tables_of_others_are_left_alone(tmp_path, store):
    store("CREATE TABLE numbers (id int); INSERT INTO numbers VALUES (7)")
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1)
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and "did not publish" in result.stdout + result.stderr
    assert store("SELECT * FROM numbers") == "7" and tables(store) == ["numbers"]


def test_append_sends_new_rows_once(tmp_path, store):
    folder = events_project(tmp_path / "p", store, "from: bronze.events, table: events, mode: append")
    lab.add_events(folder, "a.ndjson", range(10))
    lab.windrow(folder, "run")
    assert store("SELECT count(*), count(DISTINCT id) FROM events") == "10|10"
    lab.windrow(folder, "run")
    lab.add_events(folder, "b.ndjson", range(10, 25))
    assert "15" in lab.windrow(folder, "run").stdout
    lab.windrow(folder, "run")
    assert store("SELECT count(*), count(DISTINCT id) FROM events") == "25|25"
    assert store(f"SELECT {store.name('rows')}, source_version FROM windrow_publications").startswith("15|")


def test_upsert_and_intervals_send_what_changed(tmp_path, store):
    folder = events_project(
        tmp_path / "p", store, "from: silver.events, table: events, mode: upsert, key: [id]",
        "from: gold.daily, table: daily, mode: replace_interval, indexes: [[day]]")
    lab.add_events(folder, "a.ndjson", range(100))
    lab.windrow(folder, "run")
    assert store("SELECT count(*), sum(n) FROM events") == "100|4950"
    expected = store("SELECT sum(total) FROM daily")
    assert expected == "4950"
    store("UPDATE daily SET total = -1 WHERE day = '2025-10-05'")  # nobody sends that day again
    (folder / "data/b.ndjson").write_text(
        '{"id": 3, "ts": "2025-10-02 10:00:00", "kind": "k9", "n": 1000}\n'
        '{"id": 500, "ts": "2025-10-02 11:00:00", "kind": "k9", "n": 7}\n')
    lab.windrow(folder, "run")
    assert store("SELECT n, kind FROM events WHERE id = 3") == "1000|k9"
    assert store("SELECT count(*) FROM events") == "101"
    manifest = f"SELECT {store.name('rows')} FROM windrow_publications WHERE {store.name('view')} = "
    assert store(manifest + "'events'") in ("2", "3")
    assert store("SELECT total FROM daily WHERE day = '2025-10-02' AND kind = 'k9'") == "1007"
    assert store("SELECT DISTINCT total FROM daily WHERE day = '2025-10-05'") == "-1"
    assert store(f"{manifest}'daily' AND boundary IS NOT NULL") != ""
    # A key that goes in the lake goes in the store.
    lab.windrow(folder, "table", "delete", "silver.events", "--where", "id = 500")
    lab.windrow(folder, "publish")
    assert store("SELECT count(*), max(id) FROM events") == "100|99"


def test_duplicate_and_null_keys_are_named(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/t.sql": "SELECT 1 AS id, 2 AS n UNION ALL SELECT 1, 3\n",
        "publish/all.yaml": publish_file("from: gold.t, table: t, mode: upsert, key: [id]"),
    })
    result = lab.windrow(folder, "run", check=False)
    assert "several rows have the key (1)" in result.stdout + result.stderr
    (folder / "models/gold/t.sql").write_text("SELECT NULL::INT AS id, 2 AS n\n")
    result = lab.windrow(folder, "run", check=False)
    assert "NULL in its key" in result.stdout + result.stderr


def test_a_unique_index_is_held_in_every_mode(tmp_path, store):
    """Of upsert too: a row that has another's unique value does not take its place."""
    folder = project(tmp_path, store, {
        "models/gold/t.sql": "SELECT i AS id, 'v' || i AS v FROM range(3) r(i)\n",
        "publish/all.yaml": publish_file("from: gold.t, table: t, mode: upsert, key: [id], unique: [v]")})
    lab.windrow(folder, "run")
    (folder / "models/gold/t.sql").write_text("SELECT i AS id, 'v' || (i % 3) AS v FROM range(4) r(i)\n")
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and "v0" in result.stdout + result.stderr
    assert store.rows("SELECT id, v FROM t ORDER BY id") == [["0", "v0"], ["1", "v1"], ["2", "v2"]]


def test_unchanged_views_are_not_sent(tmp_path, store):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    seen = "SELECT published, batch_id FROM windrow_publications"
    before = store(seen)
    lab.windrow(folder, "run")
    lab.windrow(folder, "publish")
    assert store(seen) == before and len(before) > 36


def test_texts_are_the_same_and_sort_as_in_the_lake(tmp_path, store):
    """Byte by byte, whatever the database's own collation; blanks at the end count."""
    words = ["a", "A", "B", "ä", "Z", "z", "_", "10", "9", "a ", "a\t", "🙂", "ﬀ"]
    rows = ", ".join(f"('{word}', {i})" for i, word in enumerate(words))
    folder = project(tmp_path, store, {
        "models/gold/words.sql": f"SELECT * FROM (VALUES {rows}) t(word, n)\n",
        "publish/all.yaml": publish_file("from: gold.words, table: words, indexes: [[word]]",
                                         "from: gold.words, table: keyed, mode: upsert, key: [word]")})
    lab.windrow(folder, "run")
    wanted = sorted(range(len(words)), key=lambda i: words[i].encode())
    for table in ("words", "keyed"):
        assert [int(row[0]) for row in store.rows(f"SELECT n FROM {table} ORDER BY word")] == wanted, table
        assert store(f"SELECT n FROM {table} WHERE word = 'a'") == "0"


LONG = {"postgres": ("é" * 31, "é" * 32, "has 64 bytes, and PostgreSQL takes 63"),
        "mysql": ("é" * 64, "é" * 65, "has 65 characters, and MySQL takes 64")}


def test_names_that_are_made_to_break_it(tmp_path, store):
    longest, too_long, message = LONG[store.kind]
    names = ['a"b', "a`b", "select", "ключ", "a b", "x'); DROP TABLE windrow_publications; --", "$1", "%s", "{0}", "ctid2", "\\", longest]

    def one(number: int) -> str:
        columns = ", ".join(f"{number + i} AS \"{name.replace(chr(34), chr(34) * 2)}\"" for i, name in enumerate(names))
        return f"publish: all\nto: serving\nviews:\n  - table: t\n    sql: |\n      SELECT {columns} FROM gold.one\n"

    folder = project(tmp_path, store, {"models/gold/one.sql": "SELECT 1 AS one\n", "publish/all.yaml": one(0)})
    lab.windrow(folder, "run")
    for number in (100, 200):  # a second batch finds the columns again
        (folder / "publish/all.yaml").write_text(one(number))
        lab.windrow(folder, "publish")
        assert store.rows("SELECT * FROM t") == [[str(number + i) for i in range(len(names))]]
    found = store.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 't' AND table_schema = "
                       f"'{schema(store)}' ORDER BY ordinal_position")
    assert [row[0] for row in found] == names
    names.append(too_long)
    (folder / "publish/all.yaml").write_text(one(300))
    told = lab.windrow(folder, "publish", check=False)
    assert told.returncode != 0 and message in told.stdout + told.stderr
    assert store("SELECT count(*) FROM t") == "1"


def test_rollback_holds_until_something_newer(tmp_path, store):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers, keep: 1")})
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    result = lab.windrow(folder, "publish", "--rollback", "all", check=False)
    assert result.returncode == 1 and "keeps no former batch" in result.stderr
    serving_lab.batch(folder, 2)
    lab.windrow(folder, "run")
    lab.windrow(folder, "publish", "--rollback", "all/numbers")
    seen = "SELECT DISTINCT batch FROM numbers"
    assert store(seen) == "1"
    lab.windrow(folder, "run")  # the rejected batch does not come back
    assert store(seen) == "1"
    serving_lab.batch(folder, 3)
    lab.windrow(folder, "run")
    assert store(seen) == "3"


def test_several_tables_change_together_or_not_at_all(tmp_path, store):
    folder = project(tmp_path, store, {
        "models/gold/other.sql": "SELECT 1 AS n\n",
        "publish/all.yaml": publish_file("from: gold.numbers, table: numbers", "from: gold.other, table: other, unique: [[n]]"),
    })
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    serving_lab.batch(folder, 2)
    (folder / "models/gold/other.sql").write_text("SELECT 1 AS n UNION ALL SELECT 1\n")
    result = lab.windrow(folder, "run", check=False)
    told = {"postgres": "Key (n)=(1) already exists", "mysql": "Duplicate entry '1'"}
    assert result.returncode == 1 and told[store.kind] in result.stdout + result.stderr
    assert store("SELECT DISTINCT batch FROM numbers") == "1" and tables(store) == ["numbers", "other"]


def test_who_stops_it_finds_nothing_changed(tmp_path, store):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1)
    lab.windrow(folder, "run")
    before = store("SELECT batch_id FROM windrow_publications")
    serving_lab.batch(folder, 2, 3000000)
    lab.windrow(folder, "run", "--select", "gold.*")
    run = lab.start(folder, "publish")
    at_work = {"postgres": "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%'",
               "mysql": f"SELECT count(*) FROM information_schema.tables WHERE table_schema = '{schema(store)}' AND table_name = 'windrow_new_numbers'"}
    while store(at_work[store.kind]) == "0":
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=60) not in (0, -signal.SIGINT)
    assert store("SELECT count(*), max(batch) FROM numbers") == "500|1" and tables(store) == ["numbers"]
    assert store("SELECT batch_id FROM windrow_publications") == before


def test_wrong_passwords_are_told_and_not_shown(tmp_path, store):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1)
    settings = (folder / "windrow.yaml").read_text()
    (folder / "windrow.yaml").write_text(settings.replace("windrow-test-secret", "${DB_PASSWORD}"))
    for password in ("not-the-right-one", "p@ss/w:rd %25"):
        (folder / ".env").write_text(f"DB_PASSWORD={password}\n")
        for verb in ("health", "run"):
            result = lab.windrow(folder, verb, check=False)
            said = result.stdout + result.stderr
            assert result.returncode == 1 and ("authentication failed" in said or "Access denied" in said), said
            assert password not in said
    (folder / ".env").write_text("DB_PASSWORD=windrow-test-secret\n")
    lab.windrow(folder, "run")
    assert "1 views published" in lab.windrow(folder, "health").stdout


class Looks:
    """Asks the same again and again, with one connection for each question."""

    def __init__(self, store, statement: str):
        self.store, self.statement, self.lines, self.going = store, statement, [], True
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while self.going:
            self.lines.append(self.store(self.statement, check=False))

    def stop(self) -> list[str]:
        self.going = False
        self.thread.join()
        return self.lines


def test_readers_see_one_batch_whole_and_never_miss_the_table(tmp_path, store):
    """Publications run one after the other, most of them killed at random moments; readers never stop asking."""
    turns, rows = 12, 20000
    folder = project(tmp_path, store, {
        "models/gold/other.sql": "SELECT 1 AS batch\n",
        "publish/all.yaml": publish_file("from: gold.numbers, table: numbers, indexes: [[id]]", "from: gold.other, table: other"),
    })
    serving_lab.batch(folder, 1, rows)
    lab.windrow(folder, "run")
    both = "SELECT n.c, n.d, n.m, o.batch FROM (SELECT count(*) c, count(DISTINCT batch) d, max(batch) m FROM numbers) n, other o"
    readers = [Looks(store, "SELECT count(*), count(DISTINCT batch), max(batch) FROM numbers"), Looks(store, both)]
    random.seed(7)
    try:
        for turn in range(2, turns + 2):
            serving_lab.batch(folder, turn, rows)
            (folder / "models/gold/other.sql").write_text(f"SELECT {turn} AS batch\n")
            lab.windrow(folder, "run", "--select", "gold.*")
            run = lab.start(folder, "publish")
            if turn % 3 == 0:
                assert run.wait(timeout=120) == 0
                assert store("SELECT DISTINCT batch FROM numbers") == str(turn)
                continue
            time.sleep(random.uniform(0.05, 0.6))
            run.kill()
            run.wait()
        # Another batch: where the last one killed had swapped, there would be nothing to publish, nor to sweep.
        last = turns + 2
        serving_lab.batch(folder, last, rows)
        (folder / "models/gold/other.sql").write_text(f"SELECT {last} AS batch\n")
        lab.windrow(folder, "run")
    finally:
        lines = [reader.stop() for reader in readers]
    assert store("SELECT DISTINCT batch FROM numbers") == str(last)
    assert tables(store) == ["numbers", "other"], "left by the killed ones"
    for line in lines[0] + lines[1]:
        cells = line.split("|")
        assert cells[0] == str(rows) and cells[1] == "1" and len({*cells[2:]}) == 1, line
    assert min(map(len, lines)) > turns
    rows_there = store(f"SELECT {store.name('rows')} FROM windrow_publications WHERE {store.name('view')} = 'numbers'")
    assert rows_there == str(rows)


def test_two_publications_at_once(tmp_path, store):
    """One after the other: whoever is slower finds the work done, or plans again."""
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers, keep: 1")})
    serving_lab.batch(folder, 1, 50000)
    lab.windrow(folder, "run")
    for number in (2, 3):
        serving_lab.batch(folder, number, 50000)
        lab.windrow(folder, "run", "--select", "gold.*")
        runs = [lab.start(folder, "publish") for _ in range(2)]
        assert [run.wait(timeout=120) for run in runs] == [0, 0]
        assert store("SELECT count(*), min(batch), max(batch) FROM numbers") == f"50000|{number}|{number}"
        assert store("SELECT count(*) FROM windrow_publications") == "1"
    lab.windrow(folder, "publish", "--rollback", "all")
    assert store("SELECT DISTINCT batch FROM numbers") == "2"


def test_server_restarts(tmp_path, store, server):
    folder = project(tmp_path, store, {"publish/all.yaml": publish_file("from: gold.numbers, table: numbers")})
    serving_lab.batch(folder, 1, 300000)
    lab.windrow(folder, "run")
    serving_lab.batch(folder, 2, 300000)
    lab.windrow(folder, "run", "--select", "gold.*")
    run = lab.start(folder, "publish")
    at_work = {"postgres": "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%'",
               "mysql": "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'windrow|_new|_%' ESCAPE '|'"}
    while store(at_work[store.kind], check=False) == "0":
        assert run.poll() is None
    server.kill({"postgres": "postgres", "mysql": "mariadbd"}[store.kind])
    time.sleep(0.5)
    server.up()
    assert run.wait(timeout=120) in (0, 1)
    lab.windrow(folder, "publish")
    assert store("SELECT count(*), min(batch), max(batch) FROM numbers") == "300000|2|2"


def test_a_key_is_erased(tmp_path, store):
    folder = events_project(tmp_path / "p", store, "from: silver.events, table: events, mode: upsert, key: [id]",
                            "sql: \"SELECT id, kind FROM silver.events\", table: kinds, keep: 1",
                            "sql: \"SELECT count(*) AS n FROM silver.events\", table: totals")
    lab.add_events(folder, "a.ndjson", range(50))
    lab.windrow(folder, "run")
    lab.add_events(folder, "b.ndjson", range(50, 60))
    lab.windrow(folder, "run")
    count = lambda table: store(f"SELECT count(*) FROM {table} WHERE id = 7")
    assert [count(table) for table in ("events", "kinds", "windrow_former_kinds")] == ["1", "1", "1"]
    for key in ("id=7x", "id=0 OR 1=1", "nothing=7"):
        assert '"rows": 0' in lab.windrow(folder, "--json", "erase", "--key", key, "--dry-run").stdout
    erased = lab.windrow(folder, "erase", "--key", "id=7", "--yes")
    said = erased.stdout + erased.stderr
    assert "serving: events" in said and "serving: kinds" in said and "serving: totals: no column id" in said
    assert [count(table) for table in ("events", "kinds", "windrow_former_kinds")] == ["0", "0", "0"]
    assert store("SELECT count(*) FROM events") == "59"
    lab.windrow(folder, "run")
    assert count("events") == "0" and store("SELECT count(*) FROM kinds") == "59"


def test_rows_erased_in_the_lake_alone_leave_with_the_next_publication(tmp_path, store):
    folder = events_project(tmp_path / "p", store, "from: silver.events, table: events, mode: upsert, key: [id]",
                            "sql: \"SELECT id, kind FROM silver.events\", table: kinds, keep: 1")
    for name, ids in (("a", range(20)), ("b", range(20, 30))):
        lab.add_events(folder, name + ".ndjson", ids)
        lab.windrow(folder, "run")
    assert store("SELECT count(*) FROM windrow_former_kinds WHERE id = 7") == "1"
    lab.windrow(folder, "table", "erase", "silver.events", "--key", "id=7", "--purge")
    lab.windrow(folder, "publish")
    assert store("SELECT count(*), sum(CASE WHEN id = 7 THEN 1 ELSE 0 END) FROM events") == "29|0"
    assert tables(store) == ["events", "kinds"]
    assert store("SELECT count(*) FROM windrow_former_publications") == "0"
