"""A project of one source and a few models, for tests that look at rows."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from lab import make_project, windrow  # noqa: E402


def rows_of(folder: pathlib.Path, sql: str) -> list[str]:
    return windrow(folder, "query", sql, "--format", "csv").stdout.splitlines()[1:]


def project(folder: pathlib.Path, zone: str, begin: str, columns: str, models: dict[str, str], form: str = "jsonl") -> pathlib.Path:
    files = {
        "windrow.yaml": f"project: lab\ntimezone: {zone}\nbegin: {begin}\n",
        "sources/e.yaml": f'source: bronze.e\nfrom: {{files: "data/*.{form}"}}\nformat: {"csv" if form == "csv" else "json"}\ncolumns: {{{columns}}}\n',
    }
    return make_project(folder, files | {f"models/{name.replace('.', '/')}.sql": text for name, text in models.items()})


def put(folder: pathlib.Path, name: str, times: dict[int, str]) -> None:
    (folder / "data" / name).write_text("".join(json.dumps({"id": i, "ts": at}) + "\n" for i, at in times.items()))
