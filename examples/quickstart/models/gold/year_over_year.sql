/* windrow
description: Each year beside the one before it; a year without films in between leaves the comparison empty.
tags: [films]
columns:
  release_year: {checks: [not_null, unique]}
*/
WITH years AS (
  SELECT release_year, count(*) AS films, sum(worldwide_gross) AS worldwide_gross, round(avg(imdb_rating), 2) AS average_imdb_rating
  FROM silver.movies WHERE quality_flag <> 'ERROR' GROUP BY ALL)
SELECT this.release_year, this.films, this.worldwide_gross, this.average_imdb_rating,
       before.films AS films_before, before.worldwide_gross AS worldwide_gross_before,
       this.films - before.films AS films_change,
       this.worldwide_gross - before.worldwide_gross AS worldwide_gross_change,
       round(100.0 * (this.worldwide_gross - before.worldwide_gross) / nullif(before.worldwide_gross, 0), 1)
         AS worldwide_gross_change_percent
FROM years AS this LEFT JOIN years AS before ON before.release_year = this.release_year - 1
