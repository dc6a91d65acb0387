/* windrow
description: >
  One row a film: typed, the latest extraction of each, and a judgement of its quality with the reason.
tags: [films]
build: {merge: {key: movie_id, latest_by: extraction_timestamp}}
new_rows: bronze.movies
columns:
  movie_id: {description: "md5 of title and release date", checks: [not_null, unique]}
  title: {description: "missing titles make the row an ERROR"}
  worldwide_gross: {description: "US dollars", checks: [{range: {min: 0}}]}
  imdb_rating: {checks: [{range: {min: 0, max: 10}}]}
  rotten_tomatoes_rating: {checks: [{range: {min: 0, max: 100}}]}
  release_date: {checks: [{not_null: {severity: warn}}]}
  release_month: {checks: [{range: {min: 1, max: 12}}]}
  quality_flag: {checks: [not_null, {accepted_values: [OK, WARNING, ERROR]}]}
checks:
  - {rows: {min: 1}}
  - {expression: {sql: "(quality_flag = 'OK') = (quality_reason IS NULL)", name: "a flag has a reason"}}
*/
WITH fields AS (
  SELECT movie_id, extraction_timestamp,
         nullif(trim(raw_json ->> '$.Title'), '') AS title,  -- 1776 and eight others came as numbers: all are texts here
         try_cast(raw_json ->> '$."US Gross"' AS BIGINT) AS us_gross,
         try_cast(raw_json ->> '$."Worldwide Gross"' AS BIGINT) AS worldwide_gross,
         try_cast(raw_json ->> '$."US DVD Sales"' AS BIGINT) AS us_dvd_sales,
         try_cast(raw_json ->> '$."Production Budget"' AS BIGINT) AS production_budget,
         raw_json ->> '$."Release Date"' AS release_text,
         raw_json ->> '$."MPAA Rating"' AS mpaa_rating,
         try_cast(raw_json ->> '$."Running Time min"' AS INTEGER) AS running_time_minutes,
         raw_json ->> '$.Distributor' AS distributor,
         raw_json ->> '$.Source' AS source,
         raw_json ->> '$."Major Genre"' AS major_genre,
         raw_json ->> '$."Creative Type"' AS creative_type,
         raw_json ->> '$.Director' AS director,
         try_cast(raw_json ->> '$."Rotten Tomatoes Rating"' AS INTEGER) AS rotten_tomatoes_rating,
         try_cast(raw_json ->> '$."IMDB Rating"' AS DECIMAL(3, 1)) AS imdb_rating,
         try_cast(raw_json ->> '$."IMDB Votes"' AS BIGINT) AS imdb_votes
  FROM bronze.movies),
dated AS (
  SELECT *, CAST(try_strptime(release_text, ['%b %d %Y', '%d-%b-%y', '%Y-%m-%d', '%Y']) AS DATE) AS read_date FROM fields),
-- The data was gathered in 2010 from years of two digits: "Feb 08 2015" is The Birth of a Nation, of 1915.
corrected AS (
  SELECT * EXCLUDE (read_date, release_text), coalesce(year(read_date) > 2012, false) AS wrong_century,
         CASE WHEN year(read_date) > 2012 THEN CAST(read_date - INTERVAL 100 YEAR AS DATE) ELSE read_date END AS release_date
  FROM dated),
judged AS (
  SELECT *,
         concat_ws('; ',
           CASE WHEN title IS NULL THEN 'title missing' END,
           CASE WHEN release_date IS NULL THEN 'release date missing or unreadable' END,
           CASE WHEN least(us_gross, worldwide_gross, production_budget) < 0 THEN 'negative amount' END) AS errors,
         concat_ws('; ',
           CASE WHEN wrong_century THEN 'release date was a century late' END,
           CASE WHEN worldwide_gross < us_gross THEN 'worldwide gross below US gross' END,
           CASE WHEN worldwide_gross IS NULL THEN 'worldwide gross missing' END,
           CASE WHEN production_budget < 1000 THEN 'production budget not plausible' END,
           CASE WHEN major_genre IS NULL THEN 'genre missing' END,
           CASE WHEN distributor IS NULL THEN 'distributor missing' END) AS warnings
  FROM corrected)
SELECT movie_id, title, release_date, year(release_date) AS release_year, month(release_date) AS release_month,
       us_gross, worldwide_gross, us_dvd_sales, production_budget, mpaa_rating, running_time_minutes, distributor, source,
       major_genre, creative_type, director, rotten_tomatoes_rating, imdb_rating, imdb_votes,
       CASE WHEN errors <> '' THEN 'ERROR' WHEN warnings <> '' THEN 'WARNING' ELSE 'OK' END AS quality_flag,
       nullif(concat_ws('; ', nullif(errors, ''), nullif(warnings, '')), '') AS quality_reason,
       extraction_timestamp
FROM judged
