"""Benchmark of `windrow why`: which of a thousand versions changed a row."""
import json
import pathlib
import subprocess
import sys

VERSIONS = 1_000
ROWS = 1_000  # a file
HALF = VERSIONS // 2
PROJECT = {
    "windrow.yaml": "project: thousand\nlayers: {bronze: {}, silver: {}, gold: {}}\n",
    "sources/events.yaml": "source: bronze.events\nfrom: {files: \"in/*.csv\"}\ncolumns: {id: bigint, kind: varchar, n: bigint}\n",
    # Each version writes keys of its own: statistics say which file a key lies in.
    "models/silver/items.sql": "/* windrow\nbuild: {merge: {key: id}}\nnew_rows: bronze.events\n*/\nSELECT id, kind, n FROM bronze.events\n",
    # Each version writes all rows anew, most of them equal: nothing but the rows says which changed.
    "models/gold/kinds.sql": "SELECT kind, min(n) AS least FROM silver.items GROUP BY kind\n",
}
BY_DELTA_RS = """import deltalake, json, sys, pyarrow.dataset as ds
before, changed = [], []
for version in range(int(sys.argv[2])):
    rows = deltalake.DeltaTable(sys.argv[1], version=version).to_pyarrow_dataset().to_table(filter=ds.field("kind") == "k7").to_pylist()
    if rows != before: changed.append(version)
    before = rows
print(json.dumps(changed))
"""


def lake_of(work: pathlib.Path, program: str, put) -> pathlib.Path:
    """A lake in which every table has VERSIONS versions, kept between runs."""
    folder = work / f"why-{VERSIONS}"
    log = folder / f"lake/gold/kinds/_delta_log/{VERSIONS - 1:020}.json"
    if log.exists():
        return folder
    put(folder, PROJECT)
    (folder / "in").mkdir()
    for file in range(VERSIONS):
        # The least of k7 falls at the file in the middle, and at no other.
        lines = [f"{file * ROWS + i},k{i % 20},{-1 if file == HALF and i == 7 else i}" for i in range(ROWS)]
        (folder / f"in/{file:04}.csv").write_text("id,kind,n\n" + "\n".join(lines) + "\n")
        subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL)
    assert log.exists(), "each file is a version"
    return folder


def bench_why(_, work: pathlib.Path, program: str, put, timed) -> list[tuple]:
    folder = lake_of(work, program, put)
    ask = [program, "-C", str(folder), "--json", "why"]
    key = f"id={HALF * ROWS + 7}"
    questions = {"the last versions of a table": ["silver.items"],
                 "a key, statistics settle it": ["silver.items", "--key", key],
                 "a key, and its input down to the file": ["silver.items", "--key", key, "--depth", "3"],
                 "a row of a table that is written whole each time": ["gold.kinds", "--key", "kind=k7", "--depth", "0"],
                 "the same, and what it was built from": ["gold.kinds", "--key", "kind=k7", "--where", "least < 0", "--depth", "3", "--since", str(HALF - 10)]}
    answers = {name: json.loads(subprocess.run([*ask, *words], check=True, capture_output=True, text=True).stdout) for name, words in questions.items()}
    changed = {name: [version["version"] for version in answer["versions"]] for name, answer in answers.items()}
    assert list(changed.values()) == [[*range(VERSIONS - 1, VERSIONS - 6, -1)], [HALF], [HALF], [HALF, 0], [HALF]], changed
    assert answers["a key, statistics settle it"]["looked_at"]["files_read"] == 1, answers
    assert f"{HALF:04}.csv" in json.dumps(answers["a key, and its input down to the file"])
    few = min(50, VERSIONS)
    peer = [sys.executable, "-c", BY_DELTA_RS, str(folder / "lake/gold/kinds"), str(few)]
    found = timed({**{name: [*ask, *words] for name, words in questions.items()}, "peer": peer}, 3)
    out = [(f"why, {VERSIONS:,} versions: {name}", found[name],
            "{files_read:,} of {files_there:,} files".format(**answers[name]["looked_at"]) if "looked_at" in answers[name] else "") for name in questions]
    return [*out, (f"why: delta-rs opens {few} of the versions, one after the other", found["peer"], f"{found['peer'] / few * 1e3:.0f} ms a version")]
