"""One Spark server for all tests of a session, driven by SQL; and comparing what several programs read of one table."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

import duckdb
import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import spark as spark_server  # noqa: E402  (tests/servers/spark.py)

SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.databricks.delta.retentionDurationCheck.enabled": "false",
            "spark.databricks.delta.vacuum.parallelDelete.enabled": "false"}


class Failed(AssertionError):
    """Spark refused or failed."""


class Spark:
    """A session on the server. Its Python client lives in a process of its own: it needs packages that are not ours."""

    def __init__(self, variables, scratch: pathlib.Path):
        self.scratch = scratch
        self.log = open(scratch / "client.log", "w+")
        self.client = subprocess.Popen(
            [variables["WINDROW_TEST_SPARK_PYTHON"], "-B", str(ROOT / "tests/integration/spark_client.py")],
            env={**os.environ, **variables}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self._answer()
        self.sql(*(f"SET {name} = {value}" for name, value in SETTINGS.items()))

    def _answer(self) -> dict:
        line = self.client.stdout.readline()
        if not line:
            self.log.seek(0)
            raise Failed(f"Spark's client ended:\n{self.log.read()[-3000:]}")
        return json.loads(line)

    def _ask(self, **request) -> None:
        self.client.stdin.write(json.dumps(request) + "\n")
        self.client.stdin.flush()
        if error := self._answer().get("error"):
            raise Failed(error)

    def sql(self, *texts: str) -> None:
        self._ask(sql=texts)

    def rows(self, text: str) -> pathlib.Path:
        """The rows of a SELECT, as a Parquet file."""
        out = self.scratch / f"{uuid.uuid4().hex}.parquet"
        self._ask(sql=[text], out=str(out))
        return out

    def read(self, path, version: int | None = None) -> pathlib.Path:
        return self.rows(f"SELECT * FROM {table(path)}" + ("" if version is None else f" VERSION AS OF {version}"))

    def close(self) -> None:
        self.client.stdin.close()
        self.client.wait(timeout=30)
        self.log.close()


def table(path) -> str:
    """A path as a table's name in Spark's SQL."""
    return "delta.`" + str(path).replace("`", "``") + "`"


def start(tmp_path_factory):
    """The fixture of conftest.py: a session on a server of its own, or on the one that `./dev servers up spark` names."""
    for tool in spark_server.Spark.tools:
        if not shutil.which(tool):
            pytest.skip(f"Spark needs {tool}, which is not here: ./dev setup servers installs it")
    server = None
    variables = os.environ
    if "WINDROW_TEST_SPARK_PYTHON" not in variables:
        server = spark_server.Spark(tmp_path_factory.mktemp("servers"))
        server.fetch()
        server.up()
        variables = server.variables()
    try:
        session = Spark(variables, tmp_path_factory.mktemp("spark"))
        yield session
        session.close()
    finally:
        if server:
            server.down()


# --- what others read ---------------------------------------------------------------------------------------------


def windrow_rows(path, version: int | None = None, out: pathlib.Path | None = None) -> pathlib.Path:
    out = out or pathlib.Path(path).parent / f".read-{uuid.uuid4().hex}.parquet"
    words = [lab.PROGRAM, "table", "read", str(path), "--format", "parquet", "--out", str(out), "-q"]
    if version is not None:
        words += ["--version", str(version)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return out


def latest(path) -> int:
    return max(int(file.stem) for file in (pathlib.Path(path) / "_delta_log").glob("*.json") if file.stem.isdigit())


def same_rows(ours, expected, what="") -> None:
    """Two Parquet files hold the same columns (names in order, types) and the same rows, in any order."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def columns(file):
            return connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet('{file}'))").fetchall()

        assert columns(ours) == columns(expected), what
        found = {}
        for a, b, sign in ((ours, expected, "only ours"), (expected, ours, "only theirs")):
            found[sign] = connection.execute(
                f"SELECT COLUMNS(*)::VARCHAR FROM (FROM read_parquet('{a}') EXCEPT ALL FROM read_parquet('{b}') LIMIT 5)").fetchall()
        assert not any(found.values()), f"{what}: {found}"


def agree(spark: Spark, path, versions=None, what="") -> None:
    """Spark and we read the same of the latest version, and of those that are named: else of some, evenly spread."""
    if versions is None:
        last = latest(path)
        versions = sorted({last * step // 4 for step in range(1, 4)})
    for version in [None, *versions]:
        same_rows(windrow_rows(path, version), spark.read(path, version), f"{what} version {version} of {path}")
