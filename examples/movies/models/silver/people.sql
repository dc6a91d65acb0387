/* windrow
description: One row a person, the latest that the API told.
tags: [movies]
build: {merge: {key: person_id, latest_by: extracted_at}}
new_rows: bronze.people
columns:
  person_id: {checks: [not_null, unique]}
*/
SELECT CAST(raw ->> '$.id' AS BIGINT) AS person_id, raw ->> '$.name' AS name,
       raw ->> '$.known_for_department' AS known_for_department,
       TRY_CAST(raw ->> '$.birthday' AS DATE) AS birthday, TRY_CAST(raw ->> '$.deathday' AS DATE) AS deathday,
       raw ->> '$.place_of_birth' AS place_of_birth, TRY_CAST(raw ->> '$.popularity' AS DOUBLE) AS popularity,
       json_extract_string(raw, '$.also_known_as[*]') AS also_known_as,
       extracted_at
FROM bronze.people
WHERE endpoint = 'person'
