/* windrow
description: >
  Which two actors were seen together, in how many films, and how strong a tie that is: a film of n actors gives each two
  of them 1/(n - 1), so that a crowd ties less than a pair (Newman 2001).
tags: [movies]
checks:
  - {unique: {columns: [person_a, person_b]}}
  - {expression: {sql: "person_a < person_b", name: each pair once}}
*/
WITH acted AS (
  SELECT DISTINCT c.movie_id, c.year, c.person_id
  FROM silver.credits c JOIN silver.movies m ON m.movie_id = c.movie_id
  WHERE c.kind = 'cast' AND c.person_id IS NOT NULL AND c.position < $billed AND m.quality_flag <> 'ERROR'),
sized AS (SELECT *, count(*) OVER (PARTITION BY movie_id) AS actors FROM acted)
SELECT a.person_id AS person_a, b.person_id AS person_b, count(*) AS films,
       -- A sum of decimals is the same in any order, so that the communities that follow from it are.
       CAST(sum(CAST(1.0 / (a.actors - 1) AS DECIMAL(18, 9))) AS DOUBLE) AS strength,
       CAST(max(a.year) AS INTEGER) AS last_year
FROM sized a JOIN sized b ON b.movie_id = a.movie_id AND b.person_id > a.person_id
GROUP BY ALL
