"""examples/league: what Cassandra's driver reads equals what pandas computes from the messages; files lie where they should."""
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pandas
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/examples"))
import stage as frame  # noqa: E402  (tests/examples/stage.py)
import league as example  # noqa: E402  (tests/examples/league.py)

DATA = ROOT.parent / "shared/data/league"
ROWS = int(os.environ.get("WINDROW_LEAGUE", 1000))
pytestmark = pytest.mark.skipif(not all(shutil.which(tool) for tool in ("java", "mvn", "kcat")), reason="the servers need Java, Maven and kcat")
POSITIONS = {"TOP", "JUNGLE", "MIDDLE", "BOTTOM", "UTILITY"}


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    with frame.staged("league", tmp_path_factory.mktemp("league") / "league", ROWS, quiet=True) as stage:
        yield stage


def messages(stage, topic: str) -> list[dict]:
    """What the topic holds, as kcat reads it, in the order of its partitions' offsets."""
    told = subprocess.run(["kcat", "-b", stage.environment["KAFKA_BROKERS"], "-C", "-t", topic, "-e", "-q", "-f", "%o\t%p\t%s\n"],
                          capture_output=True, text=True, check=True, timeout=120).stdout
    rows = [line.split("\t", 2) for line in told.splitlines()]
    return [json.loads(row[2]) for row in sorted(rows, key=lambda row: (int(row[0]), int(row[1])))]


def older(match: dict) -> list[dict]:
    names = {each["participantId"]: each["player"]["summonerName"] for each in match["participantIdentities"]}
    out = []
    for player in match["participants"]:
        stats, lane, role = player["stats"], player["timeline"]["lane"], player["timeline"]["role"]
        out.append({"match_id": f"{match['platformId']}_{match['gameId']}", "summoner_name": names[player["participantId"]],
                    "champion_name": f"Champion {player['championId']}", "team_id": player["teamId"],
                    "position": "UTILITY" if (lane, role) == ("BOTTOM", "DUO_SUPPORT") else {"MID": "MIDDLE"}.get(lane, lane),
                    **common(match, player, stats)})
    return out


def newer(match: dict) -> list[dict]:
    return [{"match_id": match["metadata"]["matchId"], "summoner_name": player.get("summonerName") or player.get("riotIdGameName"),
             "champion_name": player["championName"], "team_id": player.get("playerSubteamId") or player["teamId"],
             "position": player.get("teamPosition"), **common(match["info"], player, player)} for player in match["info"]["participants"]]


def common(match: dict, player: dict, stats: dict) -> dict:
    seconds = match["gameDuration"]
    if "gameEndTimestamp" not in match and seconds > 20000:
        seconds //= 1000
    return {"participant_id": player["participantId"], "champion_id": player["championId"], "win": stats["win"], "kills": stats["kills"],
            "deaths": stats["deaths"], "assists": stats["assists"], "gold_earned": stats["goldEarned"],
            "damage_to_champions": stats["totalDamageDealtToChampions"], "damage_taken": stats.get("totalDamageTaken", 0),
            "vision_score": stats.get("visionScore", 0),
            "creep_score": stats.get("totalMinionsKilled", 0) + stats.get("neutralMinionsKilled", 0),
            "champion_level": stats.get("champLevel", 0), "game_seconds": seconds, "game_version": match["gameVersion"],
            "game_mode": match["gameMode"], "started_at": pandas.Timestamp(match["gameCreation"], unit="ms")}


def expected(stage) -> pandas.DataFrame:
    rows = [row for match in messages(stage, example.V5) for row in newer(match)]
    rows += [row for match in messages(stage, example.V3) for row in older(match)]
    out = pandas.DataFrame(rows)
    out = out[out.game_seconds > 0].drop_duplicates(["match_id", "participant_id"], keep="first").reset_index(drop=True)
    out["summoner_name"] = [name or "unknown" for name in out.summoner_name]
    out["position"] = [position if position in POSITIONS else "NONE" for position in out.position]
    out["match_date"] = [str(at.date()) for at in out.started_at]
    minutes = out.game_seconds / 60
    out["kda"] = (out.kills + out.assists) / out.deaths.clip(lower=1)
    out["gold_per_minute"] = out.gold_earned / minutes
    out["damage_per_minute"] = out.damage_to_champions / minutes
    team = out.groupby(["match_id", "team_id"]).kills.transform("sum")
    out["kill_participation"] = ((out.kills + out.assists) / team.where(team > 0)).fillna(0)
    out["vision_per_minute"] = out.vision_score / minutes
    out["creep_score_per_minute"] = out.creep_score / minutes
    out["win_number"] = out.win.astype(int)
    return out


def same(left, right) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return left == right


def read(session, table: str, columns: list[str]) -> list[dict]:
    out = []
    for row in session.execute(f"SELECT {', '.join(columns)} FROM lol_data.{table}"):
        row = dict(zip(columns, row))
        row["match_date"] = str(row["match_date"])
        if "started_at" in row:
            row["started_at"] = pandas.Timestamp(row["started_at"])
        out.append(row)
    return out


def compare(there: list[dict], wanted: pandas.DataFrame, keys: list[str]) -> None:
    wanted = {tuple(row[key] for key in keys): row for row in wanted.to_dict("records")}
    assert {tuple(row[key] for key in keys) for row in there} == set(wanted) and len(there) == len(wanted)
    for row in there:
        for column, value in row.items():
            assert same(value, wanted[tuple(row[key] for key in keys)][column]), (column, row, wanted[tuple(row[key] for key in keys)])


def statistics(participants: pandas.DataFrame, by: str) -> pandas.DataFrame:
    grouped = participants.groupby(["match_date", by])
    out = pandas.DataFrame({"games": grouped.size(), "wins": grouped.win_number.sum(), "win_rate": grouped.win_number.mean()})
    for column in ("kills", "deaths", "assists", "kda", "gold_per_minute", "damage_per_minute", "kill_participation",
                   "vision_per_minute", "creep_score_per_minute"):
        out["avg_" + column] = grouped[column].mean()
    if by == "champion_id":
        out["champion_name"] = grouped.champion_name.min()
    return out.reset_index()


def everything_equals(stage) -> pandas.DataFrame:
    session = example.connected(stage)
    wanted = expected(stage)
    assert len(example.COLUMNS) == 29
    table = session.cluster.metadata.keyspaces["lol_data"].tables["match_participants"]
    assert set(table.columns) == set(example.COLUMNS)
    assert [column.name for column in table.partition_key] == ["match_date", "match_id"]
    assert [column.name for column in table.clustering_key] == ["participant_id"]
    assert {index.index_options["target"].strip('"') for index in table.indexes.values()} == {"champion_name", "position", "summoner_name"}
    compare(read(session, "match_participants", example.COLUMNS), wanted, ["match_date", "match_id", "participant_id"])
    for view, by in (("champion_stats", "champion_id"), ("position_stats", "position")):
        stats = statistics(wanted, by)
        compare(read(session, view, list(stats.columns)), stats, ["match_date", by])
    one = wanted.iloc[0]
    found = list(session.execute("SELECT match_id FROM lol_data.match_participants WHERE summoner_name = %s", [one.summoner_name]))
    assert len(found) == (wanted.summoner_name == one.summoner_name).sum()
    return wanted


def files(stage, table: str) -> list[str]:
    """Parquet files on HDFS, as Windrow's own listing of the table does not tell them: by walking WebHDFS."""
    import server
    base = stage.environment["LAKE"].replace("webhdfs://", "http://").rstrip("/") + "/webhdfs/v1"
    user = stage.environment["HADOOP_USER_NAME"]

    def walk(path: str) -> list[str]:
        told = server.get(f"{base}{path}?op=LISTSTATUS&user.name={user}")
        out = []
        for each in json.loads(told)["FileStatuses"]["FileStatus"]:
            inner = f"{path}/{each['pathSuffix']}"
            out += walk(inner) if each["type"] == "DIRECTORY" else [inner]
        return out

    return [path for path in walk("/data/" + table) if path.endswith(".parquet")]


def test_generated_matches_of_both_formats(staged):
    example.feed(staged)
    example.run(staged)
    everything_equals(staged)
    lying = files(staged, "lol_matches")
    assert lying and all(re.fullmatch(r"/data/lol_matches/\d{4}/\d\d/\d\d/lol_matches_\d{6}_batch\d+_\w+\.parquet", path) for path in lying), lying[:3]
    assert len(lying) >= len(messages(staged, example.V5)) // 50
    planned = staged.windrow("plan").stdout
    assert "nothing" in planned.lower() or "up to date" in planned.lower(), planned
    # More matches come: the tables follow, and what was there stays.
    example.send(staged, example.V3, [match.replace('"gameId": 1', '"gameId": 9') for match in example.older_matches(30, seed=9)])
    example.run(staged)
    everything_equals(staged)


def test_a_date_by_itself(staged):
    """ETL for a date: the day is built again, and nothing else."""
    before = everything_equals(staged)
    day = sorted(before.match_date)[0]
    following = str((pandas.Timestamp(day) + pandas.Timedelta(days=1)).date())
    told = staged.windrow("backfill", day, following, "--only", "all").stdout
    assert "silver.participants" in told
    everything_equals(staged)


def test_real_matches_among_them(staged, monkeypatch):
    if not (DATA / "match_v5.ndjson.gz").exists():
        pytest.skip("real matches are not here")
    before = everything_equals(staged).match_id.nunique()
    monkeypatch.setenv("LEAGUE_V5", str(DATA / "match_v5.ndjson.gz"))
    monkeypatch.setenv("LEAGUE_V3", str(DATA))
    example.feed(staged)
    example.run(staged)
    wanted = everything_equals(staged)
    assert wanted.match_id.nunique() == before + 718
    assert {8, 10, 16} >= set(wanted.groupby("match_id").size()) and "NONE" in set(wanted.position)
