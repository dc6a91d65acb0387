"""examples/league: matches → Kafka → Parquet on HDFS → three tables in Cassandra.

Generated matches in the format match-v5 and a tenth as many in match-v3; or real ones, where LEAGUE_V5 (lines of JSON)
and LEAGUE_V3 (a folder of Riot's seed files) name them.
"""
import datetime
import gzip
import json
import os
import pathlib
import random
import subprocess

from cassandra_server import Cassandra
from hdfs import Hdfs
from kafka import Kafka

SERVERS = (Kafka, Hdfs, Cassandra)
ROWS = 500  # participants, about
V5, V3 = "lol-matches", "lol-matches-v3"
PLAYERS = 10
COLUMNS = ("match_date, match_id, participant_id, summoner_name, champion_id, champion_name, position, team_id, win, kills, "
           "deaths, assists, gold_earned, damage_to_champions, damage_taken, vision_score, creep_score, champion_level, "
           "game_seconds, game_version, game_mode, started_at, kda, gold_per_minute, damage_per_minute, kill_participation, "
           "vision_per_minute, creep_score_per_minute, win_number").split(", ")


def settings(stage) -> dict[str, str]:
    hdfs = stage.servers["hdfs"]
    return {
        "KAFKA_BROKERS": stage.servers["kafka"].address(),
        "CASSANDRA_HOSTS": stage.servers["cassandra"].address(),
        "CASSANDRA_CONSISTENCY": "one",
        "LAKE": hdfs.address() + "/",
        "HADOOP_USER_NAME": hdfs.variables()["HADOOP_USER_NAME"],
    }


def feed(stage) -> None:
    v5, v3 = os.environ.get("LEAGUE_V5"), os.environ.get("LEAGUE_V3")
    if v5 or v3:
        send(stage, V5, [line for line in opened(pathlib.Path(v5)).splitlines() if line] if v5 else [])
        files = sorted(pathlib.Path(v3).glob("match_v3_seed_*.json*")) if v3 else []
        send(stage, V3, [json.dumps(match) for file in files for match in json.loads(opened(file))["matches"]])
        return
    older = max(1, stage.rows // PLAYERS // 10)
    newer = max(1, stage.rows // PLAYERS - older)
    stage.windrow("generate", "league", "--rows", str(newer), "--seed", str(stage.seed), "--to", "kafka", "--topic", V5,
                  "--brokers", stage.environment["KAFKA_BROKERS"], "--duplicates", "0.02", "--late", "0", "--broken", "0")
    send(stage, V3, older_matches(older, stage.seed))


def opened(path: pathlib.Path) -> str:
    return gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()


def older_matches(count: int, seed: int) -> list[str]:
    """As match-v3 told them: stats of their own, names apart, champions by number alone."""
    chance = random.Random(seed)
    lanes = [("TOP", "SOLO"), ("JUNGLE", "NONE"), ("MIDDLE", "SOLO"), ("BOTTOM", "DUO_CARRY"), ("BOTTOM", "DUO_SUPPORT")]
    begin = datetime.datetime(2017, 8, 29, 16, tzinfo=datetime.timezone.utc).timestamp()
    out = []
    for number in range(count):
        players, names, first_wins = [], [], chance.random() < 0.5
        for at in range(PLAYERS):
            lane, role = lanes[at % 5]
            stats = {"participantId": at + 1, "win": (at < 5) == first_wins, "kills": chance.randrange(15),
                     "deaths": chance.randrange(12), "assists": chance.randrange(25), "goldEarned": 6000 + chance.randrange(15000),
                     "totalDamageDealtToChampions": chance.randrange(45000), "totalDamageTaken": chance.randrange(50000),
                     "visionScore": chance.randrange(80), "totalMinionsKilled": chance.randrange(300),
                     "neutralMinionsKilled": chance.randrange(60), "champLevel": 6 + chance.randrange(13)}
            players.append({"participantId": at + 1, "teamId": 100 if at < 5 else 200, "championId": 1 + chance.randrange(140),
                            "stats": stats, "timeline": {"participantId": at + 1, "role": role, "lane": lane}})
            names.append({"participantId": at + 1, "player": {"summonerName": f"Zoë {chance.randrange(50000)}"}})
        out.append(json.dumps({
            "gameId": 1585563902 + number, "platformId": "NA1", "gameCreation": int((begin + number * 40) * 1000),
            "gameDuration": 900 + chance.randrange(1800), "gameVersion": "7.17.200.3955", "gameMode": "CLASSIC",
            "participantIdentities": names, "participants": players}))
    return out


def send(stage, topic: str, matches: list[str]) -> None:
    """Messages as they stand, one a line, into one partition: their order is theirs."""
    broker = stage.environment["KAFKA_BROKERS"]
    stage.windrow("generate", "league", "--rows", "0", "--to", "kafka", "--brokers", broker, "--topic", topic, "--partitions", "1")
    if not matches:
        return
    if not stage.quiet:
        print(f"$ kcat -b {broker} -P -t {topic}   # {len(matches):,} matches", flush=True)
    subprocess.run(["kcat", "-b", broker, "-P", "-t", topic, "-X", "message.max.bytes=4000000"], input="\n".join(matches) + "\n",
                   text=True, check=True, timeout=300, capture_output=True)


def run(stage) -> None:
    for source in ("data.lol_matches", "data.lol_matches_v3"):
        stage.windrow("ingest", source, "--until-caught-up")  # in production: without an end
    stage.windrow("run")
    stage.windrow("plan")  # nothing is new: nothing would be sent


def connected(stage):
    """A session of Cassandra's own driver for Python."""
    from cassandra.cluster import Cluster
    from cassandra.query import tuple_factory

    cluster = Cluster(["127.0.0.1"], port=stage.servers["cassandra"].ports["cql"])
    stage.closing.callback(cluster.shutdown)
    session = cluster.connect()
    session.row_factory = tuple_factory
    session.default_timeout = 60
    return session


def show(stage) -> None:
    session = connected(stage)
    shown = "match_date, match_id, participant_id, summoner_name, champion_name, kda, gold_per_minute, win_number"
    some = list(session.execute(f"SELECT {shown} FROM lol_data.match_participants LIMIT 5"))
    stage.table(shown.split(", "), [shortened(row) for row in some], "cassandra-driver, lol_data.match_participants")
    mid = "match_id, participant_id, summoner_name, kda"
    found = list(session.execute(f"SELECT {mid} FROM lol_data.match_participants WHERE position = 'MIDDLE' LIMIT 3"))
    stage.table(mid.split(", "), [shortened(row) for row in found], "by the index on position")
    stats = "match_date, position, games, win_rate, avg_kda, avg_gold_per_minute"
    rows = list(session.execute(f"SELECT {stats} FROM lol_data.position_stats LIMIT 6"))
    stage.table(stats.split(", "), [shortened(row) for row in rows], "lol_data.position_stats")
    kept = list(session.execute("SELECT \"view\", rows, published, changing FROM lol_data.windrow_publications"))
    stage.table(["view", "rows", "published", "changing"], kept, "lol_data.windrow_publications")


def shortened(row) -> list:
    return [round(cell, 2) if isinstance(cell, float) else cell for cell in row]
