/* windrow
description: >
  How the reviews of each film sound, month by month, beside the month before in which anybody wrote. VADER says it of
  each review, from -1 to 1.
tags: [batch_views]
columns:
  movie_id: {checks: [not_null]}
  reviews: {checks: [{range: {min: 1}}]}
  avg_sentiment: {checks: [{range: {min: -1, max: 1}}]}
  sentiment_so_far: {description: mean over all reviews up to the end of the month}
checks:
  - {unique: {columns: [movie_id, month]}}
  - {expression: {sql: "positive + neutral + negative = reviews", name: every review has one label}}
*/
WITH months AS (
  SELECT movie_id, CAST(date_trunc('month', created_at) AS DATE) AS month, count(*) AS reviews,
         count(*) FILTER (WHERE sentiment_label = 'positive') AS positive,
         count(*) FILTER (WHERE sentiment_label = 'neutral') AS neutral,
         count(*) FILTER (WHERE sentiment_label = 'negative') AS negative,
         sum(sentiment) AS total, avg(sentiment) AS avg_sentiment, avg(rating) AS average_rating
  FROM silver.reviews WHERE created_at IS NOT NULL AND sentiment IS NOT NULL GROUP BY ALL)
SELECT s.movie_id, m.title, m.genre, m.year, s.month, s.reviews, s.positive, s.neutral, s.negative, s.avg_sentiment,
       s.average_rating, lag(s.avg_sentiment) OVER film AS avg_sentiment_before,
       s.avg_sentiment - lag(s.avg_sentiment) OVER film AS change,
       sum(s.total) OVER film / sum(s.reviews) OVER film AS sentiment_so_far
FROM months s JOIN silver.movies m ON m.movie_id = s.movie_id
WHERE m.quality_flag <> 'ERROR'
WINDOW film AS (PARTITION BY s.movie_id ORDER BY s.month)
