"""examples/wikipedia: events → Kafka → Delta on S3 → five tables in PostgreSQL.

Generated events, or those of a file of JSON lines that WIKI_EVENTS names (such as recorded ones of Wikimedia's stream).
"""
import os
import pathlib
import subprocess

from kafka import Kafka
from minio import Minio
from postgres import Postgres, program

SERVERS = (Kafka, Minio, Postgres)
ROWS = 100_000
TOPIC = "wiki-raw-events"
TABLES = {
    "historical_hourly_patterns": "hour_bucket, total_events, total_bytes, avg_bytes, bot_events, human_events",
    "historical_hourly_trends":
        "hour_bucket, total_events, total_bytes, avg_bytes, bot_events, human_events, events_24h_avg, bytes_24h_avg",
    "historical_top_contributors": '"user", is_bot, edit_count, total_bytes, pages_created',
    "historical_language_distribution": "language, project, edit_count, total_bytes, bot_edits, new_pages",
    "historical_server_rankings":
        "server_name, language, project, edit_count, total_bytes, unique_users, rank, percentile",
}


def settings(stage) -> dict[str, str]:
    minio, postgres = stage.servers["minio"].variables(), stage.servers["postgres"].variables()
    return {
        **{name: value for name, value in minio.items() if name.startswith("AWS_")},
        "KAFKA_BROKERS": stage.servers["kafka"].address(),
        "POSTGRES_URL": postgres["WINDROW_TEST_POSTGRES"],
        "LAKE": f"s3://{minio['WINDROW_TEST_BUCKET']}/wikipedia",
    }


def feed(stage) -> None:
    recorded = os.environ.get("WIKI_EVENTS")
    if recorded:
        send(stage, pathlib.Path(recorded))
        return
    generate(stage)


def generate(stage, *words: str) -> None:
    """Three days of edits; some come twice, late, or broken."""
    stage.windrow("generate", "wikipedia", "--rows", str(stage.rows), "--seed", str(stage.seed), "--to", "kafka",
                  "--span", "3d", "--topic", TOPIC, "--partitions", "6", *words)


def send(stage, lines: pathlib.Path) -> None:
    """Recorded events, a line each."""
    stage.windrow("generate", "wikipedia", "--rows", "0", "--to", "kafka", "--topic", TOPIC, "--partitions", "6")
    command = ["kcat", "-b", stage.servers["kafka"].address(), "-P", "-t", TOPIC, "-l", str(lines)]
    if not stage.quiet:
        print("$ " + " ".join(command), flush=True)
    subprocess.run(command, check=True, timeout=300, capture_output=True)


def run(stage) -> None:
    stage.windrow("ingest", "bronze.raw_events", "--until-caught-up")  # in production: without an end
    stage.windrow("run")
    stage.windrow("plan")  # nothing is new: nothing would be sent


def psql(stage, sql: str) -> list[list[str]]:
    done = subprocess.run([program("psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d",
                           stage.environment["POSTGRES_URL"], "-c", sql],
                          capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def show(stage) -> None:
    shown = {
        "historical_hourly_patterns": "ORDER BY hour_bucket DESC LIMIT 4",
        "historical_hourly_trends": "ORDER BY hour_bucket DESC LIMIT 4",
        "historical_top_contributors": "ORDER BY edit_count DESC LIMIT 4",
        "historical_language_distribution": "ORDER BY edit_count DESC LIMIT 4",
        "historical_server_rankings": "ORDER BY rank LIMIT 4",
    }
    for name, end in shown.items():
        columns = [column.strip().strip('"') for column in TABLES[name].split(",")]
        stage.table(columns, psql(stage, f"SELECT {TABLES[name]} FROM {name} {end}"), f"psql, {name}")
    stage.table(["view", "rows", "boundary"], psql(stage, "SELECT view, rows, boundary FROM windrow_publications ORDER BY 1"),
                "psql, windrow_publications")
