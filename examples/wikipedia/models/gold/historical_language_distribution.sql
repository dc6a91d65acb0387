/* windrow
description: Languages and their projects.
tags: [historical]
checks: [{unique: [language, project]}]
*/
SELECT language,
       project,
       count(*)                              AS edit_count,
       sum(bytes_changed)                    AS total_bytes,
       count(*) FILTER (bot)                 AS bot_edits,
       count(*) FILTER (event_type = 'new')  AS new_pages
FROM gold.last_days
GROUP BY language, project
