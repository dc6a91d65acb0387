/* windrow
description: The fifty busiest wikis, ranked, with percentile and distinct users.
tags: [historical]
columns: {rank: {checks: [not_null, unique]}}
checks: [{rows: {max: 50}}]
*/
WITH by_server AS (
  SELECT server_name, language, project,
         count(*)               AS edit_count,
         sum(bytes_changed)     AS total_bytes,
         count(DISTINCT "user") AS unique_users
  FROM gold.last_days
  GROUP BY server_name, language, project)
SELECT *,
       row_number() OVER busiest   AS rank,
       percent_rank() OVER busiest AS percentile
FROM by_server
WINDOW busiest AS (ORDER BY edit_count DESC, server_name)
QUALIFY rank <= 50
