/* windrow
description: One row a review, the latest text of each, and how it sounds.
tags: [movies]
build: {merge: {key: review_id, latest_by: extracted_at}}
new_rows: bronze.reviews
columns:
  review_id: {checks: [not_null, unique]}
  movie_id: {checks: [not_null]}
  sentiment: {description: "from -1, awful, to 1, wonderful, by VADER", checks: [{range: {min: -1, max: 1}}]}
  rating: {description: "the author's, of ten; most give none", checks: [{range: {min: 0, max: 10}}]}
*/
SELECT raw ->> '$.id' AS review_id, CAST(parent ->> '$.id' AS BIGINT) AS movie_id,
       raw ->> '$.author' AS author, raw ->> '$.content' AS content,
       sentiment_score(raw ->> '$.content') AS sentiment, sentiment_label(raw ->> '$.content') AS sentiment_label,
       TRY_CAST(raw ->> '$.author_details.rating' AS DOUBLE) AS rating,
       TRY_CAST(raw ->> '$.created_at' AS TIMESTAMPTZ) AS created_at,
       TRY_CAST(raw ->> '$.updated_at' AS TIMESTAMPTZ) AS updated_at,
       extracted_at
FROM bronze.reviews
WHERE endpoint = 'reviews'
