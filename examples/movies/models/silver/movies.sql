/* windrow
description: >
  One row a film: the latest that the API told, typed, with its genres, keywords, companies, cast and crew, and a
  judgement of its quality with the reason.
tags: [movies]
build: {merge: {key: movie_id, latest_by: extracted_at}}
new_rows: bronze.movies
partition_by: [year, month, genre]
columns:
  movie_id: {description: "TMDB's number of the film", checks: [not_null, unique]}
  genre: {description: "the first of its genres: the partition", checks: [not_null]}
  month: {checks: [{range: {min: 1, max: 12}}]}
  budget: {description: "US dollars; NULL where nobody knows, which the API tells as 0"}
  revenue: {description: "US dollars; NULL where nobody knows"}
  quality_flag: {checks: [not_null, {accepted_values: [OK, WARNING, ERROR]}]}
checks:
  - {expression: {sql: "(quality_flag = 'OK') = (quality_reason IS NULL)", name: "a flag has a reason"}}
*/
WITH told AS (
  SELECT extracted_at, from_json(raw, '{
      "id": "BIGINT", "imdb_id": "VARCHAR", "title": "VARCHAR", "original_title": "VARCHAR",
      "original_language": "VARCHAR", "overview": "VARCHAR", "status": "VARCHAR", "release_date": "VARCHAR",
      "runtime": "INTEGER", "budget": "BIGINT", "revenue": "BIGINT",
      "popularity": "DOUBLE", "vote_average": "DOUBLE", "vote_count": "BIGINT",
      "genres": [{"id": "BIGINT", "name": "VARCHAR"}],
      "production_companies": [{"id": "BIGINT", "name": "VARCHAR", "origin_country": "VARCHAR"}],
      "keywords": {"keywords": [{"id": "BIGINT", "name": "VARCHAR"}]},
      "credits": {
        "cast": [{"id": "BIGINT", "name": "VARCHAR", "character": "VARCHAR", "order": "INTEGER"}],
        "crew": [{"id": "BIGINT", "name": "VARCHAR", "department": "VARCHAR", "job": "VARCHAR"}]}}') AS film
  FROM bronze.movies
  WHERE endpoint = 'details'),
typed AS (
  SELECT film.id AS movie_id, nullif(film.imdb_id, '') AS imdb_id, nullif(trim(film.title), '') AS title,
         film.original_title AS original_title, film.original_language AS original_language, film.status AS status,
         nullif(film.overview, '') AS overview, TRY_CAST(nullif(film.release_date, '') AS DATE) AS release_date,
         nullif(film.runtime, 0) AS runtime_minutes, nullif(film.budget, 0) AS budget, nullif(film.revenue, 0) AS revenue,
         film.popularity AS popularity, film.vote_average AS vote_average, coalesce(film.vote_count, 0) AS vote_count,
         coalesce([g.name FOR g IN film.genres], []) AS genres,
         coalesce([k.name FOR k IN film.keywords.keywords], []) AS keywords,
         coalesce([c.name FOR c IN film.production_companies], []) AS companies,
         coalesce([{person_id: c.id, name: c.name, character: c.character, position: c."order"}
                   FOR c IN film.credits."cast"], []) AS cast_members,
         coalesce([{person_id: c.id, name: c.name, department: c.department, job: c.job}
                   FOR c IN film.credits.crew], []) AS crew_members,
         extracted_at
  FROM told),
judged AS (
  SELECT *,
         concat_ws('; ',
           CASE WHEN title IS NULL THEN 'title missing' END,
           CASE WHEN least(budget, revenue) < 0 THEN 'negative amount' END,
           CASE WHEN vote_average NOT BETWEEN 0 AND 10 THEN 'vote outside of 0 to 10' END) AS errors,
         concat_ws('; ',
           CASE WHEN release_date IS NULL THEN 'release date missing or unreadable' END,
           CASE WHEN len(genres) = 0 THEN 'genre missing' END,
           CASE WHEN len(cast_members) = 0 THEN 'cast missing' END,
           CASE WHEN budget IS NULL OR revenue IS NULL THEN 'budget or revenue not known' END,
           CASE WHEN vote_count = 0 THEN 'nobody has voted' END) AS warnings
  FROM typed)
SELECT movie_id, imdb_id, title, original_title, original_language, status, overview, release_date,
       CAST(year(release_date) AS INTEGER) AS year, CAST(month(release_date) AS INTEGER) AS month,
       coalesce(genres[1], 'Unknown') AS genre, genres, keywords, companies, cast_members, crew_members,
       runtime_minutes, budget, revenue, popularity, vote_average, vote_count,
       CASE WHEN errors <> '' THEN 'ERROR' WHEN warnings <> '' THEN 'WARNING' ELSE 'OK' END AS quality_flag,
       nullif(concat_ws('; ', nullif(errors, ''), nullif(warnings, '')), '') AS quality_reason,
       extracted_at
FROM judged
