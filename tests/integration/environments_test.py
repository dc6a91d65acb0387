"""`windrow env`: what a trial left behind goes, and nothing else."""
import json

import pytest

import lab


@pytest.fixture
def project(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    config = folder / "windrow.yaml"
    config.write_text(config.read_text().replace("  dev: {lake: lake,", "  trial: {lake: trial, publish: false}\n  same: {lake: trial/, publish: false}\n  dev: {lake: lake,"))
    lab.add_events(folder, "a.ndjson", range(10))
    return folder


def listed(folder):
    return {each["environment"]: each for each in json.loads(lab.windrow(folder, "env", "list", "--json").stdout)}


def test_a_lake_goes_with_its_tables(project):
    assert "tables" not in listed(project)["trial"]
    lab.windrow(project, "run")
    lab.windrow(project, "--env", "trial", "run")
    before = listed(project)
    assert before["trial"]["tables"] == 4 and before["trial"]["bytes"] > 0 and before["trial"]["shared_with"] == ["same"]
    assert before["dev"]["publishes"] and not before["trial"]["publishes"]
    refused = lab.windrow(project, "env", "drop", "trial", "--yes", check=False)
    assert refused.returncode == 2 and "same" in refused.stderr and (project / "trial").exists()
    # Of two environments with one lake it is that of the one which made it.
    other = lab.windrow(project, "env", "drop", "same", "--yes", "--force", check=False)
    assert other.returncode == 2 and "belongs to" in other.stderr and (project / "trial").exists()
    told = json.loads(lab.windrow(project, "--json", "env", "drop", "trial", "--force", "--dry-run").stdout)
    assert told["dry_run"] and [each["table"] for each in told["tables"]] == sorted(lab.TABLES) and (project / "trial").exists()
    asks = lab.windrow(project, "env", "drop", "trial", "--force", check=False)
    assert asks.returncode == 2 and "--yes" in asks.stderr and (project / "trial").exists()
    assert "4 tables with" in lab.windrow(project, "env", "drop", "trial", "--force", "--yes").stdout
    assert not (project / "trial").exists() and listed(project)["dev"]["tables"] == 4
    again = lab.windrow(project, "env", "drop", "trial", "--force", "--yes")
    assert "has no lake" in again.stdout


def test_one_that_publishes_is_refused(project):
    lab.windrow(project, "run")
    refused = lab.windrow(project, "env", "drop", "dev", "--yes", check=False)
    assert refused.returncode == 2 and "publishes" in refused.stderr and "--force" in refused.stderr
    assert len(listed(project)["dev"]) and listed(project)["dev"]["tables"] == 4
    (project / "lake/notes.txt").write_text("mine")
    told = json.loads(lab.windrow(project, "--json", "env", "drop", "dev", "--force", "--yes").stdout)
    assert told["left"] == ["notes.txt"] and (project / "lake/notes.txt").read_text() == "mine"
    assert listed(project)["dev"]["tables"] == 0
    lab.windrow(project, "run")  # the lake is still one
    assert listed(project)["dev"]["tables"] == 4
