#include <sys/resource.h>

#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "app/homes.h"
#include "base/clock.h"
#include "base/time.h"
#include "duck/duck.h"
#include "lake/guided_scan.h"
#include "lake/rewrite.h"

// What bench/lake.py measures of the lake where no verb does only that:
//
//   lake_bench open TABLE             opens it once; its number of files
//   lake_bench append TABLE COUNT     COUNT commits of one row, one after the other
//   lake_bench appends TABLE COUNT    COUNT threads, each commits one row
//   lake_bench query TABLE SELECT     the SELECT, over a view `t`
//
// Each prints a line of JSON with the seconds and the peak of memory in MB.

namespace {

using namespace windrow;

struct World {
  World() { lake::attach(database, *files); }
  Secrets secrets;
  std::unique_ptr<storage::Homes> files = app::all_homes(storage::process_environment(), secrets);
  std::unique_ptr<Clock> clock = system_clock();
  duck::Database database{duck::Options{}};
};

void append_row(World& world, const std::string& path, int64_t id) {
  lake::Table table(*world.files, path);
  duck::Connection connection(world.database);
  while (true) {
    const auto snapshot = table.snapshot({}, &connection);
    lake::DuckRows rows(connection);
    lake::StageContext context{rows, *world.files, path, "t", snapshot};
    context.now = world.clock->now();
    const auto select = "SELECT " + std::to_string(id) + "::BIGINT AS id, 'x' AS name";
    auto request = lake::request_of(lake::stage_append(context, select, {}), {});
    const auto outcome = table.commit(std::move(request), *world.clock);
    if (std::holds_alternative<lake::Committed>(outcome)) return;
  }
}

std::string run(World& world, const std::string& what, const std::string& path,
                const std::string& more) {
  if (what == "open") {
    duck::Connection connection(world.database);
    const auto snapshot = lake::Table(*world.files, path).snapshot({}, &connection);
    return std::to_string(snapshot.files.size());
  }
  if (what == "append") {
    for (int i = 0; i < std::stoi(more); ++i) append_row(world, path, i);
    return more;
  }
  if (what == "appends") {
    std::vector<std::thread> threads;
    for (int i = 0; i < std::stoi(more); ++i)
      threads.emplace_back([&, i] { append_row(world, path, i); });
    for (auto& thread : threads) thread.join();
    return more;
  }
  duck::Connection connection(world.database);
  const auto snapshot = lake::Table(*world.files, path).snapshot({}, &connection);
  connection.execute("CREATE TEMP VIEW t AS " + lake::duck_sql(lake::guided_scan(snapshot)));
  return cell_text(connection.value(more));
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::cerr << "lake_bench open|append|appends|query TABLE [COUNT|SELECT]\n";
    return 2;
  }
  try {
    World world;
    const auto began = std::chrono::steady_clock::now();
    const auto answer = run(world, words[1], words[2], count > 3 ? words[3] : "");
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::cout << "{\"answer\": \"" << answer << "\", \"seconds\": " << taken.count()
              << ", \"mb\": " << usage.ru_maxrss / 1024 << "}\n";
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  std::cout.flush();
  return 0;
}
