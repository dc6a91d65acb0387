#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "clients/cassandra/cluster.h"

/// What bench/serving.py holds a publication against: the same client, rows from nowhere.
/// cassandra_bare HOST PORT KEYSPACE TABLE ROWS single|partition
int main(int count, char** words) {
  namespace cassandra = windrow::clients::cassandra;
  if (count != 7) return 2;
  const int64_t rows = std::atoll(words[5]);
  const bool partition = std::string(words[6]) == "partition";
  cassandra::ClusterOptions options;
  options.contacts = {{words[1], std::atoi(words[2])}};
  options.consistency = cassandra::Consistency::one;
  cassandra::Cluster cluster(options);
  const auto insert = cluster.prepare(
      std::string("INSERT INTO ") + words[3] + "." + words[4] +
      " (match_date, match_id, participant_id, summoner_name, champion_id, kills, kda, "
      "gold_per_minute, started_at, win) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const auto began = std::chrono::steady_clock::now();
  std::vector<cassandra::Values> batch(10);
  constexpr int64_t kTimestamp = 1700000000000000;
  for (int64_t i = 0; i < rows; ++i) {
    auto& values = batch[partition ? size_t(i % 10) : 0];
    values.clear();
    values.integer(cassandra::date_value(int32_t(20000 + i / 100000)));
    values.text("EUW1_" + std::to_string(6000000000 + i / 10));
    values.integer(int32_t(i % 10 + 1));
    values.text("Summoner " + std::to_string(i * 7919 % 50000));
    values.integer(int32_t(i % 140));
    values.integer(int32_t(i % 15));
    values.real(double(i % 97) / 7);
    values.real(double(i % 1009) / 3);
    values.integer(1700000000000 + i * 1000);
    values.boolean(i % 2 == 0);
    if (!partition) {
      cluster.write(*insert, values, kTimestamp);
    } else if (i % 10 == 9 || i + 1 == rows) {
      cluster.write_batch(*insert, batch, size_t(i % 10 + 1), kTimestamp);
    }
  }
  cluster.finish();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  std::printf("%.3f\n", taken.count());
}
