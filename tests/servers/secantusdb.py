"""MongoDB's protocol as SecantusDB speaks it: users, TLS, transactions, a replica set of one node, fail points.

A beta in Python over WiredTiger, under the GPL: a tool of the tests, never a part of the program.
"""
import subprocess

import certificates
import fetch
from server import Failure, Process, Server, cache, connects

VERSION = "0.7.0b3"
ROOT, PASSWORD = "root", "root secret"  # may do everything
WRITER, WRITER_PASSWORD = "wr", "p@ss/w rd"  # what publishing logs in as; its password has to be percent-encoded


def python_packages():
    """A virtual environment with the server, and pymongo."""
    pins = (fetch.HERE / "secantusdb.requirements.txt").read_text()
    name = f"secantusdb-{VERSION}-{fetch.short_hash(pins)}"
    with fetch.making(name, f"SecantusDB {VERSION} with pip: 100 MB") as scratch:
        if scratch:
            fetch.run(["python3", "-m", "venv", "--without-pip", "whole"], "make a virtual environment", scratch)
            fetch.run(["python3", "-m", "pip", "--python", "whole/bin/python", "install", "--quiet", "--no-input",
                       "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r",
                       fetch.HERE / "secantusdb.requirements.txt"], "install SecantusDB", scratch)
    return cache() / name


class SecantusDB(Server):
    """With users. `tls`: over TLS alone, by an authority of its own."""

    name = "secantusdb"
    about = "SecantusDB: MongoDB's protocol with users, transactions and fail points"
    port_names = ("mongo",)
    seconds = 60
    tls = False

    def fetch(self) -> None:
        python_packages()

    def prepare(self) -> None:
        if self.tls:
            certificates.make(self.home / "tls", "server")
        (self.home / "data").mkdir()
        self.make_users()

    def command(self, *words: str) -> list[str]:
        python = python_packages()
        return [str(python / "bin/python"), str(python / "bin/secantusd-py"), "--host", "127.0.0.1", "--port", str(self.ports["mongo"]),
                "--storage-path", str(self.home / "data"), "--cache-size", "256M", *words]

    def make_users(self) -> None:
        """The first start is without log-in: nobody could log in yet."""
        process, child = self.start(Process("first", self.command()))
        script = ("import sys, time, pymongo\n"
                  "for _ in range(600):\n"
                  "    try:\n"
                  "        client = pymongo.MongoClient(sys.argv[1], serverSelectionTimeoutMS=500); client.admin.command('ping'); break\n"
                  "    except pymongo.errors.PyMongoError: time.sleep(0.1)\n"
                  "client.admin.command('createUser', sys.argv[2], pwd=sys.argv[3], roles=['root'])\n"
                  "client.admin.command('createUser', sys.argv[4], pwd=sys.argv[5], roles=['readWriteAnyDatabase'])\n")
        try:
            result = subprocess.run([python_packages() / "bin/python", "-c", script, f"mongodb://127.0.0.1:{self.ports['mongo']}/?directConnection=true",
                                     ROOT, PASSWORD, WRITER, WRITER_PASSWORD], capture_output=True, text=True, timeout=90)
            if result.returncode != 0:
                raise Failure(f"cannot make users: {result.stderr.splitlines()[-1:]}\n{self.tail('first', 5)}")
        finally:
            self.kill("first", 15)

    def processes(self) -> list[Process]:
        words = ["--auth", "--enable-test-commands"]
        if self.tls:
            words += ["--tls-cert-file", str(self.home / "tls/server.crt"), "--tls-key-file", str(self.home / "tls/server.key")]
        return [Process("secantusdb", self.command(*words))]

    def missing(self) -> str | None:
        return None if connects(self.ports["mongo"]) else "it does not answer"

    def address(self, user: str = "", password: str = "", more: str = "") -> str:
        """Of the writer, or of another."""
        from urllib.parse import quote
        login = f"{quote(user or WRITER, safe='')}:{quote(password or WRITER_PASSWORD, safe='')}@"
        return f"mongodb://{login}127.0.0.1:{self.ports['mongo']}/?authSource=admin{more}"

    def authority(self) -> str:
        return str(self.home / "tls/ca.pem")

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_SECANTUSDB": self.address()}


class SecantusDBTls(SecantusDB):
    name = "secantusdb-tls"
    about = "the same over TLS alone"
    tools = ("openssl",)
    tls = True

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_SECANTUSDB_TLS": self.address(), "WINDROW_TEST_SECANTUSDB_CA": self.authority()}
