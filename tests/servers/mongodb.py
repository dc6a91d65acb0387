"""The protocol of MongoDB as mongo-java-server speaks it: an emulator in memory, for want of the real one.

It has bulk writes, indexes, find, sort, aggregates and TLS. It has no users, no transactions, and forgets all when it
stops: what depends on those is not shown by tests on it.
"""
import fetch
from server import Process, Server, connects

VERSION = "1.47.0"
COORDINATES = [f"de.bwaldvogel:mongo-java-server:{VERSION}", "org.slf4j:slf4j-nop:2.0.17",
               # Runs the few lines that start it: its own main takes no port.
               "org.apache-extras.beanshell:bsh:2.0b6"]
SCRIPT = """
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
server = new MongoServer(new MemoryBackend());
server.bind("127.0.0.1", PORT);
Thread.currentThread().join();
"""


class Mongodb(Server):
    name = "mongodb"
    about = "an emulator of MongoDB, in memory"
    tools = ("java", "mvn")
    port_names = ("mongo",)
    seconds = 30

    def fetch(self) -> None:
        fetch.maven_jars("mongodb", VERSION, COORDINATES)

    def prepare(self) -> None:
        (self.home / "start.bsh").write_text(SCRIPT.replace("PORT", str(self.ports["mongo"])))

    def processes(self) -> list[Process]:
        jars = fetch.maven_jars("mongodb", VERSION, COORDINATES)
        return [Process("mongodb", ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                                    f"{jars}/*", "bsh.Interpreter", str(self.home / "start.bsh")])]

    def missing(self) -> str | None:
        return None if connects(self.ports["mongo"]) else "it does not answer"

    def address(self) -> str:
        return f"mongodb://127.0.0.1:{self.ports['mongo']}"

    def variables(self) -> dict[str, str]:
        return {"WINDROW_TEST_MONGODB": self.address()}
