"""Benchmarks of publishing, each beside another way into the same server: PostgreSQL, Cassandra, MongoDB; and the league example."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("WINDROW_CASSANDRA_HEAP", "1g")
sys.path[:0] = [str(ROOT / "tests/servers"), str(ROOT / "tests/examples")]

ROWS = """SELECT DATE '2024-10-04' + (i // 100000)::INT AS match_date, 'EUW1_' || (6000000000 + i // 10) AS match_id,
  (i % 10 + 1)::INT AS participant_id, 'Summoner ' || (i * 7919 % 50000) AS summoner_name, (i % 140)::INT AS champion_id,
  (i % 15)::INT AS kills, (i % 97) / 7.0::DOUBLE AS kda, (i % 1009) / 3.0::DOUBLE AS gold_per_minute,
  make_timestamptz(1700000000000000 + i * 1000000) AS started_at, i % 2 = 0 AS win FROM range(ROWS) t(i)"""


def program_of(name: str) -> str:
    return str(ROOT / "build/release" / name)


def project(put, work: pathlib.Path, connection: str, rows: int, view: str) -> pathlib.Path:
    """A lake with one table of so many rows, to be published."""
    folder = put(work / "serving", {
        "windrow.yaml": f"project: serving\nconnections: {{serving: {connection}}}\nlayers: {{gold: {{}}}}\n",
        "models/gold/rows.sql": ROWS.replace("ROWS", str(rows)) + "\n",
        "publish/all.yaml": f"publish: all\nto: serving\nviews:\n  - {{from: gold.rows, table: bench, {view}}}\n"})
    subprocess.run([program_of("windrow"), "-C", str(folder), "run", "-q", "--select", "gold.rows"], check=True, stdout=subprocess.DEVNULL)
    return folder


def publication(folder: pathlib.Path) -> float:
    began = time.perf_counter()
    subprocess.run([program_of("windrow"), "-C", str(folder), "publish", "-q"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def rows_of(rows: int, naive: bool = False):
    """The same rows by DuckDB's own Python package; `naive`: times without a zone, as drivers for Python take them."""
    import duckdb

    duckdb.sql("SET TimeZone = 'UTC'")
    select = ROWS.replace("ROWS", str(rows))
    return duckdb.sql(f"SELECT * REPLACE (started_at AT TIME ZONE 'UTC' AS started_at) FROM ({select})" if naive else select)


def bench_postgres(given, work: pathlib.Path, _, put) -> list[tuple]:
    import postgres

    folder = pathlib.Path(tempfile.mkdtemp(prefix="windrow-bench-"))
    folder.chmod(0o755)
    server = postgres.Postgres(folder)
    server.up()
    try:
        url = server.variables()["WINDROW_TEST_POSTGRES"]
        made = project(put, work, f"{{type: postgres, url: \"{url}\"}}", given.rows, "mode: replace")
        data = work / "serving.csv"
        rows_of(given.rows).write_csv(str(data), header=False)

        def psql(sql: str) -> str:
            return subprocess.run([postgres.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql], check=True,
                                  capture_output=True, text=True).stdout.strip()

        ours, theirs = [], []
        for _ in range(3):
            psql("DROP TABLE IF EXISTS bench; DROP TABLE IF EXISTS windrow_publications")
            ours.append(publication(made))
            psql("DROP TABLE IF EXISTS by_hand; CREATE TABLE by_hand (LIKE bench)")
            began = time.perf_counter()
            psql(f"\\copy by_hand FROM '{data}' CSV")
            theirs.append(time.perf_counter() - began)
        assert psql("SELECT count(*) FROM (SELECT * FROM bench EXCEPT SELECT * FROM by_hand) d") == "0"
        assert psql("SELECT count(*) FROM bench") == str(given.rows)
    finally:
        server.down()
    mine, copy = sorted(ours)[1], sorted(theirs)[1]
    return [(f"PostgreSQL, {given.rows:,} rows: windrow publish", mine, f"{given.rows / mine:,.0f} rows/s, {copy / mine:.2f} × \\copy"),
            (f"PostgreSQL, {given.rows:,} rows: psql \\copy of a CSV file", copy, f"{given.rows / copy:,.0f} rows/s")]


def bench_mongodb(given, work: pathlib.Path, _, put) -> list[tuple]:
    import mongodb
    import pymongo

    rows = min(given.rows, 50_000)  # the emulator keeps them in its memory
    server = mongodb.Mongodb(pathlib.Path(tempfile.mkdtemp(prefix="windrow-bench-")))
    server.fetch()
    server.up()
    try:
        made = project(put, work, f"{{type: mongodb, url: \"{server.address()}\", database: bench}}", rows, "key: [match_id, participant_id]")
        with pymongo.MongoClient(server.address()) as client:
            ours = publication(made)
            found = rows_of(rows, naive=True)
            names = found.columns
            began = time.perf_counter()
            batch = []
            for row in found.fetchall():
                data = dict(zip(names, row))
                data["match_date"] = str(data["match_date"])
                key = {"batch": "b", "match_id": data["match_id"], "participant_id": data["participant_id"]}
                batch.append(pymongo.ReplaceOne({"_id": key}, {"_id": key, "data": data}, upsert=True))
                if len(batch) == 1000:
                    client.bench.by_hand.bulk_write(batch, ordered=False)
                    batch = []
            if batch:
                client.bench.by_hand.bulk_write(batch, ordered=False)
            theirs = time.perf_counter() - began
            assert client.bench.bench.count_documents({}) == client.bench.by_hand.count_documents({}) == rows
    finally:
        server.down()
    return [(f"MongoDB (emulator), {rows:,} rows: windrow publish", ours, f"{rows / ours:,.0f} rows/s, {theirs / ours:.2f} × pymongo"),
            (f"MongoDB (emulator), {rows:,} rows: pymongo, unordered bulk upserts", theirs, f"{rows / theirs:,.0f} rows/s")]


def bench_cassandra(given, work: pathlib.Path, _, put) -> list[tuple]:
    import cassandra_server
    from cassandra.cluster import Cluster
    from cassandra.concurrent import execute_concurrent_with_args

    rows, fewer = given.rows, min(given.rows, 50_000)
    server = cassandra_server.Cassandra(pathlib.Path(tempfile.mkdtemp(prefix="windrow-bench-")))
    server.fetch()
    server.up()
    try:
        layouts = {"a partition a match": "partition: [match_date, match_id], clustering: [participant_id]",
                   "a partition a row": "partition: [match_date, match_id, participant_id]"}
        out = []
        with Cluster(["127.0.0.1"], port=server.ports["cql"]) as cluster:
            session = cluster.connect()
            session.default_timeout = 120
            for layout, key in layouts.items():
                session.execute("DROP KEYSPACE IF EXISTS bench", timeout=120)
                made = project(put, work, f"{{type: cassandra, hosts: \"{server.address()}\", keyspace: bench, consistency: one}}", rows,
                               f"cassandra: {{{key}}}")
                warm = project_of_rows(made, 50_000)
                publication(warm)
                session.execute("DROP KEYSPACE bench", timeout=120)
                project(put, work, f"{{type: cassandra, hosts: \"{server.address()}\", keyspace: bench, consistency: one}}", rows,
                        f"cassandra: {{{key}}}")
                ours = publication(made)
                kept = session.execute("SELECT rows, checksum FROM bench.windrow_publications").one()
                assert kept.rows == rows
                primary = "((match_date, match_id), participant_id)" if "clustering" in key else "((match_date, match_id, participant_id))"
                columns = ("match_date date, match_id text, participant_id int, summoner_name text, champion_id int, kills int, kda double, "
                           f"gold_per_minute double, started_at timestamp, win boolean, PRIMARY KEY {primary}")
                for name in ("bare", "driver"):
                    session.execute(f"CREATE TABLE bench.{name} ({columns})", timeout=120)
                how = "partition" if "clustering" in key else "single"
                bare = float(subprocess.run([program_of("cassandra_bare"), "127.0.0.1", str(server.ports["cql"]), "bench", "bare", str(rows), how],
                                            check=True, capture_output=True, text=True).stdout)
                names = [each.split()[0] for each in columns.split(", ")[:10]]
                insert = session.prepare(f"INSERT INTO bench.driver ({', '.join(names)}) VALUES ({', '.join('?' * 10)})")
                some = rows_of(fewer, naive=True).fetchall()
                began = time.perf_counter()
                execute_concurrent_with_args(session, insert, some, concurrency=200)
                driver = time.perf_counter() - began
                out += [(f"Cassandra, {rows:,} rows, {layout}: windrow publish", ours, f"{rows / ours:,.0f} rows/s, {driver / fewer * rows / ours:.1f} × the driver"),
                        (f"Cassandra, {rows:,} rows, {layout}: bare loader, the same client", bare, f"{rows / bare:,.0f} rows/s"),
                        (f"Cassandra, {fewer:,} rows, {layout}: Python driver, execute_concurrent", driver, f"{fewer / driver:,.0f} rows/s")]
        return out
    finally:
        server.down()


def project_of_rows(folder: pathlib.Path, rows: int) -> pathlib.Path:
    """The same project with fewer rows, to warm the server up."""
    (folder / "models/gold/rows.sql").write_text(ROWS.replace("ROWS", str(rows)) + "\n")
    subprocess.run([program_of("windrow"), "-C", str(folder), "run", "-q", "--select", "gold.rows"], check=True, stdout=subprocess.DEVNULL)
    return folder


def bench_league(given, work: pathlib.Path, _, put) -> list[tuple]:
    """From what lies on HDFS to three tables in Cassandra: `windrow run`, as the ETL for a date is."""
    import stage

    out = []
    for participants in (500, given.rows):
        with stage.staged("league", work / "league", participants, quiet=True) as example:
            if participants > 10_000:  # two thousand commits of fifty matches would be a benchmark of HDFS
                for file in example.folder.glob("sources/*.yaml"):
                    file.write_text(file.read_text().replace("flush: {rows: 50,", "flush: {rows: 5000,"))
            example.module.feed(example)
            for source in ("data.lol_matches", "data.lol_matches_v3"):
                began = time.perf_counter()
                example.windrow("ingest", source, "--until-caught-up")
                if source == "data.lol_matches":
                    out.append((f"league, {participants:,} participants: Kafka to HDFS", time.perf_counter() - began,
                                f"{50 if participants <= 10_000 else 5000} matches a file"))
            began = time.perf_counter()
            example.windrow("run", "--select", "silver.* gold.*")
            built = time.perf_counter()
            example.windrow("publish")
            done = time.perf_counter()
            session = example.module.connected(example)
            kept = dict(session.execute("SELECT \"view\", rows FROM lol_data.windrow_publications"))
            out.append((f"league, {participants:,} participants: ETL, HDFS to Cassandra", done - began,
                        f"models {built - began:.2f} s, Cassandra {done - built:.2f} s, {kept['match_participants']:,} rows"))
    return out
