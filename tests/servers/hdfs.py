"""HDFS: a NameNode and a DataNode, reached over WebHDFS (or the native protocol, from Java)."""
import getpass
import json
import os
import pathlib
import shutil
import subprocess
import time
import xml.sax.saxutils

import fetch
import kerberos
from server import Process, Server, connects, get

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
    host = "127.0.0.1"

    def fetch(self) -> None:
        fetch.maven_jars("hdfs", VERSION, COORDINATES)

    def prepare(self) -> None:
        at = {name: f"{self.host}:{port}" for name, port in self.ports.items()}
        self.write_conf("conf", f"hdfs://{at['namenode']}", at, {
            "dfs.namenode.name.dir": f"file://{self.home}/name",
            "dfs.namenode.rpc-address": at["namenode"],
            "dfs.namenode.http-address": at["namenode_http"],
        })
        self.format("conf")

    def write_conf(self, folder: str, default: str, at: dict[str, str], more: dict[str, object]) -> None:
        conf = self.home / folder
        for webapp in ("hdfs", "datanode", "static", "secondary"):  # its web server asks for them
            (conf / "webapps" / webapp).mkdir(parents=True, exist_ok=True)
        (conf / "log4j.properties").write_text(LOG4J)
        write_site(conf / "core-site.xml", {"fs.defaultFS": default, "hadoop.tmp.dir": self.home / "tmp"})
        write_site(conf / "hdfs-site.xml", {
            "dfs.datanode.data.dir": f"file://{self.home}/data",
            "dfs.replication": 1,
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
            **more,
        })

    def format(self, conf: str) -> None:
        name_node = self.java("format", f"{PACKAGE}.namenode.NameNode", "-format", "-nonInteractive", "-force",
                              "-clusterId", "CID-test", conf=conf)
        fetch.run(name_node.argv, "format the NameNode", self.home, **name_node.env)

    def java(self, process: str, main: str, *words: str, conf: str = "conf") -> Process:
        jars = fetch.maven_jars("hdfs", VERSION, COORDINATES)
        return Process(process, [
            "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
            "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={self.home}/tmp",
            "-cp", f"{self.home}/{conf}:{jars}/*", main, *words,
        ], {"HADOOP_USER_NAME": user()})

    def processes(self) -> list[Process]:
        return [self.java("namenode", f"{PACKAGE}.namenode.NameNode"),
                self.java("datanode", f"{PACKAGE}.datanode.DataNode")]

    def missing(self) -> str | None:
        return self.lacks(self.ports["namenode_http"])

    def ask(self, url: str) -> bytes | None:
        return get(url)

    def lacks(self, http_port: int) -> str | None:
        """What a cluster with this active NameNode still lacks."""
        answer = self.ask(f"http://{self.host}:{http_port}/jmx")
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


class HdfsHa(Hdfs):
    """Two NameNodes, one of them active; the log of changes lies in a folder that both see."""

    name = "hdfs-ha"
    about = "HDFS, two NameNodes (one on standby) and one DataNode"
    port_names = ("nn1", "nn1_http", "nn2", "nn2_http", "datanode", "datanode_http", "datanode_ipc")

    def prepare(self) -> None:
        at = {name: f"{self.host}:{port}" for name, port in self.ports.items()}
        shared = {
            "dfs.nameservices": "ha",
            "dfs.ha.namenodes.ha": "nn1,nn2",
            "dfs.namenode.shared.edits.dir": f"file://{self.home}/shared",
            "dfs.ha.fencing.methods": "shell(/bin/true)",
            "dfs.ha.tail-edits.period": "1s",
            "dfs.client.failover.proxy.provider.ha":
                "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
            **{f"dfs.namenode.rpc-address.ha.{node}": at[node] for node in ("nn1", "nn2")},
            **{f"dfs.namenode.http-address.ha.{node}": at[f"{node}_http"] for node in ("nn1", "nn2")},
        }
        for node in ("nn1", "nn2"):
            self.write_conf(f"conf-{node}", "hdfs://ha", at, {
                **shared, "dfs.ha.namenode.id": node, "dfs.namenode.name.dir": f"file://{self.home}/name-{node}"})
        self.write_conf("conf", "hdfs://ha", at, shared)
        self.format("conf-nn1")
        shutil.copytree(self.home / "name-nn1", self.home / "name-nn2")

    def processes(self) -> list[Process]:
        nodes = [self.java(node, f"{PACKAGE}.namenode.NameNode", conf=f"conf-{node}") for node in ("nn1", "nn2")]
        return [*nodes, self.java("datanode", f"{PACKAGE}.datanode.DataNode")]

    def state(self, node: str) -> str:
        """`active`, `standby`, or empty where it does not answer."""
        bean = "Hadoop:service=NameNode,name=NameNodeStatus"
        answer = self.ask(f"http://{self.host}:{self.ports[f'{node}_http']}/jmx?qry={bean}")
        beans = json.loads(answer)["beans"] if answer else []
        return beans[0].get("State", "") if beans else ""

    def make_active(self, node: str) -> None:
        # Forced: the other one may be gone, and is not asked.
        admin = self.java("admin", "org.apache.hadoop.hdfs.tools.DFSHAAdmin", "-transitionToActive", "--forceactive",
                          node)
        fetch.run(admin.argv, f"make {node} active", self.home, **admin.env)

    def missing(self) -> str | None:
        states = {node: self.state(node) for node in ("nn1", "nn2")}
        if "" in states.values():
            return "a NameNode does not answer"
        if "active" not in states.values():
            self.make_active("nn1")
        active = "nn1" if self.state("nn1") == "active" else "nn2"
        return self.lacks(self.ports[f"{active}_http"])

    def address(self) -> str:
        return "webhdfs://" + ",".join(f"{self.host}:{self.ports[f'{node}_http']}" for node in ("nn1", "nn2"))

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_HDFS_HA": self.address(), "HADOOP_CONF_DIR": str(self.home / "conf"),
                "HADOOP_USER_NAME": user()}


class HdfsKerberos(HdfsHa):
    """The same with Kerberos: SPNEGO, delegation tokens, and a KDC beside. `tester` may do everything in it."""

    name = "hdfs-kerberos"
    about = "HDFS with two NameNodes and Kerberos"
    tools = ("java", "mvn", "curl", *kerberos.TOOLS)
    port_names = (*HdfsHa.port_names, "kdc")
    host = "localhost"  # Kerberos knows it by its name

    @property
    def kdc(self) -> kerberos.Kdc:
        return kerberos.Kdc(self.home / "kdc", self.ports["kdc"])

    def prepare(self) -> None:
        self.kdc.create({"service": ["HTTP/localhost", "nn/localhost", "dn/localhost"], "tester": ["tester"]})
        _, child = self.start(self.kdc.process())  # whoever formats the storage logs in too
        end = time.monotonic() + 20
        while not connects(self.ports["kdc"]) and child.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        super().prepare()

    def write_conf(self, folder: str, default: str, at: dict[str, str], more: dict[str, object]) -> None:
        keytab = self.kdc.keytab("service")
        super().write_conf(folder, default, at, {
            **more,
            "dfs.datanode.hostname": "localhost",
            "dfs.block.access.token.enable": "true",
            "ignore.secure.ports.for.testing": "true",  # else it wants ports below 1024, or https
            "dfs.namenode.kerberos.principal": f"nn/localhost@{kerberos.REALM}",
            "dfs.namenode.keytab.file": keytab,
            "dfs.datanode.kerberos.principal": f"dn/localhost@{kerberos.REALM}",
            "dfs.datanode.keytab.file": keytab,
            "dfs.web.authentication.kerberos.principal": f"HTTP/localhost@{kerberos.REALM}",
            "dfs.web.authentication.kerberos.keytab": keytab,
        })
        rules = [f"RULE:[2:$1@$0]({service}@{kerberos.REALM})s/.*/{user()}/" for service in ("nn", "dn")]
        write_site(self.home / folder / "core-site.xml", {
            "fs.defaultFS": default, "hadoop.tmp.dir": self.home / "tmp",
            "hadoop.security.authentication": "kerberos",
            "hadoop.security.authorization": "true",
            "hadoop.http.authentication.type": "kerberos",
            "hadoop.http.authentication.simple.anonymous.allowed": "false",
            "hadoop.http.authentication.kerberos.principal": f"HTTP/localhost@{kerberos.REALM}",
            "hadoop.http.authentication.kerberos.keytab": self.kdc.keytab("service"),
            "hadoop.security.auth_to_local": "\n".join([*rules, "DEFAULT"]),
            "hadoop.user.group.static.mapping.overrides": f"tester=supergroup;{user()}=supergroup",
        })

    def java(self, process: str, main: str, *words: str, conf: str = "conf") -> Process:
        out = super().java(process, main, *words, conf=conf)
        out.argv.insert(1, f"-Djava.security.krb5.conf={self.kdc.env['KRB5_CONFIG']}")
        out.env |= self.kdc.env
        if process == "admin":
            out.env |= self.kdc.ticket("service", "nn/localhost", self.home / "tmp/admin.ticket")
        return out

    def processes(self) -> list[Process]:
        return [self.kdc.process(), *super().processes()]

    def ask(self, url: str) -> bytes | None:
        """With a ticket, as curl does it."""
        env = {**os.environ, **self.kdc.env, "KRB5CCNAME": f"FILE:{self.home}/tmp/look.ticket"}
        if not self.kdc.valid(env):
            self.kdc.ticket("tester", "tester", self.home / "tmp/look.ticket")
        answer = subprocess.run(["curl", "-sf", "-m", "3", "--negotiate", "-u", ":", url], capture_output=True, env=env)
        return answer.stdout if answer.returncode == 0 else None

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_HDFS_KERBEROS": self.address(), "KRB5_CONFIG": self.kdc.env["KRB5_CONFIG"]}


def user() -> str:
    """Who starts the NameNode may do everything in it."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()
