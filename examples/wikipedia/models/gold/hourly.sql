/* windrow
description: Events of each hour. Only hours in which something has changed are computed again.
build: {interval: {column: hour_bucket, grain: hour, batch: 100000}}
checks: [{unique: hour_bucket}]
*/
SELECT date_trunc('hour', e.event_time) AS hour_bucket,
       count(*)                          AS total_events,
       sum(e.bytes_changed)              AS total_bytes,
       count(*) FILTER (e.bot)           AS bot_events
FROM silver.events e
WHERE e.event_time >= $start AND e.event_time < $end
GROUP BY ALL
