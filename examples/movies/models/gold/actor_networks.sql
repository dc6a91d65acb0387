/* windrow
description: Each actor with whom and how closely they work, their community, and how central they are in it.
tags: [batch_views]
columns:
  person_id: {checks: [not_null, unique]}
  partners: {checks: [{range: {min: 1}}]}
*/
WITH names AS (
  SELECT person_id, min(name) AS name, count(DISTINCT movie_id) AS films
  FROM silver.credits WHERE kind = 'cast' GROUP BY person_id),
ties AS (
  SELECT person_a AS person_id, person_b AS partner_id, films, strength FROM silver.collaborations
  UNION ALL SELECT person_b, person_a, films, strength FROM silver.collaborations),
closest AS (
  SELECT person_id, list({person_id: partner_id, name: name, films: films, strength: strength}
                         ORDER BY strength DESC, partner_id) AS partners
  FROM (SELECT t.person_id, t.partner_id, t.films, t.strength, p.name FROM ties t JOIN names p ON p.person_id = t.partner_id
        QUALIFY row_number() OVER (PARTITION BY t.person_id ORDER BY t.strength DESC, t.partner_id) <= 5)
  GROUP BY person_id)
SELECT n.node AS person_id, p.name, p.films, n.degree AS partners, n.strength, n.community,
       count(*) OVER (PARTITION BY n.community) AS community_size, n.component, n.core, n.pagerank,
       row_number() OVER (PARTITION BY n.community ORDER BY n.pagerank DESC, n.node) AS rank_in_community,
       c.partners AS closest_partners
FROM silver.actor_network n
JOIN names p ON p.person_id = n.node
JOIN closest c ON c.person_id = n.node
