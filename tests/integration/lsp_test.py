"""`windrow lsp`, asked as an editor asks it, on the quickstart example."""
import pathlib
import subprocess

import pytest

import lab
import lsp_client
from lsp_client import Editor, marked

MOVIES, GENRES, SOURCE, SERVING = ("models/silver/movies.sql", "models/gold/genre_analytics.sql", "sources/movies.yaml",
                                   "publish/serving.yaml")

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    lab.windrow(tmp_path, "init", "quickstart", "films")
    return tmp_path / "films"


@pytest.fixture
def editor(folder):
    session = Editor(folder)
    yield session
    session.kill()


def checked(folder):
    assert "nothing wrong" in lab.windrow(folder, "check").stdout


def test_a_mistake_is_told_where_it_is_and_goes_when_it_is_mended(folder, editor):
    editor.open(GENRES)
    editor.change(GENRES, "avg(imdb_rating)", "avg('ä€' || imdb_ratin)")
    found = editor.wait(GENRES, bool)
    assert marked(editor.texts[GENRES], found[0]["range"]) == "imdb_ratin" and "imdb_ratin" in found[0]["message"]
    # The file itself is as it was, and what `check` says of the same text has the same place.
    checked(folder)
    (folder / GENRES).write_text(editor.texts[GENRES])
    told = lab.windrow(folder, "check", check=False).stderr
    line = found[0]["range"]["start"]["line"]
    column = len(editor.texts[GENRES].split("\n")[line].partition("imdb_ratin")[0].encode()) + 1
    assert f"{GENRES}:{line + 1}:{column}" in told
    editor.change(GENRES, "avg('ä€' || imdb_ratin)", "avg(imdb_rating)")
    editor.wait(GENRES, lambda all: not all)
    assert editor.end() == 0


def test_mistakes_show_in_other_files_and_in_yaml(folder, editor):
    editor.open(MOVIES)
    editor.change(MOVIES, "major_genre, creative_type, director, rotten", "creative_type, director, rotten")
    found = editor.wait(GENRES, bool)
    assert marked((folder / GENRES).read_text(), found[0]["range"]) == "major_genre"
    editor.change(MOVIES, "creative_type, director, rotten", "major_genre, creative_type, director, rotten")
    editor.wait(GENRES, lambda all: not all)
    editor.change(MOVIES, "tags: [films]", "tgas: [films]")
    found = editor.wait(MOVIES, bool)
    assert marked(editor.texts[MOVIES], found[0]["range"]) == "tgas" and "tags" in found[0]["message"]
    editor.open("windrow.yaml")
    editor.change("windrow.yaml", "vars:\n", "vars: [\n")
    editor.wait("windrow.yaml", bool)


def test_a_new_file_counts_before_it_is_saved(editor):
    editor.open("models/gold/new.sql", "SELECT titel FROM silver.movies")
    assert marked(editor.texts["models/gold/new.sql"], editor.wait("models/gold/new.sql", bool)[0]["range"]) == "titel"
    editor.change("models/gold/new.sql", "titel", "title")
    editor.wait("models/gold/new.sql", lambda all: not all)
    editor.open("models/gold/newer.sql", "SELECT tit FROM gold.new")
    assert "title" in editor.labels("models/gold/newer.sql", "SELECT tit")


def test_sql_is_completed_while_it_is_written(editor):
    editor.open(GENRES)
    editor.change(GENRES, "FROM silver.movies\nWHERE quality_flag <> 'ERROR'\nGROUP BY ALL", "FROM silver.movies m JOIN ")
    offered = editor.labels(GENRES, "m JOIN ")
    assert offered["silver.movies"]["documentation"].startswith("One row a film") and "gold.year_over_year" in offered
    editor.change(GENRES, "m JOIN ", "m WHERE m.")
    offered = editor.labels(GENRES, "m WHERE m.")
    assert offered["worldwide_gross"]["documentation"] == "US dollars" and offered["movie_id"]["detail"].startswith("VARCHAR")
    assert "count" not in offered
    editor.change(GENRES, "m WHERE m.", "m WHERE qual")
    offered = editor.labels(GENRES, "m WHERE qual")
    assert "quality_flag" in offered and "date_trunc" in offered and "now" not in offered and "read_csv" not in offered
    editor.change(GENRES, "m WHERE qual", "m WHERE year = $t")
    assert "$top_films" in editor.labels(GENRES, "m WHERE year = $t")
    editor.change(GENRES, "FROM silver.movies m WHERE year = $t", "FROM silver.")
    assert list(editor.labels(GENRES, "FROM silver.")) == ["movies"]
    editor.open(MOVIES)
    editor.change(MOVIES, "FROM judged\n", "FROM judged WHERE err\n")
    offered = editor.labels(MOVIES, "judged WHERE err")
    assert {"errors", "warnings", "title", "wrong_century"} <= offered.keys() and "read_date" not in offered


def test_keys_and_names_are_completed_in_yaml_and_in_headers(editor):
    editor.open(MOVIES)
    editor.change(MOVIES, "tags: [films]\n", "tags: [films]\np\n")
    offered = editor.labels(MOVIES, "tags: [films]\np")
    assert {"partition_by", "reads"} <= offered.keys() and "tags" not in offered and offered["reads"]["documentation"]
    editor.change(MOVIES, "tags: [films]\np\n", "tags: []\n")
    assert "films" in editor.labels(MOVIES, "tags: [")
    assert "scd2" not in editor.labels(MOVIES, "build: {merge: {")
    assert "title" in editor.labels(MOVIES, "build: {merge: {key: ")
    assert "bronze.movies" in editor.labels(MOVIES, "new_rows: ")
    editor.open(SERVING)
    assert "serving" in editor.labels(SERVING, "\nto: ")
    assert {"replace", "upsert"} <= editor.labels(SERVING, "table: genre_analytics, mode: ").keys()
    assert "genre" in editor.labels(SERVING, "indexes: [[genre, release_year, ")
    editor.open("windrow.yaml")
    assert {"int", "date"} <= editor.labels("windrow.yaml", "top_films: {type: ").keys()


def hovered(editor, path, text, inside=0):
    found = editor.ask("textDocument/hover", editor.at(path, text, inside))
    return found and found["contents"]["value"]


def test_hover_tells_type_lineage_and_description(folder, editor):
    (folder / "data/movies.json").write_bytes((ROOT / "examples/quickstart/data/movies.json").read_bytes())
    lab.windrow(folder, "run", "--select", "+silver.movies")
    editor.open(GENRES)
    table = hovered(editor, GENRES, "silver.movies", 9)
    assert "model, merge" in table and "One row a film" in table and "version 0" in table and "| `movie_id` | VARCHAR |" in table
    column = hovered(editor, GENRES, "production_budget) AS")
    assert "silver.movies.production_budget" in column and "`BIGINT`" in column and "`bronze.movies.raw_json`" in column
    own = hovered(editor, GENRES, "AS average_gross", 4)
    assert "gold.genre_analytics.average_gross" in own and "`silver.movies.worldwide_gross`" in own and "round(avg" in own
    assert "default: " in hovered(editor, MOVIES, "new_rows:") or "For append and merge" in hovered(editor, MOVIES, "new_rows:")
    assert "list_slice" in hovered(editor, GENRES, "list_slice(")
    assert "int" in hovered(editor, GENRES, "$top_films", 2)
    assert "sqlite" in hovered(editor, SERVING, "to: serving", 5)
    assert hovered(editor, GENRES, "<> 'ERROR'") is None


def test_definitions_are_found(editor):
    def defined(path, text, inside=0):
        found = editor.ask("textDocument/definition", editor.at(path, text, inside))
        where = found["uri"].removeprefix(editor.folder.as_uri() + "/")
        return where, marked((editor.folder / where).read_text(), found["range"])

    assert defined(GENRES, "silver.movies", 9) == (MOVIES, "")
    assert defined(GENRES, "avg(imdb_rating)", 5) == (MOVIES, "imdb_rating")
    assert defined(MOVIES, "FROM judged", 6) == (MOVIES, "judged")
    assert defined(MOVIES, "THEN 'ERROR' WHEN warnings", 19) == (MOVIES, "warnings")
    assert defined(MOVIES, "SELECT movie_id, extraction_timestamp,", 8) == (SOURCE, "movie_id")
    assert defined(SERVING, "to: serving", 5) == ("windrow.yaml", "serving")
    assert defined(SERVING, "[[genre, release_year", 3) == (GENRES, "genre")
    assert defined(GENRES, "$top_films", 3) == ("windrow.yaml", "top_films")
    assert defined("tests/genre_analytics.yaml", "test: gold.genre_analytics", 8)[0] == GENRES


def test_a_column_is_renamed_in_all_files(folder, editor):
    editor.open(GENRES)
    assert editor.ask("textDocument/prepareRename", editor.at(GENRES, "avg(imdb_rating)", 5))["placeholder"] == "imdb_rating"
    edit = editor.ask("textDocument/rename", {**editor.at(GENRES, "avg(imdb_rating)", 5), "newName": "stars"})
    lsp_client.apply(folder, edit)
    assert " stars: {checks" in (folder / MOVIES).read_text() and "avg(stars)" in (folder / GENRES).read_text()
    assert "imdb_rating AS stars" in (folder / MOVIES).read_text()
    checked(folder)
    lab.windrow(folder, "test")
    assert editor.end() == 0


def test_an_alias_is_renamed_in_all_files(folder, editor):
    edit = editor.ask("textDocument/rename", {**editor.at(GENRES, "AS genre,", 4), "newName": "kind"})
    lsp_client.apply(folder, edit)
    assert "AS kind," in (folder / GENRES).read_text() and "[[kind, release_year" in (folder / SERVING).read_text()
    assert "columns: [kind, " in (folder / GENRES).read_text()
    checked(folder)
    lab.windrow(folder, "test")


def test_a_model_is_renamed_with_its_file_and_keeps_its_history(folder, editor):
    (folder / "data/movies.json").write_bytes((ROOT / "examples/quickstart/data/movies.json").read_bytes())
    lab.windrow(folder, "run")
    edit = editor.ask("textDocument/rename", {**editor.at(GENRES, "silver.movies", 9), "newName": "films"})
    lsp_client.apply(folder, edit)
    assert not (folder / MOVIES).exists() and "renamed_from: silver.movies\n" in (folder / "models/silver/films.sql").read_text()
    checked(folder)
    lab.windrow(folder, "test")
    planned = lab.windrow(folder, "plan").stdout
    assert "new" not in planned, planned
    lab.windrow(folder, "run")
    edit = editor.ask("textDocument/rename", {**editor.at("tests/year_over_year.yaml", "test: gold.year_over_year", 8),
                                              "newName": "gold.by_year"})
    lsp_client.apply(folder, edit)
    checked(folder)


def test_what_is_not_sure_is_not_renamed(folder, editor):
    def refused(path, text, name, inside=0):
        return editor.refused("textDocument/rename", {**editor.at(path, text, inside), "newName": name})["message"]

    (folder / "models/gold/all.sql").write_text("SELECT * FROM silver.movies\n")
    editor.tell("workspace/didChangeWatchedFiles", {"changes": []})
    assert "SELECT *" in refused(GENRES, "avg(imdb_rating)", "stars", 5)
    (folder / "models/gold/all.sql").unlink()
    assert "has a column" in refused(GENRES, "avg(imdb_rating)", "title", 5)
    assert "cannot be the name" in refused(GENRES, "avg(imdb_rating)", "a b", 5)
    assert "already" in refused(GENRES, "silver.movies", "gold.genre_analytics", 9)
    assert "not a model" in refused(MOVIES, "FROM bronze.movies", "films", 7)
    assert "only models" in refused(MOVIES, "FROM judged", "x", 7)
    editor.open(GENRES)
    editor.change(GENRES, "GROUP BY ALL", "GROUP BY nothing")
    assert "has problems" in refused(GENRES, "avg(imdb_rating)", "stars", 5)


def test_secrets_are_not_told(folder):
    project = folder / "windrow.yaml"
    project.write_text(project.read_text().replace(
        "connections:\n", 'connections:\n  bank: {type: postgres, url: "postgres://u:tops3cretword@localhost/x", password: an0thersecret}\n'))
    editor = Editor(folder)
    editor.open("windrow.yaml")
    editor.open(SERVING)
    editor.change(SERVING, "to: serving", "to: tops3cretword")
    assert "***" in editor.wait(SERVING, bool)[0]["message"]
    for word, inside in (("bank:", 1), ("url: ", 1), ("password:", 1), ("tops3cretword", 1)):
        assert "s3cret" not in str(hovered(editor, "windrow.yaml", word, inside))
    assert editor.end() == 0
    assert b"s3cret" not in editor.process.stderr.read()


def test_symbols_are_listed(editor):
    editor.open(MOVIES)
    names = [each["name"] for each in editor.ask("textDocument/documentSymbol", {"textDocument": {"uri": editor.uri(MOVIES)}})]
    assert {"build", "columns", "fields", "judged", "quality_flag"} <= set(names)


def test_a_request_can_be_canceled(folder, editor):
    first = editor.begin("textDocument/rename", {**editor.at(GENRES, "silver.movies", 9), "newName": "films"})
    second = editor.begin("textDocument/rename", {**editor.at(GENRES, "silver.movies", 9), "newName": "films"})
    editor.tell("$/cancelRequest", {"id": second})
    assert editor.answer(second)["error"]["code"] == -32800
    assert editor.answer(first)["result"]
    editor.process.stdin.close()
    assert editor.process.wait(30) == 1 and (folder / MOVIES).exists()


def test_a_folder_without_a_project_is_no_mistake(tmp_path):
    session = Editor(tmp_path)
    (tmp_path / "a.sql").write_text("SELECT 1")
    session.open("a.sql")
    assert session.ask("textDocument/hover", session.at("a.sql", "1")) is None
    assert session.end() == 0


def test_garbage_does_not_end_it(editor):
    editor.open(GENRES)
    for bytes_ in (b"\x00\xff\r\n\r\n", b"Content-Length: 99999999999999\r\n\r\n{}", b"Content-Length: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                   lsp_client.framed(b"{]"), lsp_client.framed(b"[1,2]"), lsp_client.framed(b"\xff"), b"Content-Length: 40\r\n\r\n{\"half\"",
                   b"x" * 100_000, lsp_client.framed({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 7}}),
                   lsp_client.framed({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": []})):
        editor.send(bytes_)
    for position in ({"line": -1, "character": 0}, {"line": 10**12, "character": 10**12}, {"line": "a"}, None):
        editor.answer(editor.begin("textDocument/hover", {"textDocument": {"uri": editor.uri(GENRES)}, "position": position}))
    assert "silver.movies" in hovered(editor, GENRES, "silver.movies", 9)
    assert editor.end() == 0


@pytest.mark.parametrize("bytes_", [b"", b"Content-Length: 100\r\n\r\n{", b"Content-Le", b"{}", b"Content-Length: 2\r\n\r\n"])
def test_the_end_of_the_input_ends_it(folder, bytes_):
    done = subprocess.run([lab.PROGRAM, "lsp"], cwd=folder, input=bytes_, capture_output=True, timeout=30, check=False)
    assert done.returncode == 1
