/* windrow
description: The hundred users with most events.
tags: [historical]
columns: {user: {checks: [not_null, unique]}}
checks: [{rows: {max: 100}}]
*/
SELECT "user",
       bool_or(bot)                          AS is_bot,
       count(*)                              AS edit_count,
       sum(bytes_changed)                    AS total_bytes,
       count(*) FILTER (event_type = 'new')  AS pages_created
FROM gold.last_days
WHERE "user" IS NOT NULL
GROUP BY "user"
ORDER BY edit_count DESC, "user"
LIMIT 100
