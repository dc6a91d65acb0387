"""Apache Spark with Delta Lake, reached over Spark Connect. Reads and writes local paths and HDFS."""
import pathlib
import re

import fetch
from server import Process, Server, cache, connects

VERSION = "4.2.0"
DELTA_VERSION = "4.4.0"
DELTA = [f"io.delta:delta-spark_4.2_2.13:{DELTA_VERSION}"]


def python_packages() -> pathlib.Path:
    """A virtual environment with pyspark, which carries all of Spark."""
    pins = (fetch.HERE / "spark.requirements.txt").read_text()
    name = f"spark-{VERSION}-{fetch.short_hash(pins)}"
    with fetch.making(name, f"Spark {VERSION} with pip: 450 MB, some minutes") as scratch:
        if scratch:
            # pyspark comes as source: it is built, after the others, with the pinned tools that are among them.
            blocks = re.findall(r"^[a-z].*(?:\n[ ].*)*", pins, re.MULTILINE)
            (scratch / "first.txt").write_text("\n".join(b for b in blocks if not b.startswith("pyspark==")))
            (scratch / "second.txt").write_text("\n".join(b for b in blocks if b.startswith("pyspark==")))
            fetch.run(["python3", "-m", "venv", "--without-pip", "whole"], "make a virtual environment", scratch)
            install = ["python3", "-m", "pip", "--python", "whole/bin/python", "install", "--quiet", "--no-input",
                       "--disable-pip-version-check", "--require-hashes", "--no-deps", "--no-cache-dir"]
            fetch.run([*install, "--only-binary", ":all:", "-r", "first.txt"], "install what Spark needs", scratch)
            fetch.run([*install, "--no-build-isolation", "-r", "second.txt"], "install pyspark", scratch)
    return cache() / name


def delta_jars() -> pathlib.Path:
    return fetch.maven_jars("delta", DELTA_VERSION, DELTA, groups="io.delta,io.unitycatalog")


class Spark(Server):
    name = "spark"
    about = "Apache Spark with Delta Lake, over Spark Connect"
    tools = ("java", "mvn")
    port_names = ("connect",)

    def fetch(self) -> None:
        python_packages()
        delta_jars()

    def processes(self) -> list[Process]:
        venv = python_packages()
        spark_home = next(venv.glob("lib/python3*/site-packages/pyspark"))
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": self.ports["connect"],
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": f"-XX:-UsePerfData -Djava.io.tmpdir={self.home}/tmp",
            "spark.ui.enabled": "false",
            "spark.local.dir": self.home / "tmp",
            "spark.sql.warehouse.dir": self.home / "warehouse",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            # Small tables on a small machine: tasks without work are most of the time otherwise.
            "spark.sql.shuffle.partitions": 2,
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": 2,
            "spark.databricks.delta.snapshotPartitions": 2,
        }
        argv = [str(spark_home / "bin/spark-submit"), "--master", "local[2]", "--driver-memory", "1g",
                "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
                "--jars", ",".join(str(jar) for jar in sorted(delta_jars().glob("*.jar")))]
        for name, value in settings.items():
            argv += ["--conf", f"{name}={value}"]
        main_jar = next(spark_home.glob("jars/spark-connect_*.jar"))
        return [Process("spark", [*argv, str(main_jar)], {
            "SPARK_HOME": str(spark_home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": str(venv / "bin/python"),
        })]

    def missing(self) -> str | None:
        return None if connects(self.ports["connect"]) else "it does not answer"

    def address(self) -> str:
        return f"sc://127.0.0.1:{self.ports['connect']}"

    def variables(self) -> dict[str, str]:
        return {
            "SPARK_REMOTE": self.address(),
            "WINDROW_TEST_SPARK_PYTHON": str(python_packages() / "bin/python"),  # a Python with its client
        }
