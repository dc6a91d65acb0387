#include "app/runs.h"

#include <atomic>
#include <set>

#include "app/app_fixture.h"
#include "clients/http_server.h"

namespace windrow::app {
namespace {

using namespace std::chrono_literals;

class SeveralRuns : public ProjectTest {
 protected:
  void make_project(const std::string& name) const {
    write(name + "/windrow.yaml", "project: " + name + "\nbegin: 2025-10-01\n");
    write(name + "/sources/events.yaml",
          "source: bronze.events\nfrom: {files: \"data/*.ndjson\"}\n"
          "columns: {id: bigint, ts: timestamp, n: bigint}\n");
    write(name + "/models/silver/clean.sql", "SELECT * FROM bronze.events WHERE n IS NOT NULL");
    write(name + "/models/gold/total.sql",
          "SELECT count(*) AS rows, sum(n) AS total FROM silver.clean");
    write(name + "/models/gold/doubled.sql",
          "/* windrow\ncolumns: {n: {checks: [unique]}}\n*/\nSELECT 1 AS n FROM silver.clean");
    more(name, 0);
  }
  void more(const std::string& name, int file) const {
    std::string rows;
    for (int i = 0; i < 100; ++i) {
      rows += "{\"id\": " + std::to_string(file * 100 + i) +
              ", \"ts\": \"2025-10-02 10:00:00\", \"n\": 1}\n";
    }
    write(name + "/data/" + std::to_string(file) + ".ndjson", rows);
  }

  std::unique_ptr<Clock> clock_ = system_clock();
};

TEST_F(SeveralRuns, OfTwoProjectsEndEachOnItsOwn) {
  struct Begun {
    std::string project, wish;
    std::shared_ptr<app::Run> run;
  };
  const std::vector<std::string> names{"first", "second"};
  std::map<std::string, std::unique_ptr<App>> apps;
  std::map<std::string, std::atomic<int>> heard;
  std::vector<observe::Events::Subscription> subscriptions;
  for (const auto& name : names) {
    make_project(name);
    apps[name] = open(name, *clock_);
    auto& count = heard[name];
    subscriptions.push_back(apps[name]->listen([&count](const observe::Event& event) {
      count += std::holds_alternative<observe::RunEnded>(event.what);
    }));
  }
  std::vector<Begun> begun;
  for (int i = 0; i < 50; ++i) {
    const auto& name = names[size_t(i) % 2];
    auto& app = *apps[name];
    if (i == 20) {
      for (const auto& each : names) more(each, 1);
    }
    // Told apart by more than their order: a third fails, a third is canceled, a third is let be.
    const std::string wish = i % 3 == 0 ? "done" : i % 3 == 1 ? "failed" : "canceled";
    begun.push_back(
        {name, wish, app.start(selected(wish == "failed" ? "+gold.doubled" : "+gold.total"), {})});
    if (wish == "canceled") begun.back().run->cancel();
  }
  EXPECT_FALSE(apps["first"]->runs().active().empty());
  for (const auto& [name, wish, run] : begun) {
    const auto result = run->wait();
    EXPECT_EQ(result.run, run->id());
    EXPECT_EQ(result.status, wish) << name << " " << result.run;
    for (const auto& task : result.tasks) {
      if (task.status == "failed") {
        EXPECT_EQ(task.asset, "gold.doubled") << task.problem->text();
        EXPECT_EQ(task.problem->code, Code::data);
      }
    }
  }
  for (const auto& name : names) {
    auto& app = *apps[name];
    EXPECT_EQ(app.start(selected("+gold.total"), {})->wait().status, "done");
    EXPECT_EQ(ask(app, "SELECT total FROM gold.total"), "200");
    EXPECT_EQ(heard[name], 26);
    EXPECT_TRUE(app.runs().active().empty());
    std::map<std::string, std::string> remembered;
    for (const auto& run : app.history()->runs(100)) remembered[run.id] = run.status;
    EXPECT_EQ(remembered.size(), 26u);
    for (const auto& each : begun) {
      if (each.project == name) {
        EXPECT_EQ(remembered[each.run->id()], each.wish);
      }
    }
  }
}

TEST_F(SeveralRuns, AreCanceledWithTheirProject) {
  make_project("first");
  std::shared_ptr<app::Run> run;
  {
    const auto app = open("first", *clock_);
    run = app->start(selected(""), [](const observe::Event& event) {
      if (std::holds_alternative<observe::TaskStarted>(event.what))
        std::this_thread::sleep_for(50ms);
    });
  }
  EXPECT_TRUE(run->ended());
  EXPECT_EQ(run->wait().status, "canceled");
}

TEST_F(SeveralRuns, KeepTheFilesThatTheyBeganWith) {
  make_project("first");
  const auto app = open("first", *clock_);
  std::promise<void> edited;
  const auto run = app->start(selected("+gold.total"), [&](const observe::Event& event) {
    const auto* task = std::get_if<observe::TaskStarted>(&event.what);
    if (task && task->asset == "bronze.events") edited.get_future().wait();
  });
  write("first/models/gold/total.sql", "SELECT 'edited' AS total FROM silver.clean LIMIT 1");
  app->reload();
  edited.set_value();
  EXPECT_EQ(run->wait().status, "done");
  EXPECT_EQ(ask(*app, "SELECT total FROM gold.total"), "100");
  EXPECT_EQ(app->start(selected("gold.total"), {})->wait().status, "done");
  EXPECT_EQ(ask(*app, "SELECT total FROM gold.total"), "edited");

  write("first/models/gold/total.sql", "SELEC 1");
  EXPECT_THROW(app->reload(), Error);
  EXPECT_EQ(app->workspace()->graph.selects.at("gold.total").table_names().size(), 1u);
  EXPECT_EQ(app->start(selected("gold.total"), {})->wait().status, "done");
}

TEST_F(SeveralRuns, MayWaitInSimulatedTime) {
  std::atomic<int> asked{0};
  clients::TestHttpServer server([&](const auto&) {
    clients::TestHttpServer::Answer answer;
    answer.body = "[{\"id\": 1}, {\"id\": 2}]";
    if (++asked <= 3) answer.status = 503;
    return answer;
  });
  write("slow/windrow.yaml", "project: slow\nconnections: {api: {type: rest, url: \"" +
                                 server.url() + "\", retries: {times: 0}}}\n");
  write("slow/sources/items.yaml",
        "source: bronze.items\nfrom: {rest: api, resources: {items: {path: /items, primary_key: "
        "id}}}\n"
        "columns: {id: bigint}\nretries: {times: 5, delay: 6h, factor: 2, max: 30d}\n");
  write("slow/models/gold/n.sql", "SELECT count(*) AS n FROM bronze.items");
  const SimulatedClock clock(*parse_time("2025-10-25T00:00:00Z"));
  const auto real = std::chrono::steady_clock::now();
  const auto app = open("slow", clock);
  std::vector<std::chrono::microseconds> waits;
  const auto result =
      app->start(selected(""),
                 [&](const observe::Event& event) {
                   if (const auto* task = std::get_if<observe::TaskRetrying>(&event.what))
                     waits.push_back(task->wait);
                 })
          ->wait();
  EXPECT_EQ(result.status, "done");
  ASSERT_EQ(waits.size(), 3u);
  EXPECT_EQ(result.elapsed, waits[0] + waits[1] + waits[2]) << "nothing else takes time";
  EXPECT_EQ(clock.now(), *parse_time("2025-10-25T00:00:00Z") + result.elapsed);
  EXPECT_GT(result.elapsed, 1min);
  EXPECT_LT(std::chrono::steady_clock::now() - real, 1min);
  ASSERT_EQ(result.tasks.size(), 2u);
  EXPECT_EQ(result.tasks[0].attempts, 4);
  EXPECT_EQ(ask(*app, "SELECT n FROM gold.n"), "2");
}

}  // namespace
}  // namespace windrow::app
