"""examples/movies: TMDB into MongoDB. With a key in $TMDB_API_KEY it asks the real TMDB, without one a stand-in on loopback."""
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

from mongodb import Mongodb
from server import Process, Server
from tmdb_catalogue import Catalogue

ROWS = 60  # films: at four requests a second, under a minute
KEY = "key-of-the-stand-in"


class Tmdb(Server):
    """A stand-in for TMDB; its answers are a file that `feed` writes."""

    name = "tmdb"
    about = "a stand-in for TMDB"
    port_names = ("http",)
    seconds = 20

    def answers(self) -> pathlib.Path:
        return self.home / "answers.json"

    def processes(self) -> list[Process]:
        program = pathlib.Path(__file__).with_name("tmdb_server.py")
        return [Process("tmdb", [sys.executable, "-B", str(program), str(self.ports["http"]), str(self.answers()), KEY])]

    def missing(self) -> str | None:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.address() + "/configuration", timeout=3)
        except urllib.error.HTTPError:
            return None  # it asks for a key
        except OSError:
            return "it does not answer"
        return None

    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}/3"

    def variables(self) -> dict[str, str]:
        return {"TMDB_URL": self.address(), "TMDB_API_KEY": KEY}

    def serve(self, catalogue: Catalogue, per_second: float) -> None:
        whole = self.answers().with_suffix(".new")
        whole.write_text(json.dumps({"per_second": per_second, "answers": catalogue.answers()}, ensure_ascii=False))
        whole.rename(self.answers())


SERVERS = (Mongodb,) if os.environ.get("TMDB_API_KEY") else (Tmdb, Mongodb)


def settings(stage):
    out = {"MONGODB_URL": stage.servers["mongodb"].address(), "TMDB_PAGES": str(max(1, -(-stage.rows // 20)))}
    if "tmdb" in stage.servers:
        out |= stage.servers["tmdb"].variables()
    return out


def feed(stage, real: bool = True) -> Catalogue | None:
    if "tmdb" not in stage.servers:
        return None  # the real one
    catalogue = Catalogue(stage.rows, stage.seed, real=real)
    serve(stage, catalogue)
    return catalogue


def serve(stage, catalogue: Catalogue) -> None:
    """The stand-in holds its clients to the rate that the project promises."""
    stage.servers["tmdb"].serve(catalogue, float(stage.environment.get("TMDB_RATE", 4.0)))


def run(stage):
    stage.windrow("run", "--jobs", "3")


def current(database, view: str, *stages) -> list[dict]:
    """As an application reads: the pointer first, then the batch that it names."""
    batch = database.windrow_publications.find_one({"_id": "current"})["views"][view]
    found = {"view_type": view, "batch_run_id": batch["batch_id"]}
    return list(database[batch["collection"]].aggregate([{"$match": found}, *stages]))


def show(stage):
    import pymongo

    stage.windrow("query", "SELECT endpoint, requests, attempts, throttled, records, distinct_keys, complete FROM bronze.movies_log")
    with pymongo.MongoClient(stage.servers["mongodb"].address()) as client:
        database = client["movies"]
        trending = current(database, "trending_scores", {"$match": {"data.window_days": 7}}, {"$sort": {"data.rank": 1}}, {"$limit": 5})
        stage.table(["rank", "film", "reviews", "score", "velocity"],
                    [[d["data"]["rank"], d["data"]["title"], d["data"]["reviews"], round(d["data"]["score"], 2),
                      round(d["data"]["velocity"], 3)] for d in trending], "pymongo: trending_scores, 7 days")
        genres = current(database, "genre_analytics", {"$sort": {"data.year": -1, "data.genre": 1}}, {"$limit": 5})
        stage.table(["genre", "year", "films", "average vote", "first film"],
                    [[d["data"]["genre"], d["data"]["year"], d["data"]["movies"], round(d["data"]["average_vote"] or 0, 2),
                      d["data"]["top_movies"][0]["title"]] for d in genres], "pymongo: genre_analytics, the newest")
        sentiment = current(database, "sentiment_trends", {"$sort": {"data.reviews": -1, "movie_id": 1, "data.month": 1}}, {"$limit": 5})
        stage.table(["film", "month", "reviews", "sentiment", "so far"],
                    [[d["data"]["title"], d["data"]["month"].date(), d["data"]["reviews"], round(d["data"]["avg_sentiment"], 3),
                      round(d["data"]["sentiment_so_far"], 3)] for d in sentiment], "pymongo: sentiment_trends, the most reviewed")
        stars = current(database, "actor_networks", {"$match": {"data.rank_in_community": 1}},
                        {"$sort": {"data.community": 1}}, {"$limit": 5})
        stage.table(["community", "actors", "in its middle", "partners", "closest"],
                    [[d["data"]["community"], d["data"]["community_size"], d["data"]["name"], d["data"]["partners"],
                      d["data"]["closest_partners"][0]["name"]] for d in stars], "pymongo: actor_networks, the largest communities")
        indexes = [", ".join(f"{key} {way}" for key, way in index["key"].items()) for index in database.batch_views.list_indexes()]
        stage.table(["indexes of batch_views"], [[each] for each in indexes])
