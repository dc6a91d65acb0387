/* windrow
description: Averages of each genre over the 3, 5 and 10 years that end with a year.
tags: [films]
columns:
  window_years: {checks: [{accepted_values: [3, 5, 10]}]}
  films: {checks: [{range: {min: 1}}]}
checks:
  - {unique: {columns: [genre, release_year, window_years]}}
*/
WITH films AS (
  SELECT coalesce(major_genre, 'Unknown') AS genre, release_year, worldwide_gross, production_budget, imdb_rating
  FROM silver.movies WHERE quality_flag <> 'ERROR'),
windows AS (
  SELECT DISTINCT genre, release_year, window_years
  FROM films CROSS JOIN (VALUES (3), (5), (10)) AS lengths(window_years))
SELECT windows.genre, windows.release_year, windows.window_years,
       count(*) AS films,
       round(avg(films.worldwide_gross)) AS average_gross,
       round(avg(films.production_budget)) AS average_budget,
       round(avg(films.imdb_rating), 2) AS average_imdb_rating
FROM windows
JOIN films ON films.genre = windows.genre
          AND films.release_year > windows.release_year - windows.window_years
          AND films.release_year <= windows.release_year
GROUP BY ALL
