"""Hostile JSON: long, deep, odd and broken records in files, and what becomes of each."""
import json
import os

import pytest

import lab

# A line is held several times over while it is read: lines of the greatest length need more than the small projects of the other tests have.
PROJECT = {"windrow.yaml": lab.FILES["windrow.yaml"].replace("512MB", "2GB")}


def ingest(folder, files, source="", expect=0):
    """One run over these files; the task as --json tells it, the table's rows and what was set aside."""
    lab.make_project(folder, {**PROJECT, "sources/t.yaml": f"source: bronze.t\nfrom: {{files: \"data/*\"}}\n{source}"})
    for name, text in files.items():
        with open(os.fsencode(folder / "data") + b"/" + os.fsencode(name), "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())
    result = lab.windrow(folder, "run", "--select", "bronze.t", "--json", check=False)
    assert result.returncode == expect, result.stdout + result.stderr
    return {"rejected": 0, **json.loads(result.stdout)["tasks"][0]}


def rows(folder, columns, table="bronze.t"):
    return sorted(lab.values_of_delta_rs(lab.table_path(folder, table), columns))


def nested(begin, depth, inside, end):
    return begin * depth + inside + end * depth


def test_lines_far_beyond_the_readers_buffers(tmp_path):
    def line(megabytes):
        return json.dumps({"n": megabytes, "text": "x" * (megabytes * 1_000_000)}) + "\n"
    task = ingest(tmp_path, {"a.jsonl": line(0) + line(40) + line(1) + line(70) + line(2)}, "format: json\n")
    assert task["rows"] == 4 and task["rejected"] == 1
    assert rows(tmp_path, ["n"]) == [(0,), (1,), (2,), (40,)]
    (bad,) = rows(tmp_path, ["origin", "position", "error"], "bronze.t_rejected")
    assert bad[:2] == ("a.jsonl", 4) and "`record_bytes_max` is 64000000" in bad[2]


def test_lines_of_forty_megabytes_with_raw(tmp_path):
    text = "".join(json.dumps({"n": i, "text": "y" * 40_000_000 * (i % 2)}) + "\n" for i in range(3))
    task = ingest(tmp_path, {"a.jsonl": text}, "format: json\nraw: raw\n")
    assert task["rows"] == 3 and task["rejected"] == 0


def test_a_bound_of_ones_own(tmp_path):
    (tmp_path / "data").mkdir()
    files = {"a.jsonl": '{"a":1}\n{"a":"' + "x" * 2000 + '"}\n', "b.json": '[{"a":2},{"a":"' + "x" * 2000 + '"},{"a":3}]'}
    lab.make_project(tmp_path, {**PROJECT, "sources/t.yaml": "source: bronze.t\nfrom: {files: \"data/*\", record_bytes_max: 1kB}\n"})
    for name, text in files.items():
        (tmp_path / "data" / name).write_text(text)
    lab.windrow(tmp_path, "run", "--select", "bronze.t")
    assert rows(tmp_path, ["a"]) == [(1,), (2,), (3,)]
    assert len(rows(tmp_path, ["error"], "bronze.t_rejected")) == 2


@pytest.mark.parametrize("source", ["", "raw: raw\n", "columns: {a: bigint}\n", "columns: {a: json}\n"])
def test_records_nested_beyond_every_stack(tmp_path, source):
    deep = [nested('{"a":', 50_000, "1", "}"), '{"a":' + nested("[", 300_000, "", "]") + "}", nested('{"a":[', 100_000, "", "]}"),
            "[" * 1_000_000, '{"a":' * 200_000]
    good = ['{"a":1}', '{"a":2}']
    task = ingest(tmp_path, {"a.jsonl": "\n".join([good[0], *deep, good[1]]), "b.json": f"[{good[0]},{deep[1]},{good[1]}]"}, source)
    assert task["rows"] == 4 and task["rejected"] == 6, task


def test_a_record_just_as_deep_as_it_may_be(tmp_path):
    task = ingest(tmp_path, {"a.jsonl": nested('{"a":', 1000, "1", "}") + "\n" + nested('{"a":', 1001, "1", "}") + "\n"})
    assert task["rows"] == 1 and task["rejected"] == 1


def test_names_that_differ_by_case_and_names_that_are_empty(tmp_path):
    task = ingest(tmp_path, {"a.jsonl": '{"A":1}\n{"A":1,"a":2}\n{"":3}\n{"a":4}\n{"A":5}\n', "b.jsonl": '{"A":6,"b":{"x":1,"X":2,"":3}}\n'})
    assert task["rows"] == 3 and task["rejected"] == 3
    assert rows(tmp_path, ["A"]) == [(1,), (5,), (6,)]
    # The table's spelling counts from now on.
    (tmp_path / "data/c.jsonl").write_text('{"a":7}\n{"A":8}\n')
    lab.windrow(tmp_path, "run", "--select", "bronze.t")
    assert rows(tmp_path, ["A"]) == [(1,), (5,), (6,), (8,)]


def test_nothing_but_broken_records(tmp_path):
    task = ingest(tmp_path, {"a.jsonl": "{broken\n"}, expect=1)
    assert "none of its records is good" in json.dumps(task)
    (tmp_path / "data/b.jsonl").write_text('{"a":1}\n')
    result = lab.windrow(tmp_path, "run", "--select", "bronze.t", "--json")
    task = json.loads(result.stdout)["tasks"][0]
    assert (task["rows"], task["rejected"]) == (1, 1)
    (tmp_path / "data/c.jsonl").write_text("{broken too\n")
    lab.windrow(tmp_path, "run", "--select", "bronze.t")
    assert [origin for (origin,) in rows(tmp_path, ["origin"], "bronze.t_rejected")] == ["a.jsonl", "c.jsonl"]


def test_names_of_files_that_are_not_utf8(tmp_path):
    names = [b"a\xff.jsonl", b"\xe9t\xe9.jsonl", "ü.jsonl".encode(), b"new\nline.jsonl"]
    task = ingest(tmp_path, {name: json.dumps({"i": i}) for i, name in enumerate(names)}, "columns: {i: bigint, file: {value: filename}}\n")
    assert task["rows"] == 4
    assert rows(tmp_path, ["file"]) == [("\\xe9t\\xe9.jsonl",), ("a\\xff.jsonl",), ("new\nline.jsonl",), ("ü.jsonl",)]
    again = lab.windrow(tmp_path, "run", "--select", "bronze.t", "--json")
    assert json.loads(again.stdout)["tasks"][0]["status"] == "up to date"


# bytes → rows and records that are set aside; each file comes beside a good one
ODD = {
    "no end of a text": (b'{"a":"x}\n{"a":1}\n', 1, 1),
    "two records on a line": (b'{"a":1} {"a":2}\n{"a":3}\n', 1, 1),
    "bytes of zero": (b'{"a":1}\n\0\0\0\n{"a":2}\n', 2, 1),
    "UTF-16": ('{"a":1}\n{"a":2}\n'.encode("utf-16"), 0, 3),
    "half a surrogate": (b'{"a":"\\ud800"}\n{"a":"\xed\xa0\x80"}\n', 0, 2),
    "control bytes in a text": (b'{"a":"x\x01y"}\n{"a":"z"}\n', 1, 1),
    "ends of lines of old": (b'{"a":1}\r{"a":2}\r{"a":3}', 3, 0),
    "numbers beyond every type": (b'{"n":1e400}\n{"n":-123456789012345678901234567890}\n{"n":1}\n', 3, 0),
    "scalars and lists": (b'1\nnull\n"x"\n[{"a":1}]\n{"a":1}\n', 1, 4),
    "no end of an array": (b'[\n{"a":1},\n{"a":2}\n', 2, 0),
    "commas too many": (b'[{"a":1},,{"a":2},]', 2, 0),
    "an element that is none": (b'[{"a":1},{"a":},{"a":2}]', 2, 1),
    "text behind an array": (b'[{"a":1}]\nthe end\n', 1, 1),
    "a key that comes twice": (b'{"a":1,"a":2}\n', 1, 0),
    "blank lines of every kind": (b'\n\n \t \n{"a":1}\n\r\n   \n', 1, 0),
}


@pytest.mark.parametrize("raw", ["", "raw: raw\n"])
@pytest.mark.parametrize("name", ODD)
def test_odd_files(tmp_path, name, raw):
    data, good, bad = ODD[name]
    task = ingest(tmp_path, {"a.json": data, "b.json": '{"a":0}\n'}, raw)
    assert (task["rows"], task["rejected"]) == (good + 1, bad), task
