"""What the tests of publishing share: a PostgreSQL of their own, and projects whose tables they write themselves."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import postgres as postgres_server  # noqa: E402  (tests/servers/postgres.py)


class Psql:
    """PostgreSQL's own client is the judge of what was published."""

    def __init__(self, url: str):
        self.url = url

    def __call__(self, sql: str, check: bool = True) -> str:
        result = subprocess.run(
            [postgres_server.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql],
            capture_output=True, text=True, timeout=60)
        if check and result.returncode != 0:
            raise AssertionError(f"{sql}\n{result.stderr}")
        return result.stdout.strip() if result.returncode == 0 else "error: " + result.stderr.strip()

    def rows(self, sql: str) -> list[list[str]]:
        return [line.split("|") for line in self(sql).splitlines()]


def start_postgres():
    """A server for the tests of one file; its folder can be entered by the user that it runs as."""
    if not shutil.which(postgres_server.program("postgres")):
        pytest.skip("PostgreSQL is not here")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="windrow-postgres-"))
    folder.chmod(0o755)
    server = postgres_server.Postgres(folder)
    server.up()
    yield server
    server.down()
    shutil.rmtree(folder, ignore_errors=True)


def new_database(server, name: str) -> str:
    server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.sql(f"CREATE DATABASE {name} OWNER windrow")
    return server.variables()["WINDROW_TEST_POSTGRES"].rsplit("/", 1)[0] + "/" + name


def project(folder: pathlib.Path, connection: str, files: dict[str, str], extra: str = "") -> pathlib.Path:
    """A project that publishes through the connection `serving`."""
    settings = f"project: serving\nbegin: 2025-10-01\nconnections:\n  serving: {connection}\n{extra}"
    return lab.make_project(folder, {"windrow.yaml": settings, **files})


def batch(folder: pathlib.Path, number: int, rows: int = 500) -> None:
    """Makes the model `gold.numbers` say `number` in every row: a mixture is seen at once."""
    path = folder / "models/gold/numbers.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"SELECT {number} AS batch, i AS id, 'text ' || i AS words FROM range({rows}) t(i)\n")


def environment() -> dict[str, str]:
    return dict(os.environ)
