/* windrow
description: Each actor's place among the others. Communities are actors who were seen together more than with others.
tags: [movies]
operator: {name: network, from: person_a, to: person_b, weight: strength}
columns:
  node: {checks: [not_null, unique]}
  community: {description: "1 is the largest", checks: [not_null]}
*/
SELECT person_a, person_b, strength FROM silver.collaborations
