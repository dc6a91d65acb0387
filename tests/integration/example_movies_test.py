"""examples/movies: what pymongo reads equals what pandas computes from the API's answers."""
import itertools
import os
import pathlib
import shutil
import sys
import time

import igraph
import pandas
import pymongo
import pytest

import lab
import vader

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "examples"))
import stage as frame  # noqa: E402  (tests/examples/stage.py)
import movies as example  # noqa: E402  (tests/examples/movies.py)
import tmdb_catalogue  # noqa: E402

ROWS = int(os.environ.get("WINDROW_MOVIES", 100))
pytestmark = pytest.mark.skipif(not (shutil.which("java") and shutil.which("mvn")), reason="the emulator of MongoDB needs Java and Maven")


@pytest.fixture
def staged(tmp_path, monkeypatch):
    # A key in this shell is for the real API: the tests ask the stand-in.
    monkeypatch.setattr(example, "SERVERS", (example.Tmdb, example.Mongodb))
    with frame.staged("movies", tmp_path / "movies", ROWS, quiet=True) as stage:
        yield stage


# --- the same, computed by pandas from what the API has told

def films(catalogue) -> pandas.DataFrame:
    out = []
    for told in catalogue.films:
        title = (told["title"] or "").strip() or None
        vote = told["vote_average"]
        released = pandas.to_datetime(told["release_date"] or None, errors="coerce")
        out.append({
            "movie_id": told["id"], "title": title, "released": released, "year": released.year if released is not pandas.NaT else None,
            "genres": [g["name"] for g in told["genres"]], "revenue": told["revenue"] or None, "budget": told["budget"] or None,
            "runtime": told["runtime"] or None, "popularity": told["popularity"], "vote": vote, "votes": told["vote_count"],
            "directors": [m["name"] for m in told["credits"]["crew"] if m["job"] == "Director"],
            "keywords": [k["name"] for k in told["keywords"]["keywords"]],
            "companies": [c["name"] for c in told["production_companies"]],
            "broken": title is None or vote < 0 or vote > 10})
    return pandas.DataFrame(out)


def value(found):
    return None if pandas.isna(found) else found


def most(lists) -> list[str] | None:
    names = pandas.Series([name for each in lists for name in each], dtype=object)
    counted = sorted(names.value_counts().items(), key=lambda pair: (-pair[1], pair[0]))
    return [name for name, _ in counted[:3]] or None


def genre_analytics(catalogue) -> dict:
    all_films = films(catalogue)
    sound = all_films[~all_films.broken & all_films.released.notna()].explode("genres")
    out = {}
    for (genre, year), group in sound.dropna(subset=["genres"]).groupby(["genres", "year"]):
        both = group[group.revenue.notna() & group.budget.notna()]
        top = group.sort_values(["popularity", "movie_id"], ascending=[False, True]).head(5)
        out[genre, int(year)] = {
            "movies": len(group), "average_vote": value(group[group.votes > 0].vote.mean()), "votes": group.votes.sum(),
            "average_popularity": group.popularity.mean(), "average_runtime": value(group.runtime.mean()),
            "budget": value(group.budget.sum(min_count=1)), "revenue": value(group.revenue.sum(min_count=1)),
            "profit": value((both.revenue - both.budget).sum(min_count=1)),
            "return_on_budget": (both.revenue - both.budget).sum() / both.budget.sum() if len(both) else None,
            "top_movies": [{"movie_id": r.movie_id, "title": r.title, "popularity": r.popularity} for r in top.itertuples()],
            "top_directors": most(group.directors), "top_keywords": most(group.keywords), "top_companies": most(group.companies)}
    return out


def trending_scores(catalogue, until) -> dict:
    sound = films(catalogue)
    sound = sound[~sound.broken]
    reviews = pandas.DataFrame([{"movie_id": key, "day": pandas.Timestamp(r["created_at"]).tz_convert(None).normalize(),
                                 "rating": r["author_details"]["rating"]}
                                for key, told in catalogue.reviews.items() for r in told])
    out = {}
    for days in (7, 30, 90):
        end, step = pandas.Timestamp(until), pandas.Timedelta(days=days)
        now = reviews[(reviews.day > end - step) & (reviews.day <= end)].groupby("movie_id")
        before = reviews[(reviews.day > end - 2 * step) & (reviews.day <= end - step)].groupby("movie_id")
        frame = sound.set_index("movie_id")[["title", "popularity"]]
        frame = frame.assign(reviews=now.size(), before=before.size(), rating=now.rating.mean()).fillna({"reviews": 0, "before": 0})
        frame["score"] = frame.popularity * (1 + 0.1 * frame.reviews)
        frame["velocity"] = (frame.score - frame.popularity * (1 + 0.1 * frame.before)) / days
        frame = frame.reset_index().sort_values(["score", "movie_id"], ascending=[False, True])
        for rank, row in enumerate(frame.itertuples(), 1):
            out[row.movie_id, days] = {"title": row.title, "reviews": row.reviews, "reviews_before": row.before, "rank": rank,
                                       "average_rating": value(row.rating), "score": row.score, "velocity": row.velocity}
    return out


def reviews_judged(catalogue) -> pandas.DataFrame:
    told = [(key, r) for key, reviews in catalogue.reviews.items() for r in reviews]
    scores = [said["compound"] for said in vader.judged([r["content"] for _, r in told])]
    return pandas.DataFrame([{"movie_id": key, "month": pandas.Timestamp(r["created_at"]).tz_convert(None).to_period("M"),
                              "rating": r["author_details"]["rating"], "sentiment": score}
                             for (key, r), score in zip(told, scores, strict=True)])


def sentiment_by_genre(catalogue) -> dict:
    sound = films(catalogue)
    sound = sound[~sound.broken & sound.released.notna()].explode("genres").dropna(subset=["genres"])
    grouped = sound.merge(reviews_judged(catalogue), on="movie_id", how="left").groupby(["genres", "year"]).sentiment
    return {(genre, int(year)): {"reviews": int(group.count()), "avg_sentiment": value(group.mean())} for (genre, year), group in grouped}


def sentiment_trends(catalogue) -> dict:
    sound = films(catalogue)
    reviews = reviews_judged(catalogue)
    reviews = reviews[reviews.movie_id.isin(sound[~sound.broken].movie_id)]
    out = {}
    for movie_id, of_film in reviews.groupby("movie_id"):
        before, all_so_far = None, []
        for month, group in sorted(of_film.groupby("month")):
            mean = group.sentiment.mean()
            all_so_far += list(group.sentiment)
            out[movie_id, month.start_time.to_pydatetime()] = {
                "reviews": len(group), "positive": int((group.sentiment >= 0.05).sum()), "negative": int((group.sentiment <= -0.05).sum()),
                "avg_sentiment": mean, "average_rating": value(group.rating.mean()), "avg_sentiment_before": before,
                "change": None if before is None else mean - before, "sentiment_so_far": sum(all_so_far) / len(all_so_far)}
            before = mean
    return out


def temporal_comparisons(catalogue) -> dict:
    sound = films(catalogue)
    sound = sound[~sound.broken & sound.released.notna()].explode("genres").dropna(subset=["genres"])
    sound["revenue"] = sound.revenue.fillna(0)
    sound["vote"] = sound.vote.where(sound.votes > 0)
    out = {}
    for grain, code in (("month", "M"), ("year", "Y")):
        grouped = sound.groupby(["genres", sound.released.dt.to_period(code)])
        table = grouped.agg(movies=("movie_id", "size"), revenue=("revenue", "sum"), vote=("vote", "mean"))
        for (genre, period), row in table.iterrows():
            former = table.loc[(genre, period - 1)] if (genre, period - 1) in table.index else None
            gone = 0 if former is None else former.revenue
            out[genre, grain, period.start_time.to_pydatetime()] = {
                "year": period.year, "movies": row.movies, "revenue": row.revenue, "average_vote": value(row.vote),
                "movies_before": 0 if former is None else former.movies, "revenue_before": gone,
                "movies_change": row.movies - (0 if former is None else former.movies),
                "revenue_change_percent": 100 * (row.revenue - gone) / gone if gone else None,
                "average_vote_change": None if former is None else value(row.vote - former.vote)}
    return out


def same(found: dict, wanted: dict, view: str) -> None:
    assert set(found) == set(wanted), (view, list(set(found) ^ set(wanted))[:5])
    for key, row in wanted.items():
        for column, cell in row.items():
            seen = found[key][column]
            good = seen == pytest.approx(cell, rel=1e-9, abs=1e-9) if isinstance(cell, (int, float)) and seen is not None else seen == cell
            assert good, (view, key, column, seen, cell)


def check_network(found: list[dict], catalogue) -> None:
    sound = films(catalogue)
    broken = set(sound[sound.broken].movie_id)
    graph = {}
    for told in catalogue.films:
        if told["id"] in broken:
            continue
        cast = sorted({m["id"] for m in told["credits"]["cast"] if m["order"] < 10})
        for a, b in itertools.combinations(cast, 2):
            graph[a, b] = graph.get((a, b), 0) + 1 / (len(cast) - 1)
    ties = igraph.Graph.TupleList([(a, b, weight) for (a, b), weight in graph.items()], weights=True)
    ranks = dict(zip(ties.vs["name"], ties.pagerank(weights="weight"), strict=True))
    wanted = {name: {"partners": degree, "strength": strength}
              for name, degree, strength in zip(ties.vs["name"], ties.degree(), ties.strength(weights="weight"), strict=True)}
    assert {d["person_id"]: d["partners"] for d in found} == {name: row["partners"] for name, row in wanted.items()}
    for row in found:
        assert row["strength"] == pytest.approx(wanted[row["person_id"]]["strength"], abs=1e-6)  # nine digits of each film
        assert row["pagerank"] == pytest.approx(ranks[row["person_id"]], abs=1e-8)
        assert len(row["closest_partners"]) == min(row["partners"], 5)
    community = {row["person_id"]: row["community"] for row in found}
    theirs = ties.community_leiden("modularity", weights="weight", n_iterations=-1).membership
    ours = ties.modularity([community[name] - 1 for name in ties.vs["name"]], weights="weight")
    assert ours > ties.modularity(theirs, weights="weight") - 0.02


def check(stage, catalogue) -> None:
    with pymongo.MongoClient(stage.servers["mongodb"].address()) as client:
        database = client["movies"]
        data = [d["data"] for d in example.current(database, "genre_analytics")]
        same({(d["genre"], d["year"]): d for d in data}, genre_analytics(catalogue), "genre_analytics")
        same({(d["genre"], d["year"]): d for d in data}, sentiment_by_genre(catalogue), "genre_analytics")
        documents = example.current(database, "sentiment_trends")
        same({(d["movie_id"], d["data"]["month"]): d["data"] for d in documents}, sentiment_trends(catalogue), "sentiment_trends")
        check_network([d["data"] for d in example.current(database, "actor_networks")], catalogue)
        documents = example.current(database, "trending_scores")
        until = max(d["data"]["until"] for d in documents)
        same({(d["movie_id"], d["data"]["window_days"]): d["data"] for d in documents}, trending_scores(catalogue, until), "trending_scores")
        data = [d["data"] for d in example.current(database, "temporal_comparisons")]
        same({(d["genre"], d["grain"], d["period"]): d for d in data}, temporal_comparisons(catalogue), "temporal_comparisons")
        keys = [tuple(index["key"].items()) for index in database.batch_views.list_indexes()]
        for wanted in ((("movie_id", 1), ("view_type", 1)), (("view_type", 1), ("data.genre", 1), ("data.year", 1)), (("computed_at", -1),)):
            assert wanted in keys, keys


def silver(stage, table: str) -> list[dict]:
    return lab.deltalake.DeltaTable(str(lab.table_path(stage.folder, "silver." + table))).to_pyarrow_table().to_pylist()


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.skipif(
    tmdb_catalogue.data_folder() is None, reason="needs the films of the data folder (WINDROW_DATA)"))])
def test_views_equal_an_independent_computation(staged, real):
    staged.environment |= {"TMDB_RATE": "400", "TMDB_EVERY": "1ms", "TMDB_PAGES": "500"}
    catalogue = example.feed(staged, real)
    # Killed while it reads, it goes on where its commits end.
    killed = staged.start("run", "--jobs", "3")
    time.sleep(1)
    killed.kill()
    killed.wait()
    example.run(staged)
    check(staged, catalogue)

    # Time passes, and everything is asked for again: bronze has both answers, silver one row of each.
    catalogue.moved_on()
    example.serve(staged, catalogue)
    example.run(staged)
    check_silver(staged, catalogue)
    # A day's popularity is the last one told, so the trend is that of the present answers.
    check(staged, catalogue)
    told = staged.windrow("test")
    assert "7 tests, 0 failed" in told.stdout, told.stdout


def check_silver(stage, catalogue):
    rows = silver(stage, "movies")
    assert len(rows) == len(catalogue.films)
    by = {row["movie_id"]: row for row in rows}
    for told in catalogue.films:
        row = by[told["id"]]
        assert row["popularity"] == told["popularity"] and row["vote_count"] == told["vote_count"]
        assert row["genres"] == [g["name"] for g in told["genres"]]
        assert [m["name"] for m in row["cast_members"]] == [m["name"] for m in told["credits"]["cast"]]
        assert [(m["name"], m["job"]) for m in row["crew_members"]] == [(m["name"], m["job"]) for m in told["credits"]["crew"]]
        assert row["quality_flag"] == ("ERROR" if not told["title"].strip() else row["quality_flag"])
    folders = {path.relative_to(lab.table_path(stage.folder, "silver.movies")).parts[:3]
               for path in lab.table_path(stage.folder, "silver.movies").glob("year=*/month=*/genre=*/*.parquet")}
    assert len(folders) > 20
    reviews = silver(stage, "reviews")
    assert sorted((r["movie_id"], r["review_id"]) for r in reviews) == sorted(
        (key, review["id"]) for key, told in catalogue.reviews.items() for review in told)
    people = silver(stage, "people")
    assert {p["person_id"]: p["name"] for p in people} == {p["id"]: p["name"] for p in catalogue.popular_people}
    assert len(people) == len(catalogue.popular_people)
    credits = silver(stage, "credits")
    assert len(credits) == sum(len(f["credits"]["cast"]) + len(f["credits"]["crew"]) for f in catalogue.films)
    bronze = lab.table_path(stage.folder, "bronze.movies")
    assert list(bronze.glob("extracted_date=*/extracted_hour=*/*.parquet"))


def test_four_requests_a_second_over_all_three_sources(staged):
    """The stand-in answers 429 to who asks faster; none of the three sources is ever told so."""
    staged.rows = 5
    example.feed(staged, real=False)
    example.run(staged)
    for source in ("movies", "reviews", "people"):
        log = lab.deltalake.DeltaTable(str(lab.table_path(staged.folder, f"bronze.{source}_log"))).to_pyarrow_table().to_pylist()
        assert all(row["throttled"] == 0 and row["complete"] for row in log), log
    # And is asked for nothing within six hours.
    assert "up to date" in staged.windrow("plan").stdout
