#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/views.h"
#include "app/why.h"
#include "base/error.h"
#include "base/usage.h"
#include "history/history.h"
#include "observe/event.h"

namespace windrow::lake {
struct HistoryEntry;
struct TableStats;
}  // namespace windrow::lake
namespace windrow::publish {
struct Manifest;
}  // namespace windrow::publish
namespace windrow::quality {
struct UnitTestResult;
}  // namespace windrow::quality
namespace windrow::tasks {
struct PublicationPreview;
}  // namespace windrow::tasks

/// What is to be seen, for programs: the shapes that docs/cli.md promises. What is not known, or
/// does not apply, has no key.
namespace windrow::app {

using Json = nlohmann::ordered_json;

/// For people to read as well; bytes that are no UTF-8 are replaced.
std::string dumped(const Json& json);
/// The same on one line.
std::string dumped_line(const Json& json);

Json json_of(const Problem& problem);
/// An object without what is not known; empty where that is all.
Json json_of(const Usage& usage);
Json json_of(const FilesOf& files);
Json json_of(const PlanView& plan);
Json json_of(const observe::TaskOutcome& task);
Json json_of(const RunResult& result);
Json json_of(const observe::StreamStatus& status);
/// `{"event", "run", "at", …}`
Json json_of(const observe::Event& event);
Json json_of(const AssetView& asset);
Json json_of(const HealthLine& line);
Json json_of(const RetainedTable& table);
Json json_of(const EnvironmentView& environment);
Json json_of(const DroppedEnvironment& dropped, bool dry_run);
Json json_of(const TriedSource& tried);
Json json_of(const LifecycleLine& line);
Json json_of(const ErasureReceipt& receipt, bool dry_run);
Json json_of(const WhyTable& table);  ///< why_json.cc
Json json_of(const history::Run& run);
Json json_of(const history::Task& task);
Json json_of(const history::Check& check);
Json json_of(const quality::UnitTestResult& test);
Json json_of(const tasks::PublicationPreview& view);
Json json_of(const publish::Manifest& manifest);
Json json_of(const lake::HistoryEntry& entry);
Json json_of(const lake::TableStats& stats);

template <typename T>
Json json_of(const std::vector<T>& list) {
  Json out = Json::array();
  for (const auto& each : list) out.push_back(json_of(each));
  return out;
}

/// Text that this program wrote as JSON; null where it is none.
Json parsed(const std::string& text);

}  // namespace windrow::app
