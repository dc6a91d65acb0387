"""TPC-H's 22 queries as models, under refreshes like those of its refresh functions: what an incremental build costs beside a full one.

Orders and their lines come and go as dbgen's update sets do: 0.1 % of the orders, of one range of keys (the keys that come lie in the gaps that dbgen
leaves). After each refresh every model equals its query over the tables, computed by DuckDB.
"""
import glob
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

TABLES = ["region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem"]
KEYS = {"orders": "o_orderkey", "lineitem": "l_orderkey"}
FILES = 40  # of each of these two, by ranges of the key


def extension() -> str:
    """DuckDB's tpch: from where TPCH_EXTENSION says, or from its package, which no setup installs."""
    found = [os.environ["TPCH_EXTENSION"]] if "TPCH_EXTENSION" in os.environ else glob.glob(
        os.path.join(sys.prefix, "lib/python3*/site-packages/duckdb_extension_tpch/**/tpch.duckdb_extension"), recursive=True)
    if not found:
        raise SystemExit("bench maintained: DuckDB's extension tpch is not there: pip install duckdb-extension-tpch (of DuckDB's version), "
                         "or name its file in TPCH_EXTENSION")
    return found[0]


def cpu(command: list, **more) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class World:
    def __init__(self, folder: pathlib.Path, program: str, scale: float):
        import duckdb
        self.folder, self.program = folder, program
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "in").mkdir(parents=True)
        self.db = duckdb.connect()
        self.db.execute(f"LOAD '{extension()}'; CALL dbgen(sf={scale})")
        self.queries = dict(self.db.execute("SELECT query_nr, query FROM tpch_queries()").fetchall())
        self.part = max(1, round(self.db.execute("SELECT count(*) FROM orders").fetchone()[0] / 1000))  # of a refresh
        self.turn = 0
        self.write("windrow.yaml", "project: tpch\nbegin: 2026-01-01\nenvironments: {dev: {lake: lake, engine: {memory: 4GB, threads: 1}}}\n")
        for table in TABLES:
            self.db.execute(f"COPY ({self.chunk(table, 0)}) TO '{folder}/in/{table}.parquet' (FORMAT parquet)")
            self.write(f"sources/{table}.yaml", f"source: raw.{table}\nfrom: {{files: \"in/{table}.parquet\"}}\n")
        for number, query in self.queries.items():
            self.write(f"models/q/q{number:02}.sql", self.model(query))

    def chunk(self, table: str, number: int) -> str:
        if table not in KEYS:
            return f"FROM {table}"
        last = self.db.execute("SELECT max(o_orderkey) + 1 FROM orders").fetchone()[0]
        return f"FROM {table} WHERE {KEYS[table]} * {FILES} // {last} = {number} ORDER BY {KEYS[table]}"

    def fill(self) -> None:
        self.windrow("run", "-q", "-s", "layer:raw")
        for number in range(1, FILES):
            for table in KEYS:
                self.append(table, self.chunk(table, number))

    def append(self, table: str, select: str) -> None:
        self.db.execute(f"COPY ({select}) TO '{self.folder}/come.parquet' (FORMAT parquet)")
        subprocess.run([self.program, "table", "write", str(self.folder / "lake/raw" / table), f"FROM '{self.folder}/come.parquet'"],
                       check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def model(self, query: str) -> str:
        """The query as it is, over the lake's tables; columns without a name get one."""
        views = "".join(f"{table} AS (FROM raw.{table}),\n" for table in TABLES if re.search(rf"\b{table}\b", query))
        query = query.strip().rstrip(";")
        named = self.db.execute(f"DESCRIBE {query}").fetchall()
        names = ", ".join(f'"{"".join(c if c.isalnum() else "_" for c in column[0])}"' for column in named)
        body = query[4:].strip() if query.upper().startswith("WITH") else None
        if body is not None:
            return f"WITH {views}{body}\n"
        return f"WITH {views}answer({names}) AS (\n{query}\n)\nFROM answer\n"

    def windrow(self, *words: str) -> str:
        return subprocess.run([self.program, "-C", str(self.folder), *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def refresh(self) -> None:
        """So many orders come, in the gaps of the keys, and as many go."""
        self.turn += 1
        low = self.turn * self.part * 4
        old = f"SELECT o_orderkey FROM orders WHERE o_orderkey % 32 < 8 AND o_orderkey > {low * 4} ORDER BY 1 LIMIT {self.part}"
        self.db.execute(f"CREATE OR REPLACE TABLE come AS SELECT o_orderkey AS k FROM orders WHERE o_orderkey % 32 < 8 AND o_orderkey > {low * 20} ORDER BY 1 LIMIT {self.part}")
        self.db.execute(f"CREATE OR REPLACE TABLE go AS SELECT o_orderkey AS k FROM ({old})")
        for table, key in KEYS.items():
            first, last = self.db.execute("SELECT min(k), max(k) FROM go").fetchone()
            fresh = f"SELECT * REPLACE ({key} + 8 AS {key}) FROM {table} WHERE {key} IN (FROM come)"
            self.append(table, fresh)
            self.db.execute(f"INSERT INTO {table} FROM '{self.folder}/come.parquet'")
            gone = f"{key} BETWEEN {first} AND {last} AND {key} % 32 < 8"
            self.db.execute(f"DELETE FROM {table} WHERE {gone}")
            subprocess.run([self.program, "table", "delete", str(self.folder / "lake/raw" / table), "--where", gone], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def differs(self, number: int) -> bool:
        """From DuckDB's answer, sums of floating-point numbers and averages to twelve digits."""
        import deltalake
        there = deltalake.DeltaTable(str(self.folder / f"lake/q/q{number:02}")).to_pyarrow_table()
        def plain(rows):
            return sorted((tuple(f"{v:.10g}" if isinstance(v, float) else str(v) for v in row) for row in rows))
        columns = [c for c in there.to_pydict().values()]
        return plain(zip(*columns)) != plain(self.db.execute(self.queries[number]).fetchall())


def bench_maintained(scale: float, work: pathlib.Path, program: str) -> list[tuple]:
    world = World(work / f"tpch-{scale}", program, scale)
    world.fill()
    world.windrow("run", "-q")
    world.refresh()
    world.windrow("run", "-q")  # sums are made
    world.refresh()
    idle = cpu([program, "-C", str(world.folder), "run", "-q", "-s", "raw.region"])
    steps = {s["asset"]: s.get("how", "") for s in json.loads(world.windrow("plan", "--json", "-s", "layer:q"))["steps"] if s["reasons"]}
    numbers = {number: f"q.q{number:02}" for number in world.queries}
    kept = [name for name in numbers.values() if name not in steps or (steps[name] != "" and not steps[name].startswith("built whole"))]
    together = cpu([program, "-C", str(world.folder), "run", "-q", "-s", " ".join(kept)])
    world.windrow("run", "-q")
    assert not [name for number, name in numbers.items() if world.differs(number)]
    world.refresh()
    out, alone = [], {}
    for number, name in numbers.items():
        alone[name] = cpu([program, "-C", str(world.folder), "run", "-q", "-s", name]) - idle if name in steps else 0.0
        assert not world.differs(number), name
    for number, name in numbers.items():
        full = cpu([program, "-C", str(world.folder), "run", "-q", "--full-refresh", "-s", name]) - idle
        assert not world.differs(number), name
        how = steps.get(name, "its inputs have not changed")
        out.append((f"TPC-H sf {scale:g}, {name}: CPU of an incremental build", alone[name], f"full {full:.3f} s, {100 * alone[name] / full:.0f} %; {how}"))
    whole = cpu([program, "-C", str(world.folder), "run", "-q", "--full-refresh", "-s", " ".join(kept)])
    out.append((f"TPC-H sf {scale:g}: {len(kept)} of 22 maintained, all equal: CPU of one run", together, f"full {whole:.3f} s, {100 * together / whole:.1f} %"))
    return out


if __name__ == "__main__":
    for line in bench_maintained(float(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]):
        print(f"{line[0]}: {line[1]:.3f} s, {line[2]}")
