"""`$file` and `$line`: the line of the file that a row names is the one in which its record begins. This script looks
the lines up by itself: whatever the program thinks of a file, the identifier of the row has to stand there."""
import codecs
import gzip
import random
import re

import polars
import pyarrow
import pyarrow.parquet
import pytest

import lab
from files_test import project, table, xlsx

COLUMNS = 'columns:\n  source_file: {type: varchar, value: "$file"}\n  source_line: {type: bigint, value: "$line"}\n'
BREAK = re.compile("\r\n|\n|\r")


def lines_of(path, encoding: str = "utf-8") -> list[str]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    text = data.decode(encoding, errors="replace")
    return BREAK.split(text.removeprefix("\ufeff"))


def judge(folder, good: dict[str, list[str]], encoding: str = "utf-8", begins: str = "{}") -> None:
    """Of each file (by its path in the project) the identifiers of its good records: each is a row once, and stands at the
    beginning of the line that the row names."""
    found: dict[str, list[str]] = {name: [] for name in good}
    lines = {name: lines_of(folder / name, encoding) for name in good}
    for row in table(folder).to_pylist():
        name, line, key = row["source_file"], row["source_line"], str(row["id"])
        found[name].append(key)
        text = lines[name][line - 1]
        assert text.lstrip(" [,").startswith(begins.format(key)), (name, line, key, text)
    rejected = table(folder, "bronze.t_rejected").to_pylist() if lab.table_path(folder, "bronze.t_rejected").exists() else []
    whole = {row["origin"] for row in rejected if row["position"] == 0}
    assert len(whole) < len(good)
    for name, keys in good.items():
        if name.removeprefix("data/") in whole:  # its columns cannot be told
            continue
        assert sorted(found[name]) == sorted(keys), name


class Records:
    """CSV with everything that moves a record away from the line of its number."""

    def __init__(self, seed: int, header: bool, end: str) -> None:
        self.random, self.header, self.end = random.Random(seed), header, end
        self.good: list[str] = []

    def text(self, name: str, count: int) -> str:
        out = ["id,name,n"] if self.header else []
        for i in range(count):
            key = f"{name}{i:05}"
            kind = self.random.choices(["plain", "lines", "blank", "misfit", "wide", "open"], [80, 8, 4, 3, 2, 2])[0]
            if kind == "blank":
                out.append("")
            elif kind == "misfit":
                out.append(f"{key},a,none")
                continue
            elif kind == "wide":
                out.append(f"{key},a,1,2")
                continue
            elif kind == "open":
                out.append(f'{key},"not closed,1')
                continue
            value = f'"a{self.end}b ""{i}""{self.end * self.random.randint(0, 2)}c"' if kind == "lines" else f"x{i}"
            out.append(f"{key},{value},{i}")
            self.good.append(key)
        return self.end.join(out) + self.random.choice(["", self.end])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [True, False])
def test_csv(tmp_path, header, end):
    names = "" if header else ', csv: {header: false, names: [id, name, n]}'
    folder = project(tmp_path / "p", '"data/**/*"', "format: csv\n" + COLUMNS + "  id: varchar\n  n: bigint\n", from_more=names)
    good = {}
    for i, (name, mark) in enumerate([("a.csv", ""), ("b.csv", "\ufeff"), ("deep/c.csv.gz", ""), ("deep/er/d.csv", "")]):
        records = Records(i, header, end)
        data = (mark + records.text(f"r{i}_", 300)).encode()
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        good["data/" + name] = records.good
    lab.windrow(folder, "run")
    judge(folder, good)


@pytest.mark.parametrize("header", [True, False])
def test_files_that_are_clean(tmp_path, header):
    """Nothing is set aside, so that nothing but the lines asks for a copy."""
    folder = project(tmp_path / "p", '"data/*.csv"', COLUMNS + ("" if header else "  id: varchar\n"),
                     from_more="" if header else ", csv: {header: false, names: [id, day, n]}")
    good = {}
    for i in range(3):
        keys = [f"k{i}_{j}" for j in range(500)]
        body = [f"{key},{j % 28 + 1:02}/0{i + 1}/2025,{j}" for j, key in enumerate(keys)]
        (folder / f"data/f{i}.csv").write_text("\n".join((["id,day,n"] if header else []) + body) + "\n")
        good[f"data/f{i}.csv"] = keys
    lab.windrow(folder, "run")
    judge(folder, good)
    assert {type(day).__name__ for day in table(folder)["day"].to_pylist()} == {"date"}


def test_many_small_files_read_together(tmp_path):
    folder = project(tmp_path / "p", '"data/*.csv"', COLUMNS, from_more=", batch_files: 30")
    good, columns = {}, ["id,v,w", "id,w,v", "id,v"]
    for i in range(90):
        keys = [f"k{i}_{j}" for j in range(i % 5 + 1)]
        width = columns[i % 3].count(",")
        value = ["7", "2025-01-02", "text", "1.5"][i % 4]
        (folder / f"data/f{i:02}.csv").write_text("\n".join([columns[i % 3]] + [key + f",{value}" * width + "\n" * (i % 2) for key in keys]))
        good[f"data/f{i:02}.csv"] = keys
    lab.windrow(folder, "run")
    judge(folder, good)


def test_csv_with_lines_before_the_header_and_comments(tmp_path):
    folder = project(tmp_path / "p", '"data/*.csv"', COLUMNS + "  id: varchar\n  n: bigint\n",
                     from_more=', csv: {skip: 3, comment: "#", delimiter: ";", nulls: ["5", "6", "7"]}')
    body = "made by hand\n\nand by \"nobody\nid;n\n# nothing\nr1;1\n\nr2;5\n#\n#\nr3;\"3\"\nr4;6\nr5;x\nr6;9 # behind\n"
    (folder / "data/a.csv").write_text(body)
    lab.windrow(folder, "run")
    judge(folder, {"data/a.csv": ["r1", "r2", "r3", "r4", "r6"]})
    rejected = table(folder, "bronze.t_rejected").to_pylist()
    assert [row["position"] for row in rejected] == [body.split("\n").index("r5;x") + 1]


@pytest.mark.parametrize("how", ["little, marked", "big, marked", "little"])
def test_utf_16(tmp_path, how):
    folder = project(tmp_path / "p", '"data/*.csv*"', COLUMNS + "  id: varchar\n  n: bigint\n", from_more=", csv: {encoding: utf-16}")
    text = 'id,name,n\r\nr1,ä,1\r\n\r\nr2,"😀\r\nß",2\r\nr3,x,none\r\nr4,漢,4\r\nr5,"open,5\r\nr6,z,6\r\n'
    name = "utf-16-be" if how.startswith("big") else "utf-16-le"
    data = (codecs.BOM_UTF16_BE if name.endswith("be") else codecs.BOM_UTF16_LE) * how.endswith("marked") + text.encode(name)
    (folder / "data/a.csv").write_bytes(data)
    (folder / "data/b.csv.gz").write_bytes(gzip.compress(data))
    lab.windrow(folder, "run")
    encoding = "utf-16" if how.endswith("marked") else name
    judge(folder, {"data/a.csv": ["r1", "r2", "r4", "r6"], "data/b.csv.gz": ["r1", "r2", "r4", "r6"]}, encoding)
    assert {row["name"] for row in table(folder).to_pylist()} == {"ä", "😀\r\nß", "漢", "z"}
    rejected = {(row["origin"], row["position"]) for row in table(folder, "bronze.t_rejected").to_pylist()}
    assert rejected == {(name, line) for name in ("a.csv", "b.csv.gz") for line in (6, 8)}


def test_half_a_character_of_utf_16(tmp_path):
    folder = project(tmp_path / "p", '"data/*.csv"', "columns: {id: varchar}\n", from_more=", csv: {encoding: utf-16}")
    data = "id,n\nr1,1\nr2,".encode("utf-16-le") + b"\x00\xd8" + "\nr3,3\nr4,4\nr5,".encode("utf-16-le") + b"\x41"
    (folder / "data/a.csv").write_bytes(data)
    lab.windrow(folder, "run")
    assert sorted(row["id"] for row in table(folder).to_pylist()) == ["r1", "r3", "r4"]
    assert [(row["position"], row["error"]) for row in table(folder, "bronze.t_rejected").to_pylist()] == [(3, "invalid UTF-8"), (6, "invalid UTF-8")]


JSON = {
    "lines.jsonl": '{"id": "KEY", "n": 1}\n\n\n   {"id": "KEY", "n": 2}\r\n{"id": "bad\n{"id": "KEY"}\r{"id": "KEY"}\n7\n{"n": 3, "id": "KEY"}',
    "packed.jsonl.gz": '\n{"id": "KEY"}\n{"id": "KEY"}\n',
    "marked.jsonl": '\ufeff{"id": "KEY"}\n{"id": "KEY"}\n',
    "array.json": '[\n{"id": "KEY"},\n  {"id": "KEY", "l": [1,\n2]},{"id": "KEY"}\n\n, {"id": "KEY"}]',
    "one.json": '[{"id": "KEY"},{"id": "KEY"}]\n',
    "returns.json": '[\r{"id": "KEY"},\r\n{"id": "KEY"}\r\n]',
    "broken.json": '[\n{"id": "KEY"},\n\n{"id": ,},\n{"id": "KEY"},\n',
    "objects.json": '{"id": "KEY",\n "n": 1}\n\n{"id": "KEY",\n"n": {"a":\n2}} {"id": "KEY",\n"n": 3}\n',
}


@pytest.mark.parametrize("more", ["  id: varchar\n", "  id: varchar\nraw: whole\n", "", "  n: bigint\n"])
def test_json(tmp_path, more):
    for files in [[name] for name in JSON] + [list(JSON)]:
        folder = project(tmp_path / "_".join(files)[:40], '"data/*"', "format: json\n" + COLUMNS + more)
        good, count = {}, 0
        for name in files:
            keys = []
            def key(_):
                nonlocal count
                count += 1
                keys.append(f"k{count}")
                return keys[-1]
            text = re.sub("KEY", key, JSON[name])
            data = text.encode()
            (folder / "data" / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
            good["data/" + name] = keys
        if more == "  n: bigint\n":  # one of the records has another n
            good = {name: [k for k in keys if not (name.endswith("objects.json") and k == keys[1])] for name, keys in good.items()}
        lab.windrow(folder, "run")
        found = {name: [] for name in good}
        for row in table(folder).to_pylist():
            name, line, key = row["source_file"], row["source_line"], row["id"]
            found[name].append(key)
            # Of several records on one line each is on it; a record that has no key before its first end of line begins there.
            assert f'"{key}"' in lines_of(folder / name)[line - 1], (name, line, key)
            if "raw" in more:
                text = (folder / name).read_bytes()
                text = (gzip.decompress(text) if name.endswith(".gz") else text).decode()
                assert row["whole"] in text, row["whole"]
        assert {name: sorted(keys) for name, keys in found.items()} == {name: sorted(keys) for name, keys in good.items()}


def test_text(tmp_path):
    folder = project(tmp_path / "p", '"data/*.log"', "format: text\n" + COLUMNS + "  n: bigint\n",
                     from_more=r", skip: 2, pattern: '^(?P<id>\w+) (?P<n>\S+)$'")
    (folder / "data/a.log").write_text("head\n\nhead\n\nr1 1\nnonsense\n   \nr2 x\nr3 3\r\nr4 4\rr5 5\n")
    (folder / "data/b.log").write_text("head\nhead\nr6 6\nr7 7\n")
    lab.windrow(folder, "run")
    judge(folder, {"data/a.log": ["r1", "r3", "r4", "r5"], "data/b.log": ["r6", "r7"]})


def test_formats_without_lines_count_rows(tmp_path):
    frame = polars.DataFrame({"id": [f"k{i}" for i in range(5000)], "n": range(5000)})
    folder = project(tmp_path / "parquet", '"data/*.parquet"', COLUMNS)
    frame.write_parquet(folder / "data/a.parquet", row_group_size=700)
    frame.select("n", "id").reverse().write_parquet(folder / "data/b.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"id": ["old"], "at": pyarrow.array([1], pyarrow.timestamp("ns"))}), folder / "data/c.parquet",
                                use_deprecated_int96_timestamps=True)
    lab.windrow(folder, "run")
    for row in table(folder).to_pylist():
        n = row["n"]
        assert row["source_line"] == {"data/a.parquet": lambda n=n: n + 1, "data/b.parquet": lambda n=n: 5000 - n,
                                      "data/c.parquet": lambda: 1}[row["source_file"]]()
    assert table(folder).num_rows == 10001
    folder = project(tmp_path / "avro", '"data/*.avro"', COLUMNS)
    frame.write_avro(folder / "data/a.avro", compression="deflate")
    lab.windrow(folder, "run")
    assert {(row["source_file"], row["source_line"], row["n"]) for row in table(folder).to_pylist()} == {("data/a.avro", n + 1, n) for n in range(5000)}
    folder = project(tmp_path / "excel", '"data/*.xlsx"', COLUMNS + "  n: bigint\n", from_more=", skip: 1")
    xlsx(folder / "data/a.xlsx", [["a report"], [], [None], ["id", "n"], ["r5", 1], [], [], ["r8", 2], ["r9", "x"], [None, 3], ["r11", 4]])
    lab.windrow(folder, "run")
    assert sorted((row["source_line"], row["id"], row["n"]) for row in table(folder).to_pylist()) == [
        (5, "r5", 1), (8, "r8", 2), (10, None, 3), (11, "r11", 4)]


def test_a_column_of_parquet_that_hides_the_number(tmp_path):
    folder = project(tmp_path / "p", '"data/*.parquet"', COLUMNS)
    polars.DataFrame({"File_Row_Number": [1]}).write_parquet(folder / "data/a.parquet")
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and 'its files have a column "File_Row_Number"' in result.stdout, result.stdout


def test_a_file_that_changes_is_told_anew(tmp_path):
    folder = project(tmp_path / "p", '"data/*.csv"', COLUMNS)
    (folder / "data/a.csv").write_text("id,n\na,1\nb,2\n")
    lab.windrow(folder, "run")
    (folder / "data/a.csv").write_text("id,n\n\nc,3\na,1\n")
    lab.windrow(folder, "run")
    found = sorted((row["id"], row["source_line"]) for row in table(folder).to_pylist())
    assert found == [("a", 2), ("a", 4), ("b", 3), ("c", 3)]
    lab.windrow(folder, "source", "reload", "bronze.t")
    assert sorted((row["id"], row["source_line"]) for row in table(folder).to_pylist()) == [("a", 4), ("c", 3)]


def test_paths_as_they_were_listed(tmp_path):
    folder = tmp_path / "p"
    elsewhere = tmp_path / "else where"
    for place, name in [(folder / "data", "a.csv"), (folder / "data/sub", "a.csv"), (elsewhere, "ü [1].csv"), (elsewhere, "b.csv.gz")]:
        place.mkdir(parents=True, exist_ok=True)
        data = f"id\n{place.name}/{name}\n".encode()
        (place / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    project(folder, f'["data/*.csv", "./data/sub/*.csv", "../else where/*.gz", "{elsewhere}/*.csv"]', COLUMNS)
    lab.windrow(folder, "run")
    assert {row["id"]: row["source_file"] for row in table(folder).to_pylist()} == {
        "data/a.csv": "data/a.csv", "sub/a.csv": "./data/sub/a.csv", "else where/b.csv.gz": "../else where/b.csv.gz",
        "else where/ü [1].csv": f"{elsewhere}/ü [1].csv"}


def test_only_the_file_is_asked_for(tmp_path):
    folder = project(tmp_path / "p", '"data/*"', 'columns: {f: {value: "$FILE"}, at: {type: timestamp, value: "$extracted_at"}}\n')
    (folder / "data/a.jsonl").write_text('{"id": 1}\nno\n{"id": 2}\n')
    (folder / "data/b.jsonl.gz").write_bytes(gzip.compress(b'{"id": 3}\n'))
    lab.windrow(folder, "run")
    assert {(row["f"], row["id"]) for row in table(folder).to_pylist()} == {("data/a.jsonl", 1), ("data/a.jsonl", 2), ("data/b.jsonl.gz", 3)}
