"""What the tests of publishing share: database servers of their own, and projects whose tables they write themselves."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import mariadb as mariadb_server  # noqa: E402  (tests/servers/mariadb.py)
import postgres as postgres_server  # noqa: E402  (tests/servers/postgres.py)


class Client:
    """A database's own client is the judge of what was published: rows as lines, their values with `|` between."""

    kind = ""
    quote = '"'

    def name(self, name: str) -> str:
        return self.quote + name + self.quote

    def rows(self, sql: str) -> list[list[str]]:
        return [line.split("|") for line in self(sql).splitlines()]


class Psql(Client):
    kind = "postgres"

    def __init__(self, url: str):
        self.url = url

    def __call__(self, sql: str, check: bool = True) -> str:
        result = subprocess.run(
            [postgres_server.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql],
            capture_output=True, text=True, timeout=60)
        if check and result.returncode != 0:
            raise AssertionError(f"{sql}\n{result.stderr}")
        return result.stdout.strip() if result.returncode == 0 else "error: " + result.stderr.strip()


class MysqlClient(Client):
    kind = "mysql"
    quote = "`"

    def __init__(self, server: mariadb_server.MariaDB, database: str):
        self.server, self.database = server, database
        self.url = server.variables()["WINDROW_TEST_MYSQL"].rsplit("/", 1)[0] + "/" + database

    def __call__(self, sql: str, check: bool = True) -> str:
        result = subprocess.run(
            self.server.client("--raw", "--default-character-set=utf8mb4", "-D", self.database, "-e", sql),
            capture_output=True, text=True, timeout=60)
        if check and result.returncode != 0:
            raise AssertionError(f"{sql}\n{result.stderr}")
        out = result.stdout.rstrip("\n").replace("\t", "|")
        return out if result.returncode == 0 else "error: " + result.stderr.strip()


def start_postgres():
    if not shutil.which(postgres_server.program("postgres")):
        pytest.skip("PostgreSQL is not here")
    yield from started(postgres_server.Postgres, "windrow-postgres-")


def start_mariadb():
    if not shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip("MariaDB is not here")
    yield from started(mariadb_server.MariaDB, "windrow-mariadb-")


def started(kind, prefix: str):
    """A server for the tests of one file; its folder can be entered by the user that it runs as."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    server = kind(folder)
    server.up()
    yield server
    server.down()
    shutil.rmtree(folder, ignore_errors=True)


def start(kind: str):
    yield from {"postgres": start_postgres, "mysql": start_mariadb}[kind]()


def new_store(server, name: str) -> Client:
    """A database of a test's own, and the client on it."""
    if isinstance(server, postgres_server.Postgres):
        return Psql(new_database(server, name))
    server.sql(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}")
    return MysqlClient(server, name)


def publish_file(*views: str) -> str:
    return "publish: all\nto: serving\nviews:\n" + "".join(f"  - {{{view}}}\n" for view in views)


EVENTS = """/* windrow
build: {merge: {key: [id], latest_by: n}}
*/
SELECT id, ts, kind, n FROM bronze.events
"""
DAILY = """/* windrow
build: {interval: {column: day, grain: day, batch: 100}}
*/
SELECT date_trunc('day', ts) AS day, kind, sum(n)::BIGINT AS total FROM bronze.events
WHERE ts >= $start AND ts < $end GROUP BY ALL
"""


def events_project(folder: pathlib.Path, store: Client, *views: str) -> pathlib.Path:
    return project(folder, f'{{type: {store.kind}, url: "{store.url}"}}', {
        "sources/events.yaml": lab.FILES["sources/events.yaml"],
        "models/silver/events.sql": EVENTS,
        "models/gold/daily.sql": DAILY,
        "publish/all.yaml": publish_file(*views),
    })


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


class CuttingProxy:
    """Passes bytes between windrow and the server; cuts the line when the client says a word, before or after the
    server has heard it."""

    def __init__(self, port: int, word: bytes, deliver: bool):
        self.port, self.word, self.deliver, self.cuts, self.left = port, word, deliver, 0, 1
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.up, args=(client, upstream), daemon=True).start()
            threading.Thread(target=self.down, args=(client, upstream), daemon=True).start()

    def up(self, client, upstream):
        try:
            while data := client.recv(65536):
                if self.word in data and self.left > 0:
                    self.left -= 1
                    self.cuts += 1
                    if self.deliver:
                        client.shutdown(socket.SHUT_WR)  # the answer goes nowhere
                        upstream.sendall(data)
                        time.sleep(0.3)
                    if not self.deliver:
                        client.shutdown(socket.SHUT_RDWR)
                        time.sleep(600)  # the server is not told that its client is gone
                    break
                upstream.sendall(data)
        except OSError:
            pass
        for each in (client, upstream):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def down(client, upstream):
        try:
            while data := upstream.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def publishes_over_a_cut_line(folder: pathlib.Path, store, server, word: bytes, delivered: bool) -> None:
    """`gold.numbers` again, in plain text through a line that is cut at `word`: once whole, whether it was delivered or not."""
    batch(folder, 1)
    lab.windrow(folder, "run")
    before = store("SELECT batch_id FROM windrow_publications")
    batch(folder, 2)
    lab.windrow(folder, "run", "--select", "gold.*")
    proxy = CuttingProxy(server.ports["sql"], word, delivered)
    settings = (folder / "windrow.yaml").read_text()
    through = settings.replace(f":{server.ports['sql']}/", f":{proxy.address}/")
    (folder / "windrow.yaml").write_text(re.sub(r"type: (postgres|mysql),", r"type: \1, tls: off,", through))
    result = lab.windrow(folder, "publish")  # a retry where it was not delivered
    assert proxy.cuts == 1, result.stdout
    assert store("SELECT count(*), min(batch), max(batch) FROM numbers") == "500|2|2"
    assert store("SELECT batch_id FROM windrow_publications") != before
    (folder / "windrow.yaml").write_text(settings)
    assert "up to date" in lab.windrow(folder, "publish", "--dry-run").stdout
