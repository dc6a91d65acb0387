"""Kafka: one node in KRaft mode. Plain, with a password (PLAIN, SCRAM), and with a password over TLS.

A broker that was killed comes back with `up`, with its data. Users of both mechanisms: NAME and PASSWORD below.
"""
import base64
import socket
import uuid

import certificates
import fetch
from server import Process, Server

VERSION = "4.3.1"
COORDINATES = [f"org.apache.kafka:kafka_2.13:{VERSION}", f"org.apache.kafka:kafka-tools:{VERSION}",
               "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"]
NAME, PASSWORD = "windrow-test", "windrow-test-secret"
LOG4J = """<Configuration status="warn"><Appenders><Console name="out"><PatternLayout pattern="%d %p %c{2}: %m%n"/></Console>
</Appenders><Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""


class Kafka(Server):
    name = "kafka"
    about = "Kafka, one node"
    tools = ("java", "mvn", "openssl")
    port_names = ("plain", "sasl", "tls", "controller")
    seconds = 60

    def fetch(self) -> None:
        fetch.maven_jars("kafka", VERSION, COORDINATES)

    def prepare(self) -> None:
        conf = self.home / "conf"
        conf.mkdir(exist_ok=True)
        (conf / "log4j2.xml").write_text(LOG4J)
        self.certificates()
        plain = ('org.apache.kafka.common.security.plain.PlainLoginModule required '
                 f'username="{NAME}" password="{PASSWORD}" user_{NAME}="{PASSWORD}";')
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        at = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{at['controller']}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAIN://{at['plain']},SASL://{at['sasl']},TLS://{at['tls']},CONTROLLER://{at['controller']}",
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAIN",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            **{f"listener.name.{listener}.{mechanism}.sasl.jaas.config": module
               for listener in ("sasl", "tls")
               for mechanism, module in (("plain", plain), ("scram-sha-256", scram), ("scram-sha-512", scram))},
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": conf / "broker.pem",
            "log.dirs": self.home / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "offsets.topic.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "log.cleaner.dedupe.buffer.size": 16777216,
            "auto.create.topics.enable": "false",
        }
        (conf / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        tool = self.java("format", "kafka.tools.StorageTool", "format", "-t", identity, "--ignore-formatted",
                         "-c", str(conf / "server.properties"),
                         *(word for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                           for word in ("--add-scram", f"{mechanism}=[name={NAME},password={PASSWORD}]")))
        fetch.run(tool.argv, "format the storage", self.home)

    def certificates(self) -> None:
        conf = self.home / "conf"
        certificates.make(conf, "broker")
        (conf / "broker.pem").write_text((conf / "broker.key").read_text() + (conf / "broker.crt").read_text() +
                                         (conf / "ca.pem").read_text())

    def java(self, process: str, main: str, *words: str) -> Process:
        jars = fetch.maven_jars("kafka", VERSION, COORDINATES)
        return Process(process, ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                 "-XX:-UsePerfData", f"-Djava.io.tmpdir={self.home}/tmp",
                                 "-cp", f"{self.home}/conf:{jars}/*", main, *words])

    def processes(self) -> list[Process]:
        return [self.java("kafka", "kafka.Kafka", str(self.home / "conf/server.properties"))]

    def missing(self) -> str | None:
        """Asks it which versions of requests it knows, as every client does first."""
        request = b"\x00\x12\x00\x00\x00\x00\x00\x01" + b"\x00\x07windrow"  # ApiVersions, version 0
        try:
            with socket.create_connection(("127.0.0.1", self.ports["plain"]), 2) as connection:
                connection.settimeout(2)
                connection.sendall(len(request).to_bytes(4, "big") + request)
                answer = connection.recv(10)
        except OSError:
            return "it does not answer"
        if len(answer) < 10 or answer[8:10] != b"\x00\x00":
            return "it does not answer as Kafka does"
        return None if "Kafka Server started" in self.log("kafka").read_text(errors="replace") else "it is starting"

    def address(self) -> str:
        return f"127.0.0.1:{self.ports['plain']}"

    def variables(self) -> dict[str, str]:
        return {
            "KAFKA_BROKERS": self.address(),
            "WINDROW_TEST_KAFKA_SASL": f"127.0.0.1:{self.ports['sasl']}",
            "WINDROW_TEST_KAFKA_TLS": f"127.0.0.1:{self.ports['tls']}",
            "WINDROW_TEST_KAFKA_CA": str(self.home / "conf/ca.pem"),
        }
