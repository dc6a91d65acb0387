/* windrow
description: >
  How much each film is talked about in the last 7, 30 and 90 days, and how fast that changes. The days end with the
  newest extraction, never with the clock.
tags: [batch_views]
columns:
  movie_id: {checks: [not_null]}
  window_days: {checks: [{accepted_values: [7, 30, 90]}]}
  velocity: {description: "the score's change a day against the window before"}
checks:
  - {unique: {columns: [movie_id, window_days]}}
*/
WITH latest AS (SELECT max(day) AS day FROM silver.popularity),
windows AS (
  SELECT unnest([7, 30, 90]) AS days, latest.day AS until FROM latest),
-- A film that was not asked for in the window before is taken to have been as popular as it is: that alone is no trend.
popular AS (
  SELECT p.movie_id, w.days, avg(p.popularity) FILTER (WHERE p.day > w.until - w.days) AS popularity,
         avg(p.popularity) FILTER (WHERE p.day <= w.until - w.days) AS popularity_before,
         max(p.vote_count) - min(p.vote_count) AS votes_gained
  FROM silver.popularity p, windows w
  WHERE p.day > w.until - 2 * w.days AND p.day <= w.until
  GROUP BY ALL),
reviewed AS (
  SELECT r.movie_id, w.days, count(*) FILTER (WHERE CAST(r.created_at AS DATE) > w.until - w.days) AS reviews,
         count(*) FILTER (WHERE CAST(r.created_at AS DATE) <= w.until - w.days) AS reviews_before,
         avg(r.rating) FILTER (WHERE CAST(r.created_at AS DATE) > w.until - w.days) AS average_rating
  FROM silver.reviews r, windows w
  WHERE CAST(r.created_at AS DATE) > w.until - 2 * w.days AND CAST(r.created_at AS DATE) <= w.until
  GROUP BY ALL),
scored AS (
  SELECT p.movie_id, p.days, p.popularity, coalesce(p.popularity_before, p.popularity) AS popularity_before,
         p.votes_gained, coalesce(r.reviews, 0) AS reviews, coalesce(r.reviews_before, 0) AS reviews_before,
         r.average_rating,
         p.popularity * (1 + $review_weight * coalesce(r.reviews, 0)) AS score,
         coalesce(p.popularity_before, p.popularity) * (1 + $review_weight * coalesce(r.reviews_before, 0)) AS score_before
  FROM popular p LEFT JOIN reviewed r ON r.movie_id = p.movie_id AND r.days = p.days
  WHERE p.popularity IS NOT NULL)
SELECT s.movie_id, m.title, m.genre, m.year, CAST(s.days AS INTEGER) AS window_days,
       (SELECT day FROM latest) AS until, s.popularity, s.popularity_before, s.votes_gained, s.reviews, s.reviews_before,
       s.average_rating, s.score, s.score_before, (s.score - s.score_before) / s.days AS velocity,
       row_number() OVER (PARTITION BY s.days ORDER BY s.score DESC, s.movie_id) AS rank
FROM scored s JOIN silver.movies m ON m.movie_id = s.movie_id
WHERE m.quality_flag <> 'ERROR'
