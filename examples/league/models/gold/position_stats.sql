/* windrow
description: Each position on each day.
*/
SELECT match_date, position, count(*) AS games, sum(win_number) AS wins,
       avg(win_number) AS win_rate, avg(kills) AS avg_kills, avg(deaths) AS avg_deaths, avg(assists) AS avg_assists,
       avg(kda) AS avg_kda, avg(gold_per_minute) AS avg_gold_per_minute, avg(damage_per_minute) AS avg_damage_per_minute,
       avg(kill_participation) AS avg_kill_participation, avg(vision_per_minute) AS avg_vision_per_minute,
       avg(creep_score_per_minute) AS avg_creep_score_per_minute
FROM gold.match_participants GROUP BY match_date, position
