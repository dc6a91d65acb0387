"""./dev servers: real servers on loopback for tests and for trying things out. See README.md beside."""
import os
import shlex
import signal
import sys
import time

import fetch
from cassandra_server import Cassandra, CassandraRing, CassandraSecure
from hdfs import Hdfs, HdfsHa, HdfsKerberos
from kafka import Kafka
from mariadb import MariaDB
from minio import Minio
from mongodb import Mongodb
from postgres import Postgres
from secantusdb import SecantusDB, SecantusDBTls
from server import Failure, Server, memory
from spark import Spark

SERVERS: dict[str, type[Server]] = {kind.name: kind for kind in (
    Cassandra, CassandraSecure, CassandraRing, Minio, Hdfs, HdfsHa, HdfsKerberos, Kafka, MariaDB, Mongodb, Postgres,
    SecantusDB, SecantusDBTls, Spark)}
USAGE = """usage: ./dev servers VERB [NAME…]

  up      fetch, start, wait until ready; print addresses and the variables that programs need
  down    stop, remove data and logs
  ps      what runs: processes, memory, ports
  health  ask each: exit code 1 where one cannot be used
  logs    the last lines of each log
"""


def up(servers: list[Server]) -> int:
    fetch.need(tuple(dict.fromkeys(tool for server in servers for tool in server.tools)))
    for server in servers:
        server.fetch()
    for server in servers:
        began = time.monotonic()
        server.up()
        print(f"{server.name}: {server.address()} ready in {time.monotonic() - began:.1f} s", file=sys.stderr)
        for key, value in server.variables().items():
            print(f"export {key}={shlex.quote(value)}")
    return 0


def down(servers: list[Server]) -> int:
    for server in servers:
        if server.home.exists():
            server.down()
            print(f"{server.name}: stopped, its data removed", file=sys.stderr)
    return 0


def ps(servers: list[Server]) -> int:
    for server in servers:
        ports = " ".join(f"{name}={port}" for name, port in server.ports.items())
        for process, pid in server.running().items():
            print(f"{server.name:<10} {process:<12} pid {pid:<8} {memory(pid) >> 20:>5} MB  {ports}")
    return 0


def health(servers: list[Server], named: bool) -> int:
    bad = 0
    for server in servers:
        if not server.home.exists() and not named:
            continue
        lacks = server.missing() if server.ports else "it is not up"
        print(f"{server.name:<10} " + (lacks or f"ready at {server.address()}"))
        bad += lacks is not None
    return 1 if bad else 0


def logs(servers: list[Server]) -> int:
    for server in servers:
        for file in sorted(server.home.glob("log/*.log")):
            print(f"==> {file} <==\n{server.tail(file.stem, 40)}\n")
    return 0


def main(words: list[str]) -> int:
    if not words or words[0] in ("help", "--help", "-h"):
        print(USAGE + "\n" + "".join(f"  {name:<10} {kind.about}\n" for name, kind in SERVERS.items()), end="")
        return 0
    verb, names = words[0], words[1:]
    unknown = [name for name in names if name not in SERVERS]
    if unknown or verb not in ("up", "down", "ps", "health", "logs"):
        wrong = f'server "{unknown[0]}"' if unknown else f'verb "{verb}"'
        print(f"servers: there is no {wrong}\n{USAGE}\nservers: {', '.join(SERVERS)}", file=sys.stderr)
        return 2
    servers = [SERVERS[name]() for name in names or SERVERS]
    try:
        if verb == "health":
            return health(servers, bool(names))
        return {"up": up, "down": down, "ps": ps, "logs": logs}[verb](servers)
    except Failure as failure:
        print("servers: " + str(failure), file=sys.stderr)
        return 1


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
