"""HDFS: a NameNode and a DataNode, reached over WebHDFS (or the native protocol, from Java)."""
import getpass
import json
import os
import pathlib
import xml.sax.saxutils

import fetch
from server import Process, Server, get

VERSION = "3.5.0"
COORDINATES = [f"org.apache.hadoop:{artifact}:{VERSION}" for artifact in
               ("hadoop-common", "hadoop-hdfs", "hadoop-hdfs-client")]
PACKAGE = "org.apache.hadoop.hdfs.server"
LOG4J = """log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""


def write_site(path: pathlib.Path, settings: dict[str, object]) -> None:
    """A configuration file as Hadoop reads it."""
    rows = "".join(f"<property><name>{name}</name><value>{xml.sax.saxutils.escape(str(value))}</value></property>\n"
                   for name, value in settings.items())
    path.write_text(f"<configuration>\n{rows}</configuration>\n")


class Hdfs(Server):
    name = "hdfs"
    about = "HDFS, one NameNode and one DataNode"
    tools = ("java", "mvn")
    port_names = ("namenode", "namenode_http", "datanode", "datanode_http", "datanode_ipc")

    def fetch(self) -> None:
        fetch.maven_jars("hdfs", VERSION, COORDINATES)

    def prepare(self) -> None:
        conf = self.home / "conf"
        for webapp in ("hdfs", "datanode", "static", "secondary"):  # its web server asks for them
            (conf / "webapps" / webapp).mkdir(parents=True, exist_ok=True)
        (conf / "log4j.properties").write_text(LOG4J)
        at = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        write_site(conf / "core-site.xml", {
            "fs.defaultFS": f"hdfs://{at['namenode']}",
            "hadoop.tmp.dir": self.home / "tmp",
        })
        write_site(conf / "hdfs-site.xml", {
            "dfs.namenode.name.dir": f"file://{self.home}/name",
            "dfs.datanode.data.dir": f"file://{self.home}/data",
            "dfs.replication": 1,
            "dfs.namenode.rpc-address": at["namenode"],
            "dfs.namenode.http-address": at["namenode_http"],
            "dfs.datanode.address": at["datanode"],
            "dfs.datanode.http.address": at["datanode_http"],
            "dfs.datanode.ipc.address": at["datanode_ipc"],
            "dfs.datanode.hostname": "127.0.0.1",
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.namenode.safemode.extension": 0,
            # A DataNode that is gone is noticed after seconds, not after ten minutes.
            "dfs.heartbeat.interval": 1,
            "dfs.namenode.heartbeat.recheck-interval": 1000,
            "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
            # A file is closed when the NameNode has heard of its last block; by default it asks again after 400 ms.
            "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 5,
            "dfs.client.block.write.locateFollowingBlock.retries": 10,
            "dfs.ls.limit": 50,  # so that tests meet a folder that takes several answers
        })
        name_node = self.java("namenode", f"{PACKAGE}.namenode.NameNode", "-format", "-nonInteractive", "-force",
                              "-clusterId", "CID-test")
        fetch.run(name_node.argv, "format the NameNode", self.home, **name_node.env)

    def java(self, process: str, main: str, *words: str) -> Process:
        jars = fetch.maven_jars("hdfs", VERSION, COORDINATES)
        return Process(process, [
            "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
            "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={self.home}/tmp",
            "-cp", f"{self.home}/conf:{jars}/*", main, *words,
        ], {"HADOOP_USER_NAME": user()})

    def processes(self) -> list[Process]:
        return [self.java("namenode", f"{PACKAGE}.namenode.NameNode"),
                self.java("datanode", f"{PACKAGE}.datanode.DataNode")]

    def missing(self) -> str | None:
        answer = get(f"http://127.0.0.1:{self.ports['namenode_http']}/jmx")
        if answer is None:
            return "the NameNode does not answer"
        facts: dict[str, object] = {}
        for bean in json.loads(answer)["beans"]:
            facts |= {key: bean[key] for key in ("NumLiveDataNodes", "Safemode") if key in bean}
        if facts.get("NumLiveDataNodes") != 1:
            return "the DataNode has not reported to the NameNode"
        return "it is in safe mode" if facts.get("Safemode") != "" else None

    def address(self) -> str:
        return f"webhdfs://127.0.0.1:{self.ports['namenode_http']}"

    def variables(self) -> dict[str, str]:
        return {
            "WINDROW_TEST_HDFS": self.address(),
            "WINDROW_TEST_HDFS_RPC": f"hdfs://127.0.0.1:{self.ports['namenode']}",
            "HADOOP_USER_NAME": user(),
        }


def user() -> str:
    """Who starts the NameNode may do everything in it."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()
