/* windrow
description: How popular each film was on each day that it was asked for; the day's last answer counts.
tags: [movies]
build: {merge: {key: [movie_id, day], latest_by: extracted_at}}
new_rows: bronze.movies
columns:
  movie_id: {checks: [not_null]}
  popularity: {checks: [not_null, {range: {min: 0}}]}
*/
SELECT CAST(raw ->> '$.id' AS BIGINT) AS movie_id, CAST(extracted_at AS DATE) AS day,
       coalesce(TRY_CAST(raw ->> '$.popularity' AS DOUBLE), 0) AS popularity,
       coalesce(TRY_CAST(raw ->> '$.vote_count' AS BIGINT), 0) AS vote_count, extracted_at
FROM bronze.movies
WHERE endpoint = 'details'
