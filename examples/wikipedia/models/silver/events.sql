/* windrow
description: One row for each event, however often it was sent.
build: {merge: {key: event_id, latest_by: kafka_offset}}
new_rows: bronze.raw_events
retention_column: event_time
columns:
  event_id:   {checks: [not_null, unique]}
  event_time: {checks: [not_null]}
*/
SELECT
  coalesce(meta->>'id', concat(server_name, '/', id)) AS event_id,
  to_timestamp("timestamp")                           AS event_time,
  "type"                                              AS event_type,
  "user",
  coalesce(bot, false)                                AS bot,
  server_name,
  split_part(server_name, '.', 1)                     AS language,
  split_part(server_name, '.', 2)                     AS project,
  title,
  coalesce(bytes_changed,
           CAST("length"->>'new' AS BIGINT) - coalesce(CAST("length"->>'old' AS BIGINT), 0),
           0)                                         AS bytes_changed,
  kafka_offset
FROM bronze.raw_events
WHERE "timestamp" IS NOT NULL
  AND server_name IS NOT NULL
  AND coalesce(meta->>'domain', '') <> 'canary'       -- Wikimedia's own heartbeat
