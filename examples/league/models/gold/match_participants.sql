/* windrow
description: What the application reads of a participant, with seven engineered columns.
build: {interval: {column: started_at, grain: day, batch: 5000}}
columns:
  kda: {description: "kills and assists for each death; without a death, for one"}
  gold_per_minute: {checks: [{range: {min: 0}}]}
  kill_participation: {description: "share of the team's kills that it had a part in", checks: [{range: {min: 0}}]}
  win_number: {description: "1 won, 0 lost: its average is a win rate", checks: [{accepted_values: [0, 1]}]}
*/
SELECT CAST(started_at AS DATE) AS match_date, match_id, participant_id, summoner_name, champion_id, champion_name, position,
       team_id, win, kills, deaths, assists, gold_earned, damage_to_champions, damage_taken, vision_score, creep_score,
       champion_level, game_seconds, game_version, game_mode, started_at,
       (kills + assists) / greatest(deaths, 1)::DOUBLE AS kda,
       gold_earned * 60.0::DOUBLE / game_seconds AS gold_per_minute,
       damage_to_champions * 60.0::DOUBLE / game_seconds AS damage_per_minute,
       coalesce((kills + assists)::DOUBLE / nullif(sum(kills) OVER (PARTITION BY match_id, team_id), 0), 0)
           AS kill_participation,
       vision_score * 60.0::DOUBLE / game_seconds AS vision_per_minute,
       creep_score * 60.0::DOUBLE / game_seconds AS creep_score_per_minute,
       CAST(win AS INTEGER) AS win_number
FROM silver.participants WHERE started_at >= $start AND started_at < $end
