/* windrow
description: Each genre and year, with its films, votes, takings, how its reviews sound, and the films, directors, keywords and companies that stand out.
tags: [batch_views]
columns:
  genre: {checks: [not_null]}
  movies: {checks: [{range: {min: 1}}]}
checks:
  - {unique: {columns: [genre, year]}}
  - {expression: {sql: "len(top_movies) <= movies", name: "top films are among the films"}}
*/
WITH films AS (
  SELECT unnest(genres) AS genre, * EXCLUDE (genre, genres) FROM silver.movies
  WHERE quality_flag <> 'ERROR' AND year IS NOT NULL),
-- Of what is counted, the three that come most often; by name where they tie.
named AS (
  SELECT genre, year, 'director' AS what, m.name AS name
  FROM (SELECT genre, year, unnest(crew_members) AS m FROM films) WHERE m.job = 'Director'
  UNION ALL SELECT genre, year, 'keyword', unnest(keywords) FROM films
  UNION ALL SELECT genre, year, 'company', unnest(companies) FROM films),
counted AS (
  SELECT genre, year, what, name, count(*) AS times FROM named GROUP BY genre, year, what, name
  QUALIFY row_number() OVER (PARTITION BY genre, year, what ORDER BY count(*) DESC, name) <= 3),
standing_out AS (
  SELECT genre, year,
         list(name ORDER BY times DESC, name) FILTER (WHERE what = 'director') AS top_directors,
         list(name ORDER BY times DESC, name) FILTER (WHERE what = 'keyword') AS top_keywords,
         list(name ORDER BY times DESC, name) FILTER (WHERE what = 'company') AS top_companies
  FROM counted GROUP BY ALL),
reviewed AS (
  SELECT f.genre, f.year, count(*) AS reviews, avg(r.sentiment) AS avg_sentiment
  FROM films f JOIN silver.reviews r ON r.movie_id = f.movie_id GROUP BY ALL)
SELECT f.genre, f.year, count(*) AS movies,
       avg(vote_average) FILTER (WHERE vote_count > 0) AS average_vote, CAST(sum(vote_count) AS BIGINT) AS votes,
       avg(popularity) AS average_popularity, avg(runtime_minutes) AS average_runtime,
       CAST(sum(budget) AS BIGINT) AS budget, CAST(sum(revenue) AS BIGINT) AS revenue,
       CAST(sum(revenue - budget) AS BIGINT) AS profit,  -- of films of which both are known
       sum(revenue - budget) / nullif(sum(budget) FILTER (WHERE revenue IS NOT NULL), 0) AS return_on_budget,
       coalesce(any_value(r.reviews), 0) AS reviews, any_value(r.avg_sentiment) AS avg_sentiment,
       list_slice(list({movie_id: movie_id, title: title, popularity: popularity} ORDER BY popularity DESC, movie_id),
                  1, $top_films) AS top_movies,
       any_value(s.top_directors) AS top_directors, any_value(s.top_keywords) AS top_keywords,
       any_value(s.top_companies) AS top_companies
FROM films f LEFT JOIN standing_out s ON s.genre = f.genre AND s.year = f.year
LEFT JOIN reviewed r ON r.genre = f.genre AND r.year = f.year
GROUP BY f.genre, f.year
