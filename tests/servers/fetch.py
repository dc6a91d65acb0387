"""Fetches the servers' programs by the ordinary clients, Maven, Go and pip, pinned and verified, into the cache.

A folder of the cache is there under its name when it is whole: it is made beside and renamed.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from server import Failure, cache, locked

HERE = pathlib.Path(__file__).parent
# What a server may need → how to get it.
TOOLS = {
    "java": "apt-get install openjdk-17-jre-headless",
    "mvn": "apt-get install maven",
    "openssl": "apt-get install openssl",
    **{tool: "apt-get install krb5-kdc krb5-admin-server krb5-user"
       for tool in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist")},
    "curl": "apt-get install curl",
    "go": "Go 1.24 or newer from https://go.dev/dl",
}


def need(tools: tuple[str, ...]) -> None:
    """Names every tool that is missing, and Java where it is too old."""
    absent = [f"{tool} is missing: {TOOLS[tool]}" for tool in tools if shutil.which(tool) is None]
    if "java" in tools and not absent:
        words = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
        version = re.search(r'version "(\d+)', words)
        if version is None or int(version.group(1)) < 17:
            absent = [f"java is {version.group(1) if version else 'of unknown version'}, 17 is needed: {TOOLS['java']}"]
    if absent:
        raise Failure("\n".join(absent))


@contextlib.contextmanager
def making(name: str, what: str):
    """A scratch folder that becomes the folder `name` of the cache; nothing where that is there already."""
    final = cache() / name
    if final.exists():
        yield None
        return
    with locked(cache() / "servers-fetch.lock"):
        if final.exists():  # somebody else has made it meanwhile
            yield None
            return
        print(f"servers: fetching {what}", file=sys.stderr)
        for left in cache().glob("servers-work.*"):  # by a fetch that was killed
            shutil.rmtree(left, ignore_errors=True)
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="servers-work.", dir=cache()))
        try:
            (scratch / "whole").mkdir()
            yield scratch
            (scratch / "whole").rename(final)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def run(argv: list[str], doing: str, folder: pathlib.Path, **env: str) -> str:
    result = subprocess.run(argv, cwd=folder, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"cannot {doing}:\n" + "\n".join((result.stdout + result.stderr).splitlines()[-20:]))
    return result.stdout


def go_program(module: str, version: str, go_sum: str, name: str) -> pathlib.Path:
    """Builds the main package of a Go module. Its own go.sum, held by `go_sum`, pins all that it is made of."""
    short = version.split("-")[1] if "-" in version else version
    with making(f"{name}-{short}", f"and building {name} {version}: some minutes, and 5 GB for a while") as scratch:
        if scratch:
            paths = {"GOPATH": str(scratch / "go"), "GOMODCACHE": str(scratch / "mod"),
                     "GOCACHE": str(scratch / "cache"), "GOTMPDIR": str(scratch), "GOFLAGS": "-modcacherw"}
            answer = json.loads(run(["go", "mod", "download", "-json", f"{module}@{version}"],
                                    f"fetch {module} with go", scratch, **paths))
            if answer["Sum"] != go_sum:
                raise Failure(f"checksum of {module}@{version} is {answer['Sum']}, but {go_sum} is pinned: not used")
            source = shutil.copytree(answer["Dir"], scratch / "source")
            run(["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", scratch / "whole" / name, "."],
                f"build {module}", source, **paths)
    return cache() / f"{name}-{short}" / name


def sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def maven_jars(name: str, version: str, coordinates: list[str], groups: str = "") -> pathlib.Path:
    """A folder with these artifacts and all that they need to run (of these groups): exactly those in NAME.sha256."""
    with making(f"{name}-{version}", f"{name} {version} with Maven") as scratch:
        if scratch:
            dependencies = "".join(
                "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(
                    *coordinate.split(":")) for coordinate in coordinates)
            (scratch / "pom.xml").write_text(
                '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
                "<groupId>windrow.tests</groupId><artifactId>server</artifactId><version>1</version>"
                f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>")
            run(["mvn", "-B", "-q", "-C", "dependency:copy-dependencies", "-DincludeScope=runtime",
                 f"-DincludeGroupIds={groups}", f"-DoutputDirectory={scratch / 'whole'}"], f"fetch {name} with mvn", scratch)
            verify(name, scratch / "whole")
    return cache() / f"{name}-{version}"


def verify(name: str, folder: pathlib.Path) -> None:
    """Holds the files of a folder to NAME.sha256: none more, none less, none other."""
    found = {file.name: sha256(file) for file in folder.iterdir()}
    pins = HERE / f"{name}.sha256"
    if os.environ.get("WINDROW_PIN") == name:  # after a change of version; look at the difference before you commit
        pins.write_text("".join(f"{found[file]}  {file}\n" for file in sorted(found)))
    pinned = dict(reversed(line.split()) for line in pins.read_text().splitlines())
    wrong = sorted(file for file in found.keys() | pinned.keys() if found.get(file) != pinned.get(file))
    if wrong:
        raise Failure(f"{name}: not as pinned in {pins.name}, so not used: {', '.join(wrong[:8])}")
