"""Five aggregates over generated events, from the lake to PostgreSQL, beside Spark, a DuckDB script by hand and polars doing the same."""
import csv
import io
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/servers"), str(ROOT / "tests/integration")]

HOURS = ("SELECT date_trunc('hour', ts) AS hour_bucket, count(*) AS total_events, sum(bytes) AS total_bytes, avg(bytes) AS avg_bytes, "
         "count(*) FILTER (WHERE bot) AS bot_events, count(*) FILTER (WHERE NOT bot) AS human_events FROM {t} GROUP BY 1")
# In the words that DuckDB and Spark share.
AGGREGATES = {
    "hourly_patterns": HOURS,
    "hourly_trends": "SELECT hour_bucket, total_events, avg(total_events) OVER w AS events_24h_avg, avg(total_bytes) OVER w AS bytes_24h_avg FROM "
                     f"({HOURS}) h WINDOW w AS (ORDER BY hour_bucket ROWS BETWEEN 23 PRECEDING AND CURRENT ROW)",
    "top_contributors": "SELECT user_name, bool_or(bot) AS is_bot, count(*) AS edit_count, sum(bytes) AS total_bytes FROM {t} GROUP BY user_name "
                        "ORDER BY edit_count DESC, user_name LIMIT 100",
    "language_distribution": "SELECT language, count(*) AS edit_count, sum(bytes) AS total_bytes, count(*) FILTER (WHERE bot) AS bot_edits FROM {t} GROUP BY 1",
    "server_rankings": "SELECT *, row_number() OVER o AS rank, percent_rank() OVER o AS percentile FROM (SELECT server_name, count(*) AS edit_count, "
                       "count(DISTINCT user_name) AS unique_users FROM {t} GROUP BY 1) s WINDOW o AS (ORDER BY edit_count DESC, server_name) "
                       "ORDER BY rank LIMIT 50",
}
TYPES = {
    "hourly_patterns": "hour_bucket timestamp, total_events bigint, total_bytes numeric, avg_bytes double precision, bot_events bigint, human_events bigint",
    "hourly_trends": "hour_bucket timestamp, total_events bigint, events_24h_avg double precision, bytes_24h_avg double precision",
    "top_contributors": "user_name text, is_bot boolean, edit_count bigint, total_bytes numeric",
    "language_distribution": "language text, edit_count bigint, total_bytes numeric, bot_edits bigint",
    "server_rankings": "server_name text, edit_count bigint, unique_users bigint, rank bigint, percentile double precision",
}

BY_HAND = """import duckdb, sys
source, folder = sys.argv[1:]
for name, sql in {aggregates!r}.items():
    duckdb.execute(f"COPY ({{sql.replace('{{t}}', f'read_parquet({{chr(39)}}{{source}}{{chr(39)}})')}}) TO '{{folder}}/{{name}}.csv' (HEADER false)")
"""

BY_POLARS = """import polars as pl, sys
source, folder = sys.argv[1:]
t = pl.scan_parquet(source)
hour = t.group_by(pl.col("ts").dt.truncate("1h").alias("hour_bucket")).agg(pl.len().alias("total_events"), pl.col("bytes").sum().alias("total_bytes"),
    pl.col("bytes").mean().alias("avg_bytes"), pl.col("bot").sum().alias("bot_events"), (~pl.col("bot")).sum().alias("human_events"))
frames = {"hourly_patterns": hour,
  "hourly_trends": hour.sort("hour_bucket").select("hour_bucket", "total_events", pl.col("total_events").rolling_mean(24, min_samples=1).alias("e"), pl.col("total_bytes").rolling_mean(24, min_samples=1).alias("b")),
  "top_contributors": t.group_by("user_name").agg(pl.col("bot").any(), pl.len().alias("n"), pl.col("bytes").sum()).sort(["n", "user_name"], descending=[True, False]).head(100),
  "language_distribution": t.group_by("language").agg(pl.len().alias("n"), pl.col("bytes").sum(), pl.col("bot").sum().alias("bots")),
  "server_rankings": t.group_by("server_name").agg(pl.len().alias("n"), pl.col("user_name").n_unique().alias("u")).sort(["n", "server_name"], descending=[True, False])
    .with_row_index("rank", 1).select("server_name", "n", "u", "rank", ((pl.col("rank") - 1) / (pl.len() - 1)).alias("percentile")).head(50)}
for name, frame in zip(frames, pl.collect_all(list(frames.values()))):
    frame.write_csv(f"{folder}/{name}.csv", include_header=False, datetime_format="%Y-%m-%d %H:%M:%S")
"""


def events(work: pathlib.Path, rows: int) -> pathlib.Path:
    """Skewed events: hot users, servers and languages over thirty days."""
    import duckdb

    path = work / f"events-{rows}.parquet"
    if not path.exists():
        duckdb.sql(f"""COPY (SELECT i AS id, TIMESTAMP '2025-10-01' + INTERVAL 1 SECOND * (hash(i) % 2592000)::BIGINT AS ts,
            'user' || (pow((hash(i * 7) % 1000000) / 1e6, 3) * 50000)::BIGINT AS user_name, hash(i * 11) % 5 = 0 AS bot,
            (hash(i * 13) % 5000)::BIGINT - 500 AS bytes, 'l' || (pow((hash(i * 17) % 1000) / 1e3, 2) * 40)::INT AS language,
            's' || (pow((hash(i * 19) % 1000) / 1e3, 2) * 300)::INT AS server_name FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)""")
    return path


class Store:
    """PostgreSQL, with a schema for each way into it."""

    def __init__(self):
        import postgres

        folder = pathlib.Path(tempfile.mkdtemp(prefix="windrow-bench-"))
        folder.chmod(0o755)
        self.server = postgres.Postgres(folder)
        self.server.up()
        self.url = self.server.variables()["WINDROW_TEST_POSTGRES"]
        self.program = postgres.program("psql")

    def psql(self, script: str) -> str:
        return subprocess.run([self.program, "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url], input=script, check=True,
                              capture_output=True, text=True).stdout

    def copy(self, schema: str, folder: pathlib.Path) -> None:
        """Five CSV files into five new tables, in one transaction."""
        script = f"SET client_min_messages = warning; BEGIN; CREATE SCHEMA IF NOT EXISTS {schema};\n"
        for name, columns in TYPES.items():
            script += f"DROP TABLE IF EXISTS {schema}.{name}; CREATE TABLE {schema}.{name} ({columns});\n\\copy {schema}.{name} FROM '{folder / name}.csv' CSV\n"
        self.psql(script + "COMMIT;\n")

    def rows(self, schema: str, name: str) -> list:
        def rounded(text: str) -> str:
            try:
                return f"{float(text):.6g}"
            except ValueError:
                return text
        return sorted([rounded(cell) for cell in row] for row in csv.reader(io.StringIO(self.psql(f"SELECT * FROM {schema}.{name};"))))


def windrow_project(put, work: pathlib.Path, program: str, url: str, source: pathlib.Path) -> pathlib.Path:
    import deltalake
    import pyarrow
    import pyarrow.parquet

    files = {"windrow.yaml": f"project: wiki\nconnections: {{serving: {{type: postgres, url: \"{url}\", schema: windrow}}}}\nlayers: {{silver: {{}}, gold: {{}}}}\n",
             "models/silver/events.sql": "SELECT 1::BIGINT AS id, TIMESTAMP '2025-01-01' AS ts, 'u' AS user_name, true AS bot, 1::BIGINT AS bytes, "
                                         "'l' AS language, 's' AS server_name WHERE false\n",
             "publish/serving.yaml": "publish: serving\nto: serving\nviews:\n" + "".join(f"  - {{from: gold.{n}, table: {n}}}\n" for n in AGGREGATES)}
    for name, sql in AGGREGATES.items():
        files[f"models/gold/{name}.sql"] = sql.format(t="silver.events") + "\n"
    folder = put(work / "wiki", files)
    subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL)
    # The events come into the lake through another writer, as a foreign append; then the five are computed from it.
    rows = pyarrow.parquet.ParquetFile(source)
    deltalake.write_deltalake(str(folder / "lake/silver/events"), pyarrow.RecordBatchReader.from_batches(rows.schema_arrow, rows.iter_batches()), mode="append")
    return folder


class Spark:
    """A server of its own; cold is its start and the first job, warm each later one."""

    def __init__(self, table: str, store: Store, work: pathlib.Path):
        import spark
        import spark_lab

        self.table, self.store, self.folder = table, store, work / "spark"
        self.folder.mkdir(exist_ok=True)
        self.server = spark.Spark(pathlib.Path(tempfile.mkdtemp(prefix="windrow-bench-")))
        self.server.fetch()
        began = time.perf_counter()
        self.server.up()
        self.client = spark_lab.Spark(self.server.variables(), self.folder)
        self.job()
        self.cold = time.perf_counter() - began

    def job(self) -> None:
        import duckdb

        for name, sql in AGGREGATES.items():
            rows = self.client.rows(sql.format(t=self.table))
            duckdb.execute(f"COPY (FROM '{rows}') TO '{self.folder / name}.csv' (HEADER false)")
        self.store.copy("spark", self.folder)

    def close(self) -> None:
        self.client.close()
        self.server.down()


def bench_wikipedia(given, work: pathlib.Path, program: str, put) -> list[tuple]:
    work.mkdir(parents=True, exist_ok=True)
    source, store = events(work, given.rows), Store()
    spark = None
    try:
        folder = windrow_project(put, work, program, store.url, source)
        data = str(folder / "lake/silver/events/*.parquet")
        ways = {"windrow": lambda: subprocess.run([program, "-C", str(folder), "run", "-q", "--select", "gold.* publish.serving", "--full-refresh"],
                                                  check=True, stdout=subprocess.DEVNULL)}
        for name, text in (("hand", BY_HAND.format(aggregates=AGGREGATES)), ("polars", BY_POLARS)):
            out = work / name
            out.mkdir(exist_ok=True)
            (work / f"by_{name}.py").write_text(text)
            def way(name=name, out=out):
                subprocess.run([sys.executable, str(work / f"by_{name}.py"), data, str(out)], check=True)
                store.copy(name, out)
            ways[name] = way
        spark = Spark(f"delta.`{folder / 'lake/silver/events'}`", store, work)
        ways["spark"] = spark.job
        found = {name: [] for name in ways}
        for turn in range(4 if given.rows < 10_000_000 else 2):
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                if turn > 0:
                    found[name].append(time.perf_counter() - began)
        for schema in ("hand", "polars", "spark"):
            for name in AGGREGATES:
                ours, theirs = store.rows("windrow", name), store.rows(schema, name)
                assert ours == theirs, (schema, name, ours[:2], theirs[:2])
    finally:
        if spark:
            spark.close()
        store.server.down()
    seconds = {name: statistics.median(each) for name, each in found.items()}
    seconds["spark, cold"] = spark.cold
    mine = seconds["windrow"]
    names = {"hand": "DuckDB by hand, COPY", "spark": "Spark, warm", "spark, cold": "Spark, cold"}
    return [(f"wikipedia, {given.rows:,} events to PostgreSQL: {names.get(name, name)}", each,
             "" if name == "windrow" else f"windrow takes {mine / each:.2f} × of it") for name, each in seconds.items()]
