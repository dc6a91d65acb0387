#include <atomic>
#include <future>
#include <set>

#include "app/app_fixture.h"
#include "server/server.h"

namespace windrow::server {
namespace {

using namespace std::chrono_literals;

/// A project whose sensors are looked at by the test.
class Looked final : public app::App {
 public:
  using Sense = std::function<sensors::Sight(const std::string&, Cancel&)>;
  Looked(std::unique_ptr<App> app, Sense sense) : app_(std::move(app)), sense_(std::move(sense)) {}

  sensors::Sight sense(const std::string& sensor, Cancel& cancel) override {
    return sense_(sensor, cancel);
  }
  std::shared_ptr<const app::Workspace> workspace() const override { return app_->workspace(); }
  void reload() override { app_->reload(); }
  void reload(std::shared_ptr<const app::ProjectVersion> version) override {
    app_->reload(std::move(version));
  }
  observe::Events::Subscription listen(observe::Listener listener) override {
    return app_->listen(std::move(listener));
  }
  app::Runs& runs() override { return app_->runs(); }
  std::vector<std::string> check() override { return app_->check(); }
  app::PlanView plan(const app::PlanOptions& o, Cancel& c) override { return app_->plan(o, c); }
  std::shared_ptr<app::Run> start(const app::RunOptions& o, observe::Listener l) override {
    return app_->start(o, std::move(l));
  }
  std::shared_ptr<app::Run> ingest(const app::IngestOptions& o, observe::Listener l) override {
    return app_->ingest(o, std::move(l));
  }
  std::vector<std::string> accept(const std::string& s) override { return app_->accept(s); }
  std::vector<quality::UnitTestResult> unit_tests(const std::string& s) override {
    return app_->unit_tests(s);
  }
  std::unique_ptr<app::Query> query(const app::QueryOptions& o) override { return app_->query(o); }
  std::vector<app::FilesOf> files_read(duck::Connection& c, const std::string& s,
                                       const Parameters& p) override {
    return app_->files_read(c, s, p);
  }
  app::WhyTable why(const app::WhyOptions& o, Cancel& c) override { return app_->why(o, c); }
  std::vector<app::TableNow> look_at(const std::vector<std::string>& t) override {
    return app_->look_at(t);
  }
  std::vector<app::AssetView> list(const std::string& s) override { return app_->list(s); }
  std::vector<app::AssetView> orphans() override { return app_->orphans(); }
  graph::Lineage lineage(const std::string& s) override { return app_->lineage(s); }
  std::vector<app::HealthLine> health(Cancel& c) override { return app_->health(c); }
  app::TriedSource try_source(const app::TryOptions& o, Cancel& c) override {
    return app_->try_source(o, c);
  }
  std::vector<tasks::PublicationPreview> preview_publications(const std::string& s,
                                                              Cancel& c) override {
    return app_->preview_publications(s, c);
  }
  std::vector<publish::Manifest> roll_back(const std::vector<std::string>& n, Cancel& c) override {
    return app_->roll_back(n, c);
  }
  std::vector<app::RetainedTable> retain(const std::string& s, bool d, Cancel& c) override {
    return app_->retain(s, d, c);
  }
  app::ErasureReceipt erase(const app::EraseOptions& o, Cancel& c) override {
    return app_->erase(o, c);
  }
  std::vector<app::LifecycleLine> lifecycle(bool d) override { return app_->lifecycle(d); }
  std::vector<app::EnvironmentView> environments(Cancel& c) override {
    return app_->environments(c);
  }
  app::DroppedEnvironment drop_environment(bool d, bool f, Cancel& c) override {
    return app_->drop_environment(d, f, c);
  }
  std::shared_ptr<history::History> history() override { return app_->history(); }

 private:
  const std::unique_ptr<App> app_;
  const Sense sense_;
};

class SensingTest : public app::ProjectTest {
 protected:
  /// Serves until `enough` says so of what was told last, and for a minute at most.
  void serve(const Looked::Sense& sense, const std::function<bool(const Told&)>& enough) {
    const auto clock = system_clock();
    Options options;
    app::Options project;
    project.folder = (folder_ / "p").string();
    options.projects.push_back(project);
    Cancel stop;
    Alarm late(*clock, [&] {
      if (!stop.requested()) ADD_FAILURE() << "it took too long";
      stop.request();
    });
    late.set(clock->steady() + 1min);
    Server server(
        options,
        [&](const app::Options& how, Secrets& secrets, const Clock& c) {
          return std::make_unique<Looked>(app::App::open(how, secrets, c), sense);
        },
        secrets_, *clock,
        [&](const Told& told) {
          if (enough(told)) stop.request();
        });
    server.serve(stop);
  }
  void sensors(const std::vector<std::string>& places) {
    std::string all, names;
    for (size_t i = 0; i < places.size(); ++i) {
      const auto name = "s" + std::to_string(i);
      all += "  " + name + ": {" + places[i] + ", timeout: 1s}\n";
      names += (i == 0 ? "" : ", ") + name;
    }
    write("p/windrow.yaml",
          "project: p\nsensors:\n" + all + "schedules: {all: {sensor: [" + names + "]}}\n");
    write("p/models/gold/a.sql", "SELECT 1 AS a");
  }
};

/// More places hang than there are threads that look: each is asked to stop, and told.
TEST_F(SensingTest, LooksThatHangAreAskedToStop) {
  constexpr int kPlaces = 20;
  std::vector<std::string> places;
  for (int i = 0; i < kPlaces; ++i)
    places.push_back("http: \"http://127.0.0.1:" + std::to_string(10 + i) + "/\"");
  sensors(places);
  std::atomic<int> stopped{0};
  std::set<std::string> lost;
  serve(
      [&](const std::string&, Cancel& cancel) -> sensors::Sight {
        while (!cancel.wait_for(1h)) continue;
        ++stopped;
        throw Error(Code::canceled, "stopped");
      },
      [&](const Told& told) {
        if (told.event == "sensor_lost") lost.insert(told.sensor);
        return lost.size() == kPlaces;
      });
  EXPECT_EQ(lost.size(), size_t(kPlaces));
  EXPECT_GE(stopped, kPlaces - 8);
}

/// Two sensors at one place, which hangs and cannot be stopped: both are told lost, and both back.
TEST_F(SensingTest, WhoWaitsBehindALookThatHangsIsToldLost) {
  sensors({"file: \"in/*.csv\"", "file: \"in/*.txt\""});
  std::promise<void> answers;
  const auto answered = answers.get_future().share();
  std::map<std::string, Problem> lost;
  std::set<std::string> back;
  serve(
      [&](const std::string&, Cancel&) -> sensors::Sight {
        answered.wait();
        return {};
      },
      [&](const Told& told) {
        if (told.event == "sensor_lost") {
          lost[told.sensor] = told.problems.at(0);
          if (lost.size() == 2) answers.set_value();
        }
        if (told.event == "sensor_back") back.insert(told.sensor);
        return back.size() == 2;
      });
  ASSERT_EQ(lost.size(), 2u);
  int behind = 0;
  for (const auto& [sensor, problem] : lost)
    behind += problem.message.find("from the same place") != std::string::npos;
  EXPECT_EQ(behind, 1);
  EXPECT_EQ(back.size(), 2u);
}

}  // namespace
}  // namespace windrow::server
