"""examples/quickstart: the films of the tour into a SQLite file. It needs no server."""
import os
import pathlib
import shutil
import sqlite3

import fetch

SERVERS = ()
ROWS = 3201  # what the file has


def feed(stage):
    films = pathlib.Path(os.environ.get("MOVIES_JSON") or "")
    if not films.is_file():
        raise fetch.Failure("MOVIES_JSON does not name the films: run it by ./dev example")
    (stage.folder / "data").mkdir(exist_ok=True)
    shutil.copy(films, stage.folder / "data/movies.json")


def run(stage):
    stage.windrow("run")


def show(stage):
    with sqlite3.connect(stage.folder / "serving.db") as serving:
        rows = serving.execute("SELECT rank, distributor, films, share_percent FROM distributor_rankings ORDER BY rank LIMIT 5")
        stage.table(["rank", "distributor", "films", "share %"], rows.fetchall(), "sqlite3 serving.db, distributor_rankings")
