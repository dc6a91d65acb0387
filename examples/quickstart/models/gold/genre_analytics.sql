/* windrow
description: Each genre, year and month, with its films, takings, ratings and its top films.
tags: [films]
columns:
  genre: {checks: [not_null]}
  films: {checks: [{range: {min: 1}}]}
checks:
  - {unique: {columns: [genre, release_year, release_month]}}
  - {expression: {sql: "len(top_films) <= films", name: "top films are among the films"}}
*/
SELECT coalesce(major_genre, 'Unknown') AS genre, release_year, release_month,
       count(*) AS films,
       sum(worldwide_gross) AS worldwide_gross,
       round(avg(worldwide_gross)) AS average_gross,
       sum(production_budget) AS production_budget,
       round(avg(imdb_rating), 2) AS average_imdb_rating,
       round(avg(rotten_tomatoes_rating), 1) AS average_rotten_tomatoes_rating,
       list_slice(list(title ORDER BY worldwide_gross DESC NULLS LAST, title), 1, $top_films) AS top_films
FROM silver.movies
WHERE quality_flag <> 'ERROR'
GROUP BY ALL
