/* windrow
description: Distributors ranked by takings, with their share of all and their most successful film.
tags: [films]
columns:
  rank: {checks: [not_null, unique]}
  distributor: {checks: [not_null, unique]}
  share_percent: {checks: [{range: {min: 0, max: 100}}]}
*/
WITH takings AS (
  SELECT distributor, count(*) AS films, sum(worldwide_gross) AS worldwide_gross, round(avg(imdb_rating), 2) AS average_imdb_rating,
         first(title ORDER BY worldwide_gross DESC NULLS LAST, title) AS top_film
  FROM silver.movies
  WHERE quality_flag <> 'ERROR' AND distributor IS NOT NULL
  GROUP BY ALL)
SELECT row_number() OVER (ORDER BY worldwide_gross DESC NULLS LAST, distributor) AS rank, distributor, films, worldwide_gross,
       round(100.0 * coalesce(worldwide_gross, 0) / nullif(sum(worldwide_gross) OVER (), 0), 2) AS share_percent,
       average_imdb_rating, top_film
FROM takings
