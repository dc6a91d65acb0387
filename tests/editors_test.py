"""What lies in editors/ reads, and names only what is there."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest

VSCODE = pathlib.Path(__file__).resolve().parents[1] / "editors/vscode"


def test_the_extension_names_files_and_settings_that_are_there():
    package = json.loads((VSCODE / "package.json").read_text())
    script = (VSCODE / package["main"]).read_text()
    settings = package["contributes"]["configuration"]["properties"]
    assert {f"windrow.{name}" for name in re.findall(r'settings\(\)\.get\("(\w+)"\)', script)} == set(settings)
    page = (VSCODE.parents[1] / "docs/editors.md").read_text()
    assert all(f"`{name}`" in page for name in settings)
    for command in package["contributes"]["commands"]:
        assert f'registerCommand("{command["command"]}"' in script
    required = set(re.findall(r'require\("([^"]+)"\)', script)) - {"path", "child_process", "vscode"}
    assert {name.split("/")[0] for name in required} == set(package["dependencies"])


def test_headers_are_yaml():
    package = json.loads((VSCODE / "package.json").read_text())
    for grammar in package["contributes"]["grammars"]:
        text = json.loads((VSCODE / grammar["path"]).read_text())
        assert text["scopeName"] == grammar["scopeName"]
        header = text["repository"]["header"]
        assert header["contentName"] in grammar["embeddedLanguages"]
        begin = re.compile(header["begin"])
        for model in (VSCODE.parents[1] / "examples").glob("*/models/**/*.sql"):
            sql = model.read_text()
            assert bool(begin.match(sql)) == sql.startswith("/*"), model
        assert not begin.search("/* windrows */") and begin.search("/*windrow\n") and re.search(header["end"], "x */")


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_script_parses():
    subprocess.run(["node", "--check", VSCODE / "extension.js"], check=True)
