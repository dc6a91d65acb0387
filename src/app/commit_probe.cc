#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "app/homes.h"
#include "base/clock.h"
#include "base/error.h"
#include "duck/duck.h"
#include "lake/checkpoint.h"
#include "lake/dml.h"
#include "lake/optimize.h"
#include "lake/rewrite.h"
#include "lake/table.h"

// For tests of one table with many writers and readers at once (tests/integration/
// concurrent_test.py).
//
//   commit_probe create TABLE
//   commit_probe write TABLE SEED COUNT     COUNT commits, each acknowledged by a line of JSON
//   commit_probe watch TABLE STOP           until the file STOP is there: what each snapshot shows
//   commit_probe rows TABLE VERSION         its rows, `p,k,v`
//
// The table has a partition `p`, a key `k` and a value `v` that no two commits share.

namespace {

using namespace windrow;

constexpr int kPartitions = 4, kKeys = 64;
constexpr int kTriesMax = 3;  // then an append takes its place: every commit comes about in the end

struct World {
  explicit World(std::string table_path) : path(std::move(table_path)) {
    lake::attach(database, *files);
  }
  Secrets secrets;
  std::unique_ptr<storage::Homes> files = app::all_homes(storage::process_environment(), secrets);
  std::string path;
  std::unique_ptr<Clock> clock = system_clock();
  duck::Database database{duck::Options{.threads = 1}};
  duck::Connection connection{database};
  lake::DuckRows rows{connection};
  lake::Table table{*files, path};
};

class Writer {
 public:
  Writer(World& world, unsigned seed, int count) : world_(world), random_(seed), count_(count) {
    app_ = "writer-" + std::to_string(seed);
    next_value_ = int64_t(seed) * 1'000'000 + 1;
  }

  void run() {
    for (int done = 0; done < count_; ++done) {
      const int dice = below(100);
      int tries = 0;
      bool committed = false;
      while (!committed && tries < kTriesMax) {
        committed = dice < 55   ? append()
                    : dice < 75 ? overwrite()
                    : dice < 84 ? remove()
                    : dice < 94 ? merge()
                    : dice < 98 ? optimize()
                                : checkpoint();
        if (!committed) back_off(tries++);
      }
      while (!committed) committed = append();
    }
  }

 private:
  struct Row {
    int64_t p, k, v;
  };

  int below(int end) { return int(random_() % unsigned(end)); }

  void back_off(int tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + below(10 << tries)));
  }

  std::vector<Row> rows(int64_t partition = -1) {
    std::vector<Row> out;
    const int first = below(kKeys), count = 1 + below(3);
    for (int i = 0; i < count; ++i)
      out.push_back(
          {partition < 0 ? below(kPartitions) : partition, (first + i) % kKeys, next_value_++});
    return out;
  }
  static std::string select(const std::vector<Row>& rows) {
    std::string values;
    for (const auto& row : rows)
      values += fmt::format("{}({}::BIGINT, {}::BIGINT, {}::BIGINT)", values.empty() ? "" : ", ",
                            row.p, row.k, row.v);
    return "SELECT * FROM (VALUES " + values + ") t(p, k, v)";
  }
  static std::string json(const std::vector<Row>& rows) {
    std::string out;
    for (const auto& row : rows)
      out += fmt::format("{}[{}, {}, {}]", out.empty() ? "" : ", ", row.p, row.k, row.v);
    return "[" + out + "]";
  }

  lake::StageContext context() {
    return {world_.rows,
            *world_.files,
            world_.path,
            "t",
            world_.table.snapshot({}, &world_.connection),
            {"p"},
            true,
            false,
            world_.clock->now(),
            {}};
  }

  bool commit(lake::Staged staged, const std::string& what) {
    lake::Staged files;
    files.written_paths = staged.written_paths;
    auto request = lake::request_of(std::move(staged), {});
    request.txns = {{app_, moved_ + 1, 0}};
    request.expect_txn[app_] = moved_ == 0 ? std::nullopt : std::optional(moved_);
    const auto outcome = world_.table.commit(std::move(request), *world_.clock);
    if (const auto* done = std::get_if<lake::Committed>(&outcome)) {
      ++moved_;
      if (!done->checkpoint_problem.empty())
        std::cerr << "checkpoint: " << done->checkpoint_problem << "\n";
      acknowledge(done->version, what);
      return true;
    }
    if (std::holds_alternative<lake::Unknown>(outcome)) lake::committed_version(outcome, "t");
    lake::discard(*world_.files, files);
    return false;
  }
  static void acknowledge(int64_t version, const std::string& what) {
    std::cout << fmt::format("{{\"version\": {}, {}}}\n", version, what) << std::flush;
  }

  bool append() {
    const auto added = rows();
    const auto at = context();
    return commit(lake::stage_append(at, select(added), {}),
                  "\"kind\": \"append\", \"rows\": " + json(added));
  }
  bool overwrite() {
    const auto added = rows(below(kPartitions));
    const auto at = context();
    return commit(lake::stage_replace_partitions(at, select(added), {}),
                  "\"kind\": \"overwrite\", \"rows\": " + json(added));
  }
  bool remove() {
    const int p = below(kPartitions), from = below(kKeys), to = from + 8;
    const auto at = context();
    return commit(
        lake::stage_delete(at, fmt::format("p = {} AND k >= {} AND k < {}", p, from, to)),
        fmt::format("\"kind\": \"delete\", \"p\": {}, \"from\": {}, \"to\": {}", p, from, to));
  }
  bool merge() {
    const auto merged = rows();
    const auto at = context();
    return commit(lake::stage_merge(at, select(merged), {}, {{"k"}, "", ""}),
                  "\"kind\": \"merge\", \"rows\": " + json(merged));
  }
  bool optimize() {
    const auto done =
        lake::optimize(*world_.files, world_.path, world_.connection, {}, *world_.clock);
    if (done.version >= 0) acknowledge(done.version, "\"kind\": \"optimize\"");
    return true;
  }
  bool checkpoint() {
    lake::write_checkpoint(*world_.files, world_.table.snapshot({}, &world_.connection),
                           world_.clock->now(), world_.connection);
    return true;
  }

  World& world_;
  std::mt19937 random_;
  const int count_;
  std::string app_;
  int64_t next_value_;
  int64_t moved_ = 0;  // commits of this writer
};

void create(World& world) {
  auto [protocol, metadata] = lake::create_actions(
      {lake::schema_from_duck({{"p", "BIGINT"}, {"k", "BIGINT"}, {"v", "BIGINT"}}),
       {"p"},
       "t",
       "",
       false},
      world.clock->now());
  lake::CommitRequest request;
  request.operation = "CREATE TABLE";
  request.protocol = protocol;
  request.metadata = metadata;
  lake::committed_version(world.table.commit(request, *world.clock), "t");
}

void watch(World& world, const std::string& stop) {
  bool last = false;
  while (!last) {
    last = std::filesystem::exists(stop);
    const auto snapshot = world.table.snapshot({}, &world.connection);
    const auto row = world.connection
                         .query(
                             "SELECT count(*), coalesce(sum(k), 0)::BIGINT, coalesce(sum(p), "
                             "0)::BIGINT, coalesce(bit_xor(v), 0) FROM (" +
                             lake::duck_sql(lake::scan(snapshot)) + ")")
                         .rows.front();
    std::cout << snapshot.version;
    for (const auto& cell : row) std::cout << "," << cell_text(cell);
    std::cout << std::endl;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void show(World& world, int64_t version) {
  const auto snapshot = world.table.snapshot(version, &world.connection);
  for (const auto& row :
       world.connection
           .query("SELECT p, k, v FROM (" + lake::duck_sql(lake::scan(snapshot)) + ") ORDER BY ALL")
           .rows)
    std::cout << cell_text(row[0]) << "," << cell_text(row[1]) << "," << cell_text(row[2]) << "\n";
}

int run(const std::vector<std::string>& words) {
  const std::string& verb = words.at(0);
  World world(words.at(1));
  if (verb == "create") {
    create(world);
  } else if (verb == "write") {
    Writer(world, unsigned(std::stoul(words.at(2))), std::stoi(words.at(3))).run();
  } else if (verb == "watch") {
    watch(world, words.at(2));
  } else if (verb == "rows") {
    show(world, std::stoll(words.at(2)));
  } else {
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
