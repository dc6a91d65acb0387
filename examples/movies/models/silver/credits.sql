/* windrow
description: Who worked on which film, in front of the camera and behind it. One row a credit.
tags: [movies]
columns:
  movie_id: {checks: [not_null, {relationship: {to: silver.movies, column: movie_id}}]}
  kind: {checks: [{accepted_values: [cast, crew]}]}
*/
SELECT movie_id, year, 'cast' AS kind, m.person_id AS person_id, m.name AS name, 'Acting' AS department, 'Actor' AS job,
       m.character AS character, m.position AS position
FROM (SELECT movie_id, year, unnest(cast_members) AS m FROM silver.movies)
UNION ALL
SELECT movie_id, year, 'crew', m.person_id, m.name, m.department, m.job, NULL, NULL
FROM (SELECT movie_id, year, unnest(crew_members) AS m FROM silver.movies)
