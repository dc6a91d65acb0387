"""`windrow fmt`: what files say stays, whatever they looked like; PyYAML is the judge."""
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys

import pytest

import lab

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
SEED = int(os.environ.get("WINDROW_SEED", "20251017"))
FILES = int(os.environ.get("WINDROW_FMT_FILES", "400"))

# Reads pairs of files and names those that say something else. Every scalar as text, in the order of the files.
JUDGE = """
import pathlib, sys, yaml
def pairs(loader, node):
    return [(loader.construct_object(k, True), loader.construct_object(v, True)) for k, v in node.value]
class Loader(yaml.BaseLoader): pass
Loader.add_constructor("tag:yaml.org,2002:map", pairs)
def said(path):
    return yaml.load(path.read_text(), Loader=Loader)
before, after = map(pathlib.Path, sys.argv[1:])
names = sorted(p.name for p in before.glob("*.yaml"))
for name in names:
    if said(before / name) != said(after / name):
        print("differs:", name)
print(len(names), "files")
"""


@pytest.fixture(scope="module")
def judge():
    for python in (sys.executable, "/usr/bin/python3", "python3"):
        if shutil.which(python) and subprocess.run([python, "-c", "import yaml"], capture_output=True, check=False).returncode == 0:
            return lambda before, after: subprocess.run([python, "-c", JUDGE, before, after], check=True, stdout=subprocess.PIPE, text=True).stdout
    pytest.skip("no Python with PyYAML here (Debian: python3-yaml)")
    return None


class Writer:
    """A YAML document that is valid and looks as if nobody had cared how."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines, self.keys, self.comments, self.anchors = [], 0, 0, []

    def maybe(self, share):
        return self.random.random() < share

    def blanks(self, least=1):
        return " " * (least if self.maybe(0.7) else self.random.randint(least, 4))

    def word(self):
        return self.random.choice(["alpha", "beta gamma", "1.50", "007", "true", "~", "a:b", "c#d", "http://h:80/x", "-5", "é ü", "2025-10-17",
                                   "x - y", "it's", "50 %", "$start", "a\\b"])

    def quoted(self):
        return self.random.choice(['"a: b"', "'it''s # no comment'", '"tab\\t \\" end"', '""', "''", '"${HOME:-x}"', "' two  blanks '", '"\\u00e9"'])

    def key(self):
        self.keys += 1
        name = f"k{self.keys}"
        return self.random.choice([name, name, name, f'"{name} q"', f"'{name}'", f"{name} with blanks"])

    def comment(self):
        self.comments += 1
        return f"#{self.random.choice(['', ' ', '  '])}comment {self.comments}{self.random.choice(['', ' ', ': x', ' - [y'])}"

    def end(self):
        """What may follow a value in its line."""
        return (self.blanks() + self.comment() if self.maybe(0.2) else "") + (" " * self.random.randint(0, 3) if self.maybe(0.2) else "")

    def between(self, indent):
        while self.maybe(0.15):
            self.lines.append(self.random.choice(["", "   ", " " * indent + self.comment(), " " * self.random.randint(0, indent) + self.comment()]))

    def flow(self, depth, indent):
        """In one line or several; those that follow are indented deeper than `indent`."""
        def gap():
            if not self.maybe(0.12):
                return " " * self.random.choice([0, 0, 0, 1, 3])
            comment = " " + self.comment() if self.maybe(0.3) else ""
            return comment + "\n" + ("\n" if self.maybe(0.2) else "") + " " * (indent + self.random.randint(1, 8))

        kind = self.random.choice("{[") if depth < 3 else ""
        if not kind or self.maybe(0.5):
            return self.word() if self.maybe(0.6) else self.quoted()
        parts = []
        for _ in range(self.random.randint(0, 4)):
            value = self.flow(depth + 1, indent)
            parts.append(gap() + (self.key() + ":" + (gap() or " ") + value if kind == "{" else value) + gap())
        tail = "," + gap() if parts and self.maybe(0.2) else ""
        return kind + ",".join(parts) + tail + (gap() if not parts else "") + {"{": "}", "[": "]"}[kind]

    def text(self, parent):
        """A block scalar below `parent`."""
        deep, style = parent + self.random.randint(1, 6), self.random.choice("|>")
        head = style + self.random.choice(["", "", "-", "+"])
        lines = [" " * deep + self.word()]
        for _ in range(self.random.randint(0, 4)):
            lines.append(self.random.choice(["", " " * deep + self.word() + "  ", " " * deep + "  deeper # " + self.word()]))
        return head + self.end(), lines

    def value(self, depth, indent, prefix):
        """Behind `prefix`, which is a key or a dash in a level at `indent`."""
        anchor = ""
        if self.maybe(0.05):
            self.keys += 1
            anchor = f"&a{self.keys}" + self.blanks()
        choice = self.random.random()
        if depth < 4 and choice < 0.3:
            self.lines.append(prefix + self.blanks() + anchor.strip() + self.end() if anchor else prefix + self.end())
            self.block(depth + 1, indent, prefix.endswith(":"))
        elif choice < 0.4:
            head, lines = self.text(indent)
            anchor = ""
            self.lines.append(prefix + self.blanks() + head)
            self.lines += lines
        elif choice < 0.48:
            anchor = ""  # yaml-cpp knows none before several lines
            self.lines.append(prefix + self.blanks() + "several words")
            for _ in range(self.random.randint(1, 3)):
                self.lines.append(" " * (indent + self.random.randint(1, 9)) + self.random.choice(["of more", "and - more", "", "it's 5"]))
            self.lines.append(" " * (indent + self.random.randint(1, 9)) + "to the end" + self.end())
        elif choice < 0.54:
            quote = self.random.choice("'\"")
            self.lines.append(prefix + self.blanks() + anchor + quote + "several  " + self.random.choice(["", "\\ " if quote == '"' else ""]))
            self.lines += [""] * self.random.randint(0, 2)
            self.lines.append(" " * (indent + self.random.randint(1, 9)) + "# lines " + quote + self.end())
        elif choice < 0.58 and self.anchors:
            self.lines.append(prefix + self.blanks() + "*" + self.random.choice(self.anchors) + self.end())
            return
        elif choice < 0.62:
            self.lines.append(prefix + self.end())  # nothing: null
            return
        else:
            tag = "!!str " if self.maybe(0.03) else ""
            text = self.flow(0, indent)
            tag = tag if text[0] not in "[{" else ""
            self.lines.append(prefix + self.blanks() + tag + anchor + text + self.end())
        if anchor:
            self.anchors.append(anchor.strip()[1:])

    def block(self, depth, parent, in_map):
        kind = self.random.choice(["map", "list"])
        least = parent if kind == "list" and in_map else parent + 1
        indent = least if self.maybe(0.3) else max(least, parent + self.random.randint(1, 6))
        for _ in range(self.random.randint(1, 5)):
            self.between(indent)
            if kind == "map":
                self.value(depth, indent, " " * indent + self.key() + (" " if self.maybe(0.1) else "") + ":")
            elif self.maybe(0.3) and depth < 4:
                dash = " " * indent + "-" + self.blanks()
                inner = len(dash)
                self.value(depth, inner, dash + self.key() + ":")
                for _ in range(self.random.randint(0, 2)):
                    self.between(inner)
                    self.value(depth, inner, " " * inner + self.key() + ":")
            else:
                self.value(depth, indent, " " * indent + "-")

    def document(self):
        self.between(0)
        self.block(0, -1, False)
        self.between(0)
        text = "\n".join(self.lines)
        # What the lines of a text end with may be its meaning: of most files it is one line end.
        return text + "\n" * self.random.choice([1, 1, 1, 2, 3])


def test_files_say_the_same_after_it(judge, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    for i in range(FILES):
        (before / f"{i:04}.yaml").write_text(Writer(f"{SEED}-{i}").document())
    shutil.copytree(before, after)
    told = json.loads(lab.windrow(after, "fmt", ".", "--json").stdout)
    assert told["files"] == FILES and len(told["changed"]) > FILES / 2, f"seed {SEED}"
    assert judge(before, after) == f"{FILES} files\n", f"seed {SEED}"
    for path in before.iterdir():
        comments = [line[line.index("#"):].split() for line in path.read_text().splitlines() if "comment " in line]
        kept = [line[line.index("#"):].split() for line in (after / path.name).read_text().splitlines() if "comment " in line]
        assert [words[-1] for words in comments] == [words[-1] for words in kept], path.name
    assert lab.windrow(after, "fmt", ".", "--check", check=False).returncode == 0


def test_examples_are_as_it_would_have_them():
    for example in sorted(path.parent for path in EXAMPLES.glob("*/windrow.yaml")):
        assert lab.windrow(example, "fmt", "--check").stdout == ""


@pytest.fixture
def project(tmp_path):
    return lab.make_project(tmp_path / "p")


def test_it_says_what_it_did(project):
    source = project / "sources/events.yaml"
    source.write_text(source.read_text().replace("from: {files", "from:  { files"))
    model = project / "models/gold/daily.sql"
    model.write_text(model.read_text().replace("build: {interval", "build:   {interval").replace("SELECT ", "SELECT   "))
    before = {path: path.read_text() for path in (source, model)}
    checked = lab.windrow(project, "fmt", "--check", check=False)
    assert checked.returncode == 1
    assert checked.stdout == "would lay out models/gold/daily.sql\nwould lay out sources/events.yaml\n"
    shown = lab.windrow(project, "fmt", "--diff", "sources")
    assert shown.stdout == ("--- sources/events.yaml\n+++ sources/events.yaml\n@@ -1,4 +1,4 @@\n source: bronze.events\n"
                            '-from:  { files: "data/*.ndjson"}\n+from: {files: "data/*.ndjson"}\n format: json\n'
                            " columns: {id: bigint, ts: timestamp, kind: varchar, n: bigint}\n")
    told = json.loads(lab.windrow(project, "--json", "fmt", "--check", "--diff", check=False).stdout)
    assert not told["written"] and [each["file"] for each in told["changed"]] == ["models/gold/daily.sql", "sources/events.yaml"]
    assert all(path.read_text() == text for path, text in before.items())
    patched = subprocess.run(["patch", "-s", "-p0", "-o", "-"], cwd=project, input=told["changed"][1]["diff"], text=True, capture_output=True,
                             check=True).stdout
    assert lab.windrow(project, "fmt").stdout == "laid out models/gold/daily.sql\nlaid out sources/events.yaml\n"
    assert source.read_text() == patched
    assert "SELECT   date_trunc" in model.read_text() and "\nbuild: {interval" in model.read_text()
    assert lab.windrow(project, "fmt", "--check").stdout == ""


def test_a_broken_file_is_named_and_nothing_is_written(project):
    good, bad = project / "sources/events.yaml", project / "publish/serving.yaml"
    good.write_text(good.read_text() + "\n\n\n")
    bad.write_text("publish: serving\nto:  [x\nviews: []\n")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in project.rglob("*") if path.is_file()}
    result = lab.windrow(project, "fmt", check=False)
    assert result.returncode == 2 and "not valid YAML" in result.stderr and "publish/serving.yaml:3" in result.stderr
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in project.rglob("*") if path.is_file()}
    assert lab.windrow(project, "fmt", "sources").stdout == "laid out sources/events.yaml\n"


def test_rights_stay_and_what_may_not_be_written_is_said(project):
    path = project / "windrow.yaml"
    path.write_text(path.read_text().replace("project: lab", "project:   lab"))
    path.chmod(0o640)
    lab.windrow(project, "fmt", "windrow.yaml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and "project: lab\n" in path.read_text()
    assert not list(project.glob(".tmp-*"))
    missing = lab.windrow(project, "fmt", "nothing.yaml", check=False)
    assert missing.returncode == 1 and "nothing.yaml" in missing.stderr
    other = lab.windrow(project, "fmt", "data.csv", check=False)
    assert other.returncode == 2 and "neither a YAML file nor one of SQL" in other.stderr
