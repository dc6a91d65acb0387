/* windrow
description: The events that the five tables are about, the last days up to the newest hour in the lake. The clock has no say in it.
build: view
*/
SELECT * FROM silver.events
WHERE event_time >= (SELECT max(hour_bucket) + INTERVAL 1 HOUR - to_days(CAST($days AS INTEGER)) FROM gold.hourly)
