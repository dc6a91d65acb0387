"""What the local stand-in for TMDB tells: real answers where they are at hand, believable ones of the same shape otherwise.

Real: `tmdb_small` (details, credits), `tmdb_api_fixtures` (reviews, people), and 1,207 films whose names are put back into
the shape of the API. $WINDROW_DATA, or ../shared/data beside the repository, holds them.
"""
import copy
import datetime
import gzip
import json
import os
import pathlib
import random
import zlib

GENRES = {28: "Action", 12: "Adventure", 16: "Animation", 35: "Comedy", 80: "Crime", 99: "Documentary", 18: "Drama",
          10751: "Family", 14: "Fantasy", 36: "History", 27: "Horror", 10402: "Music", 9648: "Mystery", 10749: "Romance",
          878: "Science Fiction", 10770: "TV Movie", 53: "Thriller", 10752: "War", 37: "Western"}
NUMBERS = {name: number for number, name in GENRES.items()}
FIRST = ["Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Gustavo", "Hana", "İpek", "João", "Keiko", "Łukasz", "Mei",
         "Nadia", "Óscar", "Priya", "Quentin", "Renée", "Søren", "Thandiwe"]
LAST = ["Adeyemi", "Bauer", "Costa", "Dvořák", "Eriksson", "Fontaine", "García", "Hughes", "Ivanova", "Jensen", "Kowalski",
        "Li", "Moreau", "Nguyễn", "O’Brien", "Park", "Quispe", "Rossi", "Sato", "Tanaka"]
NOUNS = ["River", "Winter", "Harbour", "Machine", "Daughter", "Silence", "Orchard", "Signal", "Kingdom", "Mirror", "Storm",
         "Letter", "Garden", "Border", "Engine", "Shadow"]
KEYWORDS = ["friendship", "revenge", "small town", "heist", "space", "based on novel or book", "love triangle", "survival",
            "coming of age", "artificial intelligence", "courtroom", "road trip"]
COMPANIES = ["Northlight Pictures", "Blue Heron Films", "Kino Süd", "Estrella Azul", "Seven Bridges", "Harvest Moon"]
WORDS = "a strong slow warm strange bright dull clever loud quiet film that keeps its promise and loses the plot at the end".split()


def data_folder() -> pathlib.Path | None:
    folder = pathlib.Path(os.environ.get("WINDROW_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared/data") / "movies"
    return folder if (folder / "tmdb_small").is_dir() else None


def number(kind: str, name: str) -> int:
    """A number that stays a name's own."""
    return zlib.crc32(f"{kind}/{name}".encode()) % 9_000_000 + 1_000_000


class Catalogue:
    """Films with their details, reviews and people: `films`, `reviews` by film, `people`, `popular_people`."""

    def __init__(self, rows: int, seed: int = 1, today: datetime.date | None = None, real: bool = True):
        self.random = random.Random(seed)
        self.today = today or datetime.datetime.now(datetime.UTC).date()
        self.people: dict[int, dict] = {}
        self.texts = ["A " + " ".join(self.random.choices(WORDS, k=12)) + "." for _ in range(50)]
        self.samples: list[dict] = []
        self.popular_people: list[dict] = []
        self.films: list[dict] = []
        folder = data_folder() if real else None
        if folder:
            self.take_real(folder, rows)
        while len(self.films) < rows:
            self.films.append(self.film(len(self.films)))
        self.films = self.films[:rows]
        self.films.sort(key=lambda film: (-film["popularity"], film["id"]))
        self.reviews = {film["id"]: self.reviews_of(film) for film in self.films}
        self.make_people()

    # --- real answers

    def take_real(self, folder: pathlib.Path, rows: int) -> None:
        def small(name):
            return {int(key): json.loads(text) for key, text in json.loads((folder / "tmdb_small" / name).read_text()).items()}
        credits = list(small("tmdb_id2credit_small.json").values())
        fixtures = folder / "tmdb_api_fixtures"
        for at, detail in enumerate(small("tmdb_id2detail_small.json").values()):
            told = credits[at % len(credits)]
            film = detail | {"credits": {"cast": told["cast"], "crew": told["crew"]},
                             "keywords": {"keywords": self.named(self.random.sample(KEYWORDS, 3), "keyword")}}
            self.films.append(film)
        appended = json.loads((fixtures / "movie-details-append-response.json").read_text())
        appended["genres"] = appended.get("genres") or json.loads((fixtures / "movie.json").read_text())["genres"]
        appended["keywords"] = json.loads((fixtures / "movie-keywords.json").read_text())
        self.films.append(appended)
        self.samples = json.loads((fixtures / "review-pageable-list.json").read_text())["results"]
        self.samples.append(json.loads((fixtures / "review.json").read_text()))
        self.popular_people = json.loads((fixtures / "person-pageable-list.json").read_text())["results"]
        there = {film["id"] for film in self.films}
        with gzip.open(folder / "tmdb_movie_details_credits.ndjson.gz", "rt") as lines:
            for line in lines:
                if len(self.films) >= rows:
                    break
                told = json.loads(line)
                if told["id"] not in there:
                    there.add(told["id"])
                    self.films.append(self.as_told(told))

    def named(self, names: list[str], kind: str) -> list[dict]:
        return [{"id": NUMBERS.get(name) or number(kind, name), "name": name} for name in names]

    def as_told(self, told: dict) -> dict:
        """Names become objects with numbers, as the API has them."""
        credits = told.get("credits") or {}
        cast = [{"adult": False, "gender": 0, "id": number("person", m["name"]), "known_for_department": "Acting",
                 "name": m["name"], "character": m.get("character"), "order": at}
                for at, m in enumerate(credits.get("cast") or [])]
        crew = [{"adult": False, "gender": 0, "id": number("person", m["name"]), "name": m["name"],
                 "department": m.get("department"), "job": m.get("job")} for m in credits.get("crew") or []]
        keywords = [k["name"] if isinstance(k, dict) else k for k in told.get("keywords") or []]
        keep = ("id", "title", "release_date", "vote_average", "vote_count", "popularity", "overview", "imdb_id", "budget",
                "homepage", "revenue", "runtime", "tagline", "backdrop_path", "poster_path")
        return {key: told.get(key) for key in keep} | {
            "adult": False, "video": False, "status": "Released", "original_title": told["title"], "original_language": "en",
            "genres": self.named(told.get("genres") or [], "genre"),
            "production_companies": [c | {"logo_path": None, "origin_country": ""}
                                     for c in self.named(told.get("production_companies") or [], "company")],
            "keywords": {"keywords": self.named(keywords, "keyword")}, "credits": {"cast": cast, "crew": crew}}

    # --- believable ones

    def name(self) -> str:
        return f"{self.random.choice(FIRST)} {self.random.choice(LAST)}"

    def person(self, name: str, department: str) -> dict:
        return {"adult": False, "gender": self.random.randint(0, 3), "id": number("person", name),
                "known_for_department": department, "name": name, "original_name": name,
                "popularity": round(self.random.expovariate(1 / 8), 3), "profile_path": None}

    def film(self, at: int) -> dict:
        rng = self.random
        title = f"The {rng.choice(NOUNS)} of {rng.choice(NOUNS)}" if rng.random() < 0.5 else f"{rng.choice(FIRST)}’s {rng.choice(NOUNS)}"
        genres = rng.sample(list(GENRES), rng.choice([0] + [1, 2, 2, 3] * 5))
        days = int(rng.expovariate(1 / 2500))
        released = self.today - datetime.timedelta(days=days)
        budget = 0 if rng.random() < 0.3 else rng.randint(1, 200) * 1_000_000
        votes = int(rng.expovariate(1 / 900))
        cast = [self.person(self.name(), "Acting") | {"cast_id": n, "character": self.name(), "credit_id": f"c{at:06x}{n:02x}",
                                                      "order": n} for n in range(rng.randint(0, 12))]
        crew = [self.person(self.name(), department) | {"credit_id": f"w{at:06x}{n:02x}", "department": department, "job": job}
                for n, (department, job) in enumerate([("Directing", "Director"), ("Writing", "Screenplay"), ("Sound", "Music")])]
        return {
            "adult": False, "backdrop_path": None, "belongs_to_collection": None, "budget": budget,
            "genres": [{"id": g, "name": GENRES[g]} for g in genres], "homepage": None, "id": 10_000_000 + at,
            "imdb_id": f"tt{9_000_000 + at}" if rng.random() < 0.9 else None, "origin_country": ["US"], "original_language": "en",
            "original_title": title, "overview": rng.choice(self.texts), "popularity": round(rng.paretovariate(1.2), 3),
            "poster_path": None,
            "production_companies": [{"id": number("company", c), "logo_path": None, "name": c, "origin_country": "US"}
                                     for c in rng.sample(COMPANIES, rng.randint(0, 3))],
            "production_countries": [{"iso_3166_1": "US", "name": "United States of America"}],
            "release_date": "" if rng.random() < 0.03 else released.isoformat(),
            "revenue": 0 if rng.random() < 0.3 else int(budget * rng.lognormvariate(0.5, 1)), "runtime": rng.choice([0, *range(75, 180)]),
            "spoken_languages": [{"english_name": "English", "iso_639_1": "en", "name": "English"}], "status": "Released",
            "tagline": "", "title": title if rng.random() < 0.99 else "", "video": False,
            "vote_average": round(rng.uniform(3, 9), 3) if votes else 0.0, "vote_count": votes,
            "credits": {"cast": cast, "crew": crew}, "keywords": {"keywords": self.named(rng.sample(KEYWORDS, rng.randint(0, 4)), "keyword")}}

    def reviews_of(self, film: dict) -> list[dict]:
        rng, out = self.random, []
        for at in range(min(60, int(rng.expovariate(1 / 6)))):
            sample = copy.deepcopy(rng.choice(self.samples)) if self.samples and rng.random() < 0.5 else {"content": rng.choice(self.texts)}
            author = self.name()
            at_time = datetime.datetime.combine(self.today, datetime.time(12), datetime.UTC) - datetime.timedelta(
                days=int(rng.expovariate(1 / 60)), seconds=rng.randint(0, 40_000))
            text = at_time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            rating = rng.choice([None, None, *range(1, 11)])
            out.append(sample | {"id": f"{film['id']:x}-{at:x}", "author": author, "created_at": text, "updated_at": text,
                                 "author_details": {"name": author, "username": author.lower().replace(" ", ""),
                                                    "avatar_path": None, "rating": rating}})
        return out

    def make_people(self) -> None:
        for film in self.films:
            for member in (film["credits"]["cast"] + film["credits"]["crew"])[:8]:
                self.people.setdefault(member["id"], member)
        listed = {person["id"]: person for person in self.popular_people}
        for key, member in list(self.people.items())[: max(20, len(self.films) // 2)]:
            listed.setdefault(key, {"adult": False, "gender": 0, "id": key, "name": member["name"], "original_name": member["name"],
                                    "known_for_department": member.get("known_for_department") or member.get("department"),
                                    "popularity": member.get("popularity", 1.0), "profile_path": None, "known_for": []})
        self.popular_people = list(listed.values())
        for person in self.popular_people:
            born = datetime.date(1930, 1, 1) + datetime.timedelta(days=person["id"] % 25_000)
            self.people[person["id"]] = person | {
                "also_known_as": [person["name"].upper()], "biography": "", "birthday": born.isoformat() if person["id"] % 7 else None,
                "deathday": None, "homepage": None, "imdb_id": None, "place_of_birth": "Łódź, Poland" if person["id"] % 3 else None}

    # --- what is served

    def moved_on(self) -> None:
        """Time passes: other popularity, more votes, a new review here and there."""
        for film in self.films:
            film["popularity"] = round(film["popularity"] * self.random.uniform(0.5, 2), 3)
            film["vote_count"] += self.random.randint(0, 50)
        self.films.sort(key=lambda film: (-film["popularity"], film["id"]))
        for film in self.films[:20]:
            fresh = self.reviews_of(film)[:2]
            known = {review["id"] for review in self.reviews[film["id"]]}
            self.reviews[film["id"]] += [r | {"id": "new-" + r["id"]} for r in fresh if "new-" + r["id"] not in known]

    def answers(self) -> dict[str, object]:
        """Path → a list (given out by pages), or an object."""
        item = ("adult", "backdrop_path", "id", "original_language", "original_title", "overview", "popularity", "poster_path",
                "release_date", "title", "video", "vote_average", "vote_count")
        listing = [{key: film.get(key) for key in item} | {"genre_ids": [g["id"] for g in film["genres"]]} for film in self.films]
        out: dict[str, object] = {"/movie/popular": listing, "/person/popular": self.popular_people,
                                  "/configuration": {"images": {"base_url": "http://image.tmdb.org/t/p/"}, "change_keys": []},
                                  "/genre/movie/list": {"genres": [{"id": n, "name": name} for n, name in GENRES.items()]}}
        out |= {f"/movie/{film['id']}": film for film in self.films}
        out |= {f"/movie/{key}/reviews": reviews for key, reviews in self.reviews.items()}
        out |= {f"/person/{person['id']}": self.people[person["id"]] for person in self.popular_people}
        return out
