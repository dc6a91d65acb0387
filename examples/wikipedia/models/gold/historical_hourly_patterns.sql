/* windrow
description: Events of each hour, by bots and by humans.
tags: [historical]
columns: {hour_bucket: {checks: [not_null, unique]}}
checks: [{expression: "total_events = bot_events + human_events"}]
*/
SELECT hour_bucket,
       total_events,
       total_bytes,
       total_bytes / total_events AS avg_bytes,
       bot_events,
       total_events - bot_events  AS human_events
FROM gold.hourly
WHERE hour_bucket >= (SELECT max(hour_bucket) + INTERVAL 1 HOUR - to_days(CAST($days AS INTEGER)) FROM gold.hourly)
