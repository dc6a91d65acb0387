/* windrow
description: >
  Participants of both formats in one shape, cleaned: each once, of matches that were played, with a name, a position
  and seconds.
build: {interval: {column: started_at, grain: day, batch: 5000}}
columns:
  match_id: {checks: [not_null]}
  participant_id: {checks: [not_null]}
  game_seconds: {description: "length of the match", checks: [{range: {min: 1}}]}
checks:
  - {unique: [match_id, participant_id]}
*/
WITH v5 AS (
  SELECT match_id, participantId AS participant_id, started_at,
         coalesce(nullif(summonerName, ''), riotIdGameName) AS summoner_name,
         championId AS champion_id, championName AS champion_name, teamPosition AS position,
         coalesce(nullif(playerSubteamId, 0), teamId) AS team_id, win, kills, deaths, assists,
         goldEarned AS gold_earned, totalDamageDealtToChampions AS damage_to_champions,
         totalDamageTaken AS damage_taken, visionScore AS vision_score,
         totalMinionsKilled + coalesce(neutralMinionsKilled, 0) AS creep_score,
         champLevel AS champion_level,
         CASE WHEN gameEndTimestamp IS NULL AND gameDuration > 20000 THEN gameDuration // 1000
              ELSE gameDuration END AS game_seconds,
         gameVersion AS game_version, gameMode AS game_mode, kafka_partition, kafka_offset
  FROM data.lol_matches WHERE started_at >= $start AND started_at < $end),
v3 AS (
  SELECT match_id, participantId AS participant_id, started_at,
         list_extract(list_filter(
             from_json(participantIdentities, '[{"participantId": "INTEGER", "player": {"summonerName": "VARCHAR"}}]'),
             x -> x.participantId = m.participantId), 1).player.summonerName AS summoner_name,
         championId AS champion_id, NULL::VARCHAR AS champion_name,
         CASE WHEN (timeline->>'lane') = 'BOTTOM' AND (timeline->>'role') = 'DUO_SUPPORT' THEN 'UTILITY'
              WHEN (timeline->>'lane') = 'MID' THEN 'MIDDLE'
              ELSE (timeline->>'lane') END AS position,
         teamId AS team_id, CAST((stats->>'win') AS BOOLEAN) AS win,
         CAST((stats->>'kills') AS INTEGER) AS kills, CAST((stats->>'deaths') AS INTEGER) AS deaths,
         CAST((stats->>'assists') AS INTEGER) AS assists, CAST((stats->>'goldEarned') AS INTEGER) AS gold_earned,
         CAST((stats->>'totalDamageDealtToChampions') AS INTEGER) AS damage_to_champions,
         CAST((stats->>'totalDamageTaken') AS INTEGER) AS damage_taken,
         CAST((stats->>'visionScore') AS INTEGER) AS vision_score,
         CAST((stats->>'totalMinionsKilled') AS INTEGER)
             + coalesce(CAST((stats->>'neutralMinionsKilled') AS INTEGER), 0) AS creep_score,
         CAST((stats->>'champLevel') AS INTEGER) AS champion_level, gameDuration AS game_seconds,
         gameVersion AS game_version, gameMode AS game_mode, kafka_partition, kafka_offset
  FROM data.lol_matches_v3 m WHERE started_at >= $start AND started_at < $end),
told AS (SELECT * FROM v5 UNION ALL SELECT * FROM v3)
SELECT match_id, participant_id, started_at, coalesce(nullif(summoner_name, ''), 'unknown') AS summoner_name,
       champion_id, coalesce(champion_name, 'Champion ' || champion_id) AS champion_name,
       CASE WHEN position IN ('TOP', 'JUNGLE', 'MIDDLE', 'BOTTOM', 'UTILITY') THEN position ELSE 'NONE' END AS position,
       team_id, win, coalesce(kills, 0) AS kills, coalesce(deaths, 0) AS deaths, coalesce(assists, 0) AS assists,
       coalesce(gold_earned, 0) AS gold_earned, coalesce(damage_to_champions, 0) AS damage_to_champions,
       coalesce(damage_taken, 0) AS damage_taken, coalesce(vision_score, 0) AS vision_score,
       coalesce(creep_score, 0) AS creep_score, coalesce(champion_level, 0) AS champion_level,
       CAST(game_seconds AS INTEGER) AS game_seconds, game_version, game_mode
FROM told
WHERE match_id IS NOT NULL AND participant_id IS NOT NULL AND champion_id IS NOT NULL AND win IS NOT NULL
  AND game_seconds > 0
QUALIFY row_number() OVER (PARTITION BY match_id, participant_id ORDER BY kafka_offset, kafka_partition) = 1
