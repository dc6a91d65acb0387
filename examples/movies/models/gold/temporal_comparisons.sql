/* windrow
description: Each genre's months beside the months before, and its years beside the years before.
tags: [batch_views]
columns:
  grain: {checks: [{accepted_values: [month, year]}]}
  movies: {checks: [{range: {min: 1}}]}
checks:
  - {unique: {columns: [genre, grain, period]}}
*/
WITH films AS (
  SELECT unnest(genres) AS genre, release_date, revenue, vote_average, vote_count
  FROM silver.movies WHERE quality_flag <> 'ERROR' AND release_date IS NOT NULL),
grains AS (
  SELECT *, 'month' AS grain, CAST(date_trunc('month', release_date) AS DATE) AS period FROM films
  UNION ALL SELECT *, 'year', CAST(date_trunc('year', release_date) AS DATE) FROM films),
periods AS (
  SELECT genre, grain, period, count(*) AS movies, CAST(coalesce(sum(revenue), 0) AS BIGINT) AS revenue,
         avg(vote_average) FILTER (WHERE vote_count > 0) AS average_vote,
         CAST(period - (CASE grain WHEN 'month' THEN INTERVAL 1 MONTH ELSE INTERVAL 1 YEAR END) AS DATE) AS period_before
  FROM grains GROUP BY ALL)
SELECT now.genre, CAST(year(now.period) AS INTEGER) AS year, now.grain, now.period, now.movies, now.revenue,
       now.average_vote, coalesce(former.movies, 0) AS movies_before, coalesce(former.revenue, 0) AS revenue_before,
       former.average_vote AS average_vote_before, now.movies - coalesce(former.movies, 0) AS movies_change,
       100.0 * (now.revenue - former.revenue) / nullif(former.revenue, 0) AS revenue_change_percent,
       now.average_vote - former.average_vote AS average_vote_change
FROM periods now
LEFT JOIN periods former ON former.genre = now.genre AND former.grain = now.grain AND former.period = now.period_before
