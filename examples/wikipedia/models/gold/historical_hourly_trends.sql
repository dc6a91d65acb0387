/* windrow
description: Hours with moving averages over the row itself and the 23 before it.
tags: [historical]
columns: {hour_bucket: {checks: [not_null, unique]}}
*/
SELECT *,
       avg(total_events) OVER day AS events_24h_avg,
       avg(total_bytes) OVER day  AS bytes_24h_avg
FROM gold.historical_hourly_patterns
WINDOW day AS (ORDER BY hour_bucket ROWS BETWEEN 23 PRECEDING AND CURRENT ROW)
