"""The Wikipedia example's models after half a percent of new events, beside a full rebuild, at several sizes: CPU, and bytes written.

Its Kafka source is replaced by one of files; models are the example's. Events of thirty days come in the order of their time; what is new is the
next 3.6 hours. 200,000 users, each with a wiki of their own and five others. Both ways give the same tables.
"""
import json
import pathlib
import re
import shutil
import sys

from maintained import cpu

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples/wikipedia"
TABLES = ["hourly_patterns", "hourly_trends", "top_contributors", "language_distribution", "server_rankings"]
BUILT = "silver.* gold.*"
# Of row i of `size` rows in thirty days.
EVENT = """SELECT i AS id, CASE WHEN hash(i * 3) % 20 = 0 THEN 'new' ELSE 'edit' END AS type, 1757894400 + (i * 2592000.0 / {size} + hash(i) % 60)::BIGINT AS timestamp,
    'User' || person AS "user", hash(i * 11) % 5 = 0 AS bot,
    'l' || (pow((wiki % 1000) / 1e3, 2) * 120)::INT || '.' || (['wikipedia', 'wiktionary'])[1 + (hash(wiki) % 20 < 3)::INT] || '.org' AS server_name,
    'Title ' || (hash(i * 29) % 1000000) AS title, (hash(i * 13) % 5000)::BIGINT - 500 AS bytes_changed, '{{"old": 100, "new": 100}}' AS length,
    '{{"id": "' || md5(i::VARCHAR) || '", "domain": "en.wikipedia.org"}}' AS meta, NULL::VARCHAR AS log_params, 'raw' AS kafka_topic, 0 AS kafka_partition, i::BIGINT AS kafka_offset
    FROM (SELECT i, (pow((hash(i * 7) % 1000000) / 1e6, 3) * 200000)::BIGINT AS person,
        hash(person * 31 + CASE WHEN hash(i * 37) % 10 < 8 THEN 0 ELSE hash(i * 19) % 5 END) AS wiki FROM range({first}, {last}) t(i))"""
CHUNK = 500_000


class World:
    def __init__(self, folder: pathlib.Path, program: str, rows: int):
        import duckdb
        self.folder, self.program, self.size, self.events = folder, program, rows, 0
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(EXAMPLE, folder)
        for other in ("publish", "tests"):
            shutil.rmtree(folder / other)
        (folder / "in").mkdir()
        project = (folder / "windrow.yaml").read_text()
        project = re.sub(r"connections:\n(  .*\n)+", "", project)
        project = re.sub(r"environments:.*\n(  .*\n)+", "environments: {dev: {lake: lake, engine: {memory: 4GB, threads: 1}}}\n", project)
        project = re.sub(r"begin:.*", "begin: 2025-09-15", project)
        (folder / "windrow.yaml").write_text(project)
        columns = (EXAMPLE / "sources/raw_events.yaml").read_text().split("columns:\n")[1]
        columns = "".join(line for line in columns.splitlines(True) if not line.startswith("files:"))
        (folder / "sources/raw_events.yaml").write_text('source: bronze.raw_events\nfrom: {files: "in/*.parquet"}\ncolumns:\n' + columns)
        self.db = duckdb.connect()
        self.db.execute("SET threads = 1")

    def come(self, rows: int) -> None:
        """So many more events, in the bronze table."""
        last = self.events + rows
        while self.events < last:
            end = min(last, self.events + CHUNK)
            self.db.execute(f"COPY ({EVENT.format(size=self.size, first=self.events, last=end)}) TO '{self.folder}/in/{self.events:010}.parquet' (FORMAT parquet)")
            self.events = end
        cpu(self.words("run", "-q", "-s", "bronze.raw_events"))

    def words(self, *words: str) -> list[str]:
        return [self.program, "-C", str(self.folder), *words]

    def written(self) -> dict[str, int]:
        return {str(p): p.stat().st_size for layer in ("silver", "gold") for p in (self.folder / "lake" / layer).rglob("*") if p.is_file()}

    def measured(self, *words: str) -> tuple[float, int]:
        """CPU seconds, and bytes of files that came."""
        before = self.written()
        taken = cpu(self.words(*words))
        return taken, sum(size for path, size in self.written().items() if path not in before)

    def operation(self, name: str) -> str:
        """Of the table's last commit: WRITE where it was built whole."""
        log = max((self.folder / f"lake/gold/historical_{name}/_delta_log").glob("*.json"))
        return next(json.loads(line)["commitInfo"]["operation"] for line in log.open() if "commitInfo" in line)

    def tables(self) -> dict[str, list]:
        import deltalake
        out = {}
        for name in TABLES:
            rows = deltalake.DeltaTable(str(self.folder / f"lake/gold/historical_{name}")).to_pyarrow_table().to_pydict()
            out[name] = sorted(map(str, zip(*(rows[c] for c in sorted(rows)))))
        return out


def bench_growth(sizes: list[int], work: pathlib.Path, program: str) -> list[tuple]:
    out, taken = [], {}
    for size in sizes:
        world = World(work / f"growth-{size}", program, size)
        world.come(size)
        cpu(world.words("run", "-q"))
        world.come(size // 200)
        cpu(world.words("run", "-q"))  # sums are made
        world.come(size // 200)
        once, bytes_once = world.measured("run", "-q", "-s", BUILT)
        hows = ", ".join(f"{name} {world.operation(name)}" for name in TABLES)
        there = world.tables()
        full, bytes_full = world.measured("run", "-q", "--full-refresh", "-s", BUILT)
        assert there == world.tables(), size
        taken[size] = once
        grown = f"; {once / taken[size // 10]:.2f} × that of {size // 10:,}" if size // 10 in taken else ""
        out.append((f"Wikipedia, {size:,} events and 0.5 %: CPU of a run", once,
                    f"full {full:.2f} s, {100 * once / full:.1f} %{grown}; {bytes_once / 1e6:.2f} MB written, full {bytes_full / 1e6:.1f} MB, "
                    f"{100 * bytes_once / bytes_full:.1f} %; {hows}"))
        shutil.rmtree(world.folder)
    return out


if __name__ == "__main__":
    for line in bench_growth([int(size) for size in sys.argv[3:]], pathlib.Path(sys.argv[1]), sys.argv[2]):
        print(f"{line[0]}: {line[1]:.3f} s, {line[2]}", flush=True)
