"""MariaDB, the one of Debian, with passwords and TLS. A cluster of its own, beside whatever the package started."""
import os
import pathlib
import shutil
import subprocess

import certificates
import fetch
from server import Failure, Process, Server

UNPRIVILEGED = "mysql"


class MariaDB(Server):
    name = "mariadb"
    about = "MariaDB 10.11, with TLS"
    tools = ("openssl",)
    port_names = ("sql",)
    seconds = 60

    def fetch(self) -> None:
        if shutil.which("mariadbd") is None and not pathlib.Path("/usr/sbin/mariadbd").exists():
            raise Failure("MariaDB is missing: apt-get install mariadb-server")

    def user(self) -> list[str]:
        return [f"--user={UNPRIVILEGED}"] if os.geteuid() == 0 else []

    def prepare(self) -> None:
        data = self.home / "data"
        data.mkdir(mode=0o700)
        certificates.make(self.home / "tls", "server")
        if os.geteuid() == 0:
            for path in (data, self.home / "tls", self.home / "tls/server.key", self.home / "tmp"):
                shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        fetch.run(["mariadb-install-db", "--no-defaults", *self.user(), f"--datadir={data}", "--skip-test-db",
                   "--auth-root-authentication-method=normal"], "make a cluster of databases", self.home)

    def processes(self) -> list[Process]:
        tls = self.home / "tls"
        return [Process("mariadbd", [
            shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", *self.user(), f"--datadir={self.home / 'data'}",
            "--bind-address=127.0.0.1", f"--port={self.ports['sql']}", f"--socket={self.socket()}",
            f"--pid-file={self.home / 'data/pid'}", f"--ssl-ca={tls / 'ca.pem'}", f"--ssl-cert={tls / 'server.crt'}",
            f"--ssl-key={tls / 'server.key'}", "--innodb-flush-log-at-trx-commit=0",  # a killed process loses nothing by it
            "--innodb-buffer-pool-size=64M", "--character-set-server=latin1", "--max-connections=80"])]

    def socket(self) -> str:
        return f"/tmp/windrow-mariadb-{self.ports['sql']}.sock"  # a path of more than 107 bytes is none

    def client(self, *words: str) -> list[str]:
        return ["mariadb", "--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", str(self.ports["sql"]), "-u", "root", "-N",
                "--batch", *words]

    def missing(self) -> str | None:
        asked = subprocess.run(self.client("-e", "SELECT 1"), capture_output=True)
        return None if asked.returncode == 0 else "it does not answer"

    def sql(self, statement: str) -> str:
        """Runs statements as the superuser; gives what the client prints."""
        return fetch.run(self.client("-e", statement), "run SQL", self.home)

    def provide(self) -> None:
        self.sql("CREATE USER IF NOT EXISTS windrow@'127.0.0.1' IDENTIFIED BY 'windrow-test-secret'; "
                 "CREATE DATABASE IF NOT EXISTS windrow; GRANT ALL ON *.* TO windrow@'127.0.0.1'")

    def address(self) -> str:
        return f"mysql://127.0.0.1:{self.ports['sql']}/windrow"

    def variables(self) -> dict[str, str]:
        return {
            "WINDROW_TEST_MYSQL": f"mysql://windrow:windrow-test-secret@127.0.0.1:{self.ports['sql']}/windrow",
            "WINDROW_TEST_MYSQL_CA": str(self.home / "tls/ca.pem"),
        }
