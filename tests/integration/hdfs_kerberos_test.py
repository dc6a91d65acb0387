"""A lake on an HDFS that asks for Kerberos: a real KDC, two NameNodes and a DataNode (tests/servers/hdfs.py)."""
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import hdfs as hdfs_server  # noqa: E402  (tests/servers/hdfs.py)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    yield from lab.serving(hdfs_server.HdfsKerberos(tmp_path_factory.mktemp("servers")))


@pytest.fixture
def bare(cluster, monkeypatch, tmp_path):
    """Nobody's environment: no ticket, no token."""
    for name in [name for name in os.environ if name.startswith(("WINDROW_HDFS_", "HADOOP_", "KRB5"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KRB5_CONFIG", cluster.kdc.env["KRB5_CONFIG"])
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/no-ticket")
    monkeypatch.setenv("WINDROW_HDFS_KERBEROS", "true")
    return cluster


@pytest.fixture
def ticket(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("KRB5CCNAME", bare.kdc.ticket("tester", "tester", tmp_path / "ticket")["KRB5CCNAME"])
    return bare


def project(folder: pathlib.Path, lake: str) -> pathlib.Path:
    files = dict(lab.FILES)
    files["windrow.yaml"] = files["windrow.yaml"].replace("lake: lake", f'lake: "{lake}"')
    lab.add_events(lab.make_project(folder, files), "a.ndjson", range(50))
    return folder


def refused(folder: pathlib.Path, *words: str) -> None:
    result = lab.windrow(folder, "run", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    for word in words:
        assert word in said, said


def rows(folder: pathlib.Path) -> int:
    return json.loads(lab.windrow(folder, "--json", "query", "SELECT count(*) AS n FROM silver.events").stdout)[0]["n"]


def spnego(cluster, operation: str) -> dict:
    """Another program's SPNEGO: curl, with the ticket of the environment."""
    for node in ("nn1", "nn2"):
        answer = subprocess.run(["curl", "-s", "--negotiate", "-u", ":", f"http://localhost:{cluster.ports[node + '_http']}/webhdfs/v1/?op={operation}"],
                                capture_output=True, text=True, timeout=30).stdout
        if answer and "StandbyException" not in answer:
            return json.loads(answer)
    raise AssertionError("no active NameNode")


def test_a_ticket(ticket, tmp_path):
    folder = project(tmp_path / "p", ticket.address() + "/ticket/lake")
    lab.windrow(folder, "run")
    assert rows(folder) == 50
    assert "everything is up to date" in lab.windrow(folder, "plan").stdout
    owner = spnego(ticket, "LISTSTATUS")["FileStatuses"]["FileStatus"]
    assert {status["owner"] for status in owner if status["pathSuffix"] == "ticket"} == {"tester"}


def test_no_ticket(bare, tmp_path, monkeypatch):
    folder = project(tmp_path / "p", bare.address() + "/none/lake")
    refused(folder, "get a Kerberos ticket with kinit")
    monkeypatch.delenv("WINDROW_HDFS_KERBEROS")
    refused(folder, "WINDROW_HDFS_KERBEROS=true")


def test_an_expired_ticket(bare, tmp_path, monkeypatch):
    monkeypatch.setenv("KRB5CCNAME", bare.kdc.ticket("tester", "tester", tmp_path / "short", lifetime="1s")["KRB5CCNAME"])
    look = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--negotiate", "-u", ":",
            f"http://localhost:{bare.ports['nn1_http']}/webhdfs/v1/?op=LISTSTATUS"]
    end = time.monotonic() + 30
    while subprocess.run(look, capture_output=True, text=True).stdout != "401":  # to another program it has expired too
        assert time.monotonic() < end
    refused(project(tmp_path / "p", bare.address() + "/late/lake"), "get a Kerberos ticket with kinit")


def test_a_delegation_token_and_a_fail_over(ticket, tmp_path, monkeypatch):
    token = spnego(ticket, "GETDELEGATIONTOKEN&renewer=tester")["Token"]["urlString"]
    with_ticket = os.environ["KRB5CCNAME"]
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/no-ticket")
    monkeypatch.setenv("WINDROW_HDFS_TOKEN", token)
    folder = project(tmp_path / "p", ticket.address() + "/token/lake")
    lab.windrow(folder, "run")
    assert rows(folder) == 50
    # The other NameNode takes over: it knows the token, and takes a ticket.
    ticket.kill("nn1")
    ticket.make_active("nn2")
    lab.add_events(folder, "b.ndjson", range(50, 80))
    lab.windrow(folder, "run")
    assert rows(folder) == 80
    monkeypatch.delenv("WINDROW_HDFS_TOKEN")
    monkeypatch.setenv("KRB5CCNAME", with_ticket)
    assert rows(folder) == 80
    subprocess.run(["curl", "-s", "-X", "PUT", f"http://localhost:{ticket.ports['nn2_http']}/webhdfs/v1/?op=CANCELDELEGATIONTOKEN&token={token}",
                    "--negotiate", "-u", ":"], check=True, timeout=30)
    monkeypatch.setenv("WINDROW_HDFS_TOKEN", token)
    lab.add_events(folder, "c.ndjson", range(80, 90))
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and "get a new delegation token" in result.stdout + result.stderr
    assert token not in result.stdout + result.stderr
