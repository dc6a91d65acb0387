"""PostgreSQL 15, the one of Debian, with passwords and TLS. Started as an unprivileged user: it refuses root."""
import os
import pathlib
import shutil
import signal
import subprocess

import certificates
import fetch
from server import Failure, Process, Server

# Debian keeps the server's programs away from the path; each version has a folder.
BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
UNPRIVILEGED = "postgres"


def program(name: str) -> str:
    return str(BIN / name) if (BIN / name).exists() else name


def as_user() -> list[str]:
    """What comes before a command so that root runs it as another user; the same process, so that pids hold."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--init-groups", "--"]


class Postgres(Server):
    name = "postgres"
    about = "PostgreSQL 15, with TLS"
    tools = ("openssl",)
    port_names = ("sql",)
    seconds = 60

    def fetch(self) -> None:
        if shutil.which(program("postgres")) is None:
            raise Failure("PostgreSQL is missing: apt-get install postgresql-15")

    def prepare(self) -> None:
        data = self.home / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(data, UNPRIVILEGED, UNPRIVILEGED)
            if subprocess.run([*as_user(), "test", "-x", str(data)]).returncode != 0:
                raise Failure(f"postgres: the user {UNPRIVILEGED} cannot enter {data}: "
                              "let others enter the folders above it, or set WINDROW_SERVERS to another place")
        fetch.run([*as_user(), program("initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "--locale=C.UTF-8",
                   "-E", "UTF8", "-D", str(data)], "make a cluster of databases", data)
        self.certificates(data)
        settings = {
            "port": self.ports["sql"], "listen_addresses": "'127.0.0.1'", "unix_socket_directories": "''",
            "fsync": "off",  # a killed process loses nothing by it; only a power cut does
            "max_connections": 60, "max_wal_size": "'2GB'", "shared_buffers": "'64MB'", "deadlock_timeout": "'200ms'",
            "ssl": "on", "ssl_cert_file": "'server.crt'", "ssl_key_file": "'server.key'", "timezone": "'UTC'",
            "log_min_messages": "warning",
        }
        with open(data / "postgresql.conf", "a") as conf:
            conf.write("".join(f"{key} = {value}\n" for key, value in settings.items()))
        (data / "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\n"
                                          "host all all 127.0.0.1/32 scram-sha-256\n")

    def certificates(self, data: pathlib.Path) -> None:
        tls = self.home / "tls"
        certificates.make(tls, "server")
        for file in ("server.crt", "server.key"):
            shutil.copy(tls / file, data / file)
            (data / file).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(data / file, UNPRIVILEGED, UNPRIVILEGED)

    def processes(self) -> list[Process]:
        return [Process("postgres", [*as_user(), program("postgres"), "-D", str(self.home / "data")])]

    def missing(self) -> str | None:
        asked = subprocess.run([program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.ports["sql"])])
        return None if asked.returncode == 0 else "it does not answer"

    def stop(self) -> None:
        self.kill("postgres", signal.SIGINT)  # by SIGTERM it would wait until its clients are gone

    def sql(self, statement: str, database: str = "postgres", user: str = "postgres") -> str:
        """Runs statements as the superuser; gives what psql prints."""
        return fetch.run([program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                          "-p", str(self.ports["sql"]), "-U", user, "-d", database, "-c", statement],
                         "run SQL", self.home)

    def provide(self) -> None:
        if not self.sql("SELECT 1 FROM pg_roles WHERE rolname = 'windrow'"):
            self.sql("CREATE ROLE windrow LOGIN CREATEDB PASSWORD 'windrow-test-secret'")
        if not self.sql("SELECT 1 FROM pg_database WHERE datname = 'windrow'"):
            self.sql("CREATE DATABASE windrow OWNER windrow")

    def address(self) -> str:
        return f"postgresql://127.0.0.1:{self.ports['sql']}/windrow"

    def variables(self) -> dict[str, str]:
        port = self.ports["sql"]
        return {
            "WINDROW_TEST_POSTGRES": f"postgresql://windrow:windrow-test-secret@127.0.0.1:{port}/windrow",
            "WINDROW_TEST_POSTGRES_ADMIN": f"postgresql://postgres@127.0.0.1:{port}/windrow",
            "WINDROW_TEST_POSTGRES_CA": str(self.home / "tls/ca.pem"),
        }
