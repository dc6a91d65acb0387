"""Cassandra: one node without users, one with passwords and TLS, and two that are a ring (127.0.0.1 and 127.0.0.2).

A node that was killed comes back with `up`, with its data: its commit log is written before a write is answered.
"""
import os
import pathlib
import time

import certificates
import fetch
from server import Process, Server, connects

VERSION = "5.0.9"
COORDINATES = [f"org.apache.cassandra:cassandra-all:{VERSION}"]
NAME, PASSWORD = "cassandra", "cassandra"  # the user that a new Cassandra has
EXPORTS = ("java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch java.base/java.lang.ref "
           "java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server "
           "java.sql/java.sql jdk.unsupported/sun.misc").split()
OPENS = ("java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref java.base/sun.nio.ch "
         "java.base/jdk.internal.reflect java.base/jdk.internal.math java.base/jdk.internal.module java.base/java.io "
         "java.base/jdk.internal.util.jar java.base/java.nio java.base/java.util java.base/java.util.concurrent "
         "java.base/java.util.concurrent.atomic java.base/java.lang java.base/java.lang.reflect java.base/java.math "
         "java.base/java.net jdk.management/com.sun.management.internal").split()
LOGBACK = """<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder>
<pattern>%date %-5level %logger{0} %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="out"/></root></configuration>
"""
SETTINGS = """cluster_name: {cluster}
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
num_tokens: 1
initial_token: "{token}"
auto_bootstrap: false
listen_address: {host}
storage_port: {storage}
ssl_storage_port: {storage_tls}
start_native_transport: true
rpc_address: {host}
native_transport_port: {port}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "127.0.0.1:{storage}"}}]
commitlog_sync: periodic
commitlog_sync_period: 1000ms
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
memtable_heap_space: 64MiB
memtable_offheap_space: 32MiB
key_cache_size: 1MiB
row_cache_size: 0MiB
counter_cache_size: 0MiB
file_cache_size: 16MiB
networking_cache_size: 16MiB
prepared_statements_cache_size: 1MiB
concurrent_reads: 8
concurrent_writes: 16
concurrent_compactors: 1
compaction_throughput: 0MiB/s
auto_snapshot: false
sasi_indexes_enabled: false
write_request_timeout: 10s
read_request_timeout: 10s
range_request_timeout: 20s
request_timeout: 20s
truncate_request_timeout: 60s
disk_failure_policy: stop
commit_failure_policy: stop
"""
SECURE = """authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
client_encryption_options:
  enabled: true
  optional: false
  keystore: {conf}/node.p12
  keystore_password: windrow-test
  store_type: PKCS12
  require_client_auth: false
"""


class Cassandra(Server):
    name = "cassandra"
    about = "Cassandra, one node"
    tools = ("java", "mvn")
    port_names: tuple[str, ...] = ("cql", "storage", "storage_tls")
    seconds = 120
    nodes = 1
    secure = False

    def __init__(self, folder: pathlib.Path | None = None):
        super().__init__(folder)
        self.begun: dict[str, int] = {}  # where in its log the present start of a process begins

    def fetch(self) -> None:
        fetch.maven_jars("cassandra", VERSION, COORDINATES)

    def prepare(self) -> None:
        if self.secure:
            self.certificates()
        for number in range(self.nodes):
            conf = self.home / f"conf{number}"
            conf.mkdir(parents=True, exist_ok=True)
            (conf / "logback.xml").write_text(LOGBACK)
            text = SETTINGS.format(cluster=f"windrow-{self.name}", host=f"127.0.0.{number + 1}", port=self.ports["cql"],
                                   storage=self.ports["storage"], storage_tls=self.ports["storage_tls"],
                                   token=-(2**63) + 1 + number * (2**64 // self.nodes))
            (conf / "cassandra.yaml").write_text(text + (SECURE.format(conf=self.home / "tls") if self.secure else ""))

    def certificates(self) -> None:
        conf = self.home / "tls"
        certificates.make(conf, "node")
        fetch.run(["openssl", "pkcs12", "-export", "-in", "node.crt", "-inkey", "node.key", "-certfile", "ca.pem", "-out", "node.p12",
                   "-passout", "pass:windrow-test"], "make certificates", conf)

    def processes(self) -> list[Process]:
        jars = fetch.maven_jars("cassandra", VERSION, COORDINATES)
        opened = [word for name in EXPORTS for word in ("--add-exports", f"{name}=ALL-UNNAMED")]
        opened += [word for name in OPENS for word in ("--add-opens", f"{name}=ALL-UNNAMED")]
        out = []
        heap = os.environ.get("WINDROW_CASSANDRA_HEAP", "256m")  # benchmarks take more: else they measure its collections
        for number in range(self.nodes):
            conf = self.home / f"conf{number}"
            agent = next(jars.glob("jamm-*.jar"))
            out.append(Process(f"cassandra{number}", [
                "java", f"-javaagent:{agent}", f"-Xms{heap}", f"-Xmx{heap}", "-XX:MaxDirectMemorySize=128m",
                "-XX:+UseSerialGC", "-XX:-UsePerfData", f"-Djava.io.tmpdir={self.home}/tmp",
                f"-Dcassandra.config=file://{conf}/cassandra.yaml", f"-Dcassandra.storagedir={self.home}/data{number}",
                "-Dcassandra-foreground=yes", "-Dcassandra.skip_wait_for_gossip_to_settle=0",
                "-Dcassandra.ring_delay_ms=100", "-Dcassandra.superuser_setup_delay_ms=0",
                f"-Dlogback.configurationFile={conf}/logback.xml", "-Dio.netty.tryReflectionSetAccessible=true",
                "-Djdk.attach.allowAttachSelf=true", *opened,
                "-cp", f"{conf}:{jars}/*", "org.apache.cassandra.service.CassandraDaemon"]))
        return out

    def start(self, process: Process):
        """One node after the other: a second one that finds no first one gives up."""
        self.begun[process.name] = self.log(process.name).stat().st_size if self.log(process.name).exists() else 0
        out = super().start(process)
        if process.name != f"cassandra{self.nodes - 1}":
            end = time.monotonic() + self.seconds
            while not self.complete(process.name) and out[1].poll() is None and time.monotonic() < end:
                time.sleep(0.1)
        return out

    def complete(self, process: str) -> bool:
        return "Startup complete" in self.log(process).read_text(errors="replace")[self.begun.get(process, 0):]

    def missing(self) -> str | None:
        for number in range(self.nodes):
            process = f"cassandra{number}"
            if self.pid(process) is None:
                return f"{process} does not run"
            if not self.complete(process):
                return f"{process} is starting"
        if self.secure and "Created default superuser role" not in self.log("cassandra0").read_text(errors="replace"):
            return "it has no user yet"
        return None if connects(self.ports["cql"]) else "it does not answer"

    def address(self) -> str:
        return f"127.0.0.1:{self.ports['cql']}"

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_CASSANDRA": self.address()}


class CassandraSecure(Cassandra):
    """With users and passwords, over TLS alone."""

    name = "cassandra-secure"
    about = "Cassandra with passwords, over TLS"
    tools = ("java", "mvn", "openssl")
    secure = True

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_CASSANDRA_SECURE": self.address(),
                "WINDROW_TEST_CASSANDRA_CA": str(self.home / "tls/ca.pem")}


class CassandraRing(Cassandra):
    """Two nodes, each with half of the tokens."""

    name = "cassandra-ring"
    about = "two nodes of Cassandra"
    nodes = 2

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_CASSANDRA_RING": self.address()}
