#include <gtest/gtest.h>

#include "api/endpoint.h"
#include "api/events.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "api/shape.h"

namespace windrow::api {
namespace {

std::vector<std::string> wrong(const char* notation, const Json& value) {
  Problems problems;
  check(value, parse_shape(notation), "it", problems);
  std::vector<std::string> out;
  for (const auto& each : problems.all()) out.push_back(each.message);
  return out;
}

TEST(Shape, ChecksWhatItSays) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(wrong("{run: text(1..3), at?: time, n?: whole(0..5), of?: [truth], vars?: {*: text}}",
                  {{"run", "a"}, {"n", 5.0}, {"of", {true}}, {"vars", {{"x", "y"}}}}),
            Texts{});
  EXPECT_EQ(wrong("{run: text}", Json::object()), Texts{"it has no \"run\""});
  EXPECT_EQ(wrong("{run?: text}", {{"ran", "x"}}),
            Texts{"it has \"ran\", which nobody knows here"});
  EXPECT_EQ(wrong("text(1..3)", "äöüß"), Texts{"it is not a text of 1 to 3 characters"});
  EXPECT_EQ(wrong("text(1..3)", "äöü"), Texts{}) << "characters, not bytes";
  EXPECT_EQ(wrong("text", std::string("a\0b", 3)), Texts{"it has a character that no text has"});
  EXPECT_EQ(wrong("'a'|'b'", "c"), Texts{"it is not one of a, b"});
  EXPECT_EQ(wrong("[whole(0..9)]", {1, 10, 2.5, "x"}).size(), 3u);
  EXPECT_EQ(wrong("whole(0..9)", 1e300).size(), 1u);
  EXPECT_EQ(wrong("{*: {a: whole}}", {{"x", {{"a", "1"}}}}), Texts{"it.x.a is not a whole number"});
}

TEST(Shape, ParametersAreText) {
  Problems problems;
  EXPECT_EQ(value_of("7", parse_shape("whole(0..9)"), "n", problems), Json(7));
  EXPECT_EQ(value_of("true", parse_shape("truth"), "n", problems), Json(true));
  EXPECT_EQ(value_of("7", parse_shape("text"), "n", problems), Json("7"));
  EXPECT_EQ(value_of("0.5", parse_shape("number(0..1)"), "n", problems), Json(0.5));
  EXPECT_TRUE(problems.empty());
  for (const char* bad : {"", "x", "7x", "10", "-1", "99999999999999999999", "1e1"})
    EXPECT_FALSE(value_of(bad, parse_shape("whole(0..9)"), "n", problems)) << bad;
  EXPECT_FALSE(value_of("yes", parse_shape("truth"), "n", problems));
}

TEST(Shape, NamedOnesAreAllThereAndOnlyOnce) {
  std::set<std::string> names;
  for (const auto& [name, notation] : named_shapes())
    EXPECT_TRUE(names.insert(name).second) << name;
  const std::string all = [] {
    std::string out;
    for (const auto& [name, notation] : named_shapes())
      out += schema_of(parse_shape(notation)).dump();
    return out;
  }();
  const std::string begin = "#/components/schemas/";
  for (size_t at = 0; (at = all.find(begin, at)) != std::string::npos; ++at) {
    const auto name = all.substr(at + begin.size(), all.find('"', at) - at - begin.size());
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

std::string drained(http::EventStream& stream) {
  std::string out;
  for (auto more = stream.source->after(stream.position); more.text && !more.text->empty();
       more = stream.source->after(stream.position))
    out += *more.text;
  return out;
}

TEST(EventLog, TellsEachFromItsPlaceOn) {
  EventLog log;
  int woken = 0;
  log.on_news([&] { ++woken; });
  auto all = log.stream({}, ""), one = log.stream({"p", "r2"}, ""),
       other = log.stream({"q", ""}, "");
  log.add({"p", "r1"}, "run", "{\"n\":1}");
  log.add({"p", "r2"}, "run", "{\"n\":2}");
  EXPECT_EQ(woken, 2);
  const auto told = drained(all);
  EXPECT_NE(told.find("event: run\ndata: {\"n\":1}\n\nid: "), std::string::npos) << told;
  EXPECT_EQ(drained(one).find("{\"n\":1}"), std::string::npos);
  EXPECT_EQ(drained(other), "");
  EXPECT_EQ(drained(all), "");
  const auto id = told.substr(4, told.find('\n') - 4);
  auto again = log.stream({}, id);
  EXPECT_EQ(again.first.find("event: lost"), std::string::npos);
  const auto rest = drained(again);
  EXPECT_EQ(rest, told.substr(told.find("\n\n") + 2)) << "exactly what came after";
  for (const char* unknown : {"other-1", "", "x"}) {
    auto stream = log.stream({}, unknown);
    EXPECT_EQ(stream.first.find("event: lost") != std::string::npos, *unknown != '\0') << unknown;
  }
}

TEST(EventLog, IsBoundedAndDropsWhoFallsBehind) {
  EventLog log;
  auto slow = log.stream({}, "");
  for (int i = 0; i < 300; ++i) log.add({"p", "r"}, "run", std::string(100'000, 'x'));
  EXPECT_TRUE(slow.source->after(slow.position).over);
  auto quick = log.stream({}, "");
  log.add({"p", "r"}, "run", "{}");
  EXPECT_FALSE(quick.source->after(quick.position).over);
}

TEST(Metrics, AreTextForPrometheus) {
  Metrics metrics;
  observe::RunStarted begun;
  begun.schedule = "s\"1\n";
  begun.due = time_from_micros(0);
  metrics.happened("p", {"r", time_from_micros(2'000'000), begun});
  metrics.happened("p", {"r", {}, observe::TaskStarted{"a", 1}});
  MetricsText during;
  metrics.put(during);
  EXPECT_NE(during.text().find("windrow_tasks_running{project=\"p\"} 1\n"), std::string::npos);
  observe::TaskOutcome task;
  task.asset = "a";
  task.kind = "table";
  task.status = "done";
  task.attempts = 1;
  task.rows = 7;
  task.elapsed = std::chrono::milliseconds(60);
  metrics.happened("p", {"r", {}, task});
  metrics.happened("p", {"r", {}, observe::RunEnded{"done", 0, std::chrono::seconds(100'000)}});
  MetricsText text;
  metrics.put(text);
  for (const char* line :
       {"windrow_runs_total{project=\"p\",status=\"done\"} 1\n",
        "windrow_run_seconds_bucket{project=\"p\",le=\"14400\"} 0\n",
        "windrow_run_seconds_bucket{project=\"p\",le=\"+Inf\"} 1\n",
        "windrow_task_seconds_bucket{project=\"p\",kind=\"table\",le=\"0.05\"} 0\n",
        "windrow_task_seconds_bucket{project=\"p\",kind=\"table\",le=\"0.1\"} 1\n",
        "windrow_rows_written_total{project=\"p\",asset=\"a\"} 7\n",
        "windrow_run_delay_seconds_sum{project=\"p\",schedule=\"s\\\"1\\n\"} 2\n"})
    EXPECT_NE(text.text().find(line), std::string::npos) << line << text.text();
  EXPECT_EQ(text.text().find("windrow_tasks_running{"), std::string::npos);
}

TEST(Routes, HostsAndText) {
  EXPECT_EQ(host_of("a.example:80"), "a.example");
  EXPECT_EQ(host_of("[::1]:80"), "::1");
  EXPECT_TRUE(is_address("::1"));
  EXPECT_TRUE(is_address("127.0.0.1"));
  EXPECT_FALSE(is_address("127.0.0.1.evil.example"));
  EXPECT_FALSE(is_address(""));
  EXPECT_EQ(decoded("a%20b+c", true), "a b c");
  EXPECT_EQ(decoded("a+b", false), "a+b");
  EXPECT_FALSE(decoded("%ff", true));
  EXPECT_FALSE(decoded("%00", true));
}

TEST(OpenApi, SaysEachEndpointOnce) {
  std::vector<Endpoint> all;
  add_service_endpoints(all);
  add_session_endpoints(all);
  add_account_endpoints(all);
  add_run_endpoints(all);
  const auto document = openapi(all);
  size_t operations = 0;
  for (const auto& [path, methods] : document["paths"].items()) operations += methods.size();
  EXPECT_EQ(operations, all.size());
  EXPECT_EQ(document["paths"]["/users"]["post"]["x-role"], "admin");
  EXPECT_EQ(document["paths"]["/projects/{project}/runs"]["post"]["operationId"],
            "postProjectsProjectRuns");
}

}  // namespace
}  // namespace windrow::api
