#include "lake/history_archive.h"

#include <algorithm>

#include "base/error.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"
#include "lake/log.h"

namespace windrow::lake {
namespace {

std::string folder_of(const std::string& table_path) { return table_path + "/_windrow/history"; }

struct ArchiveFile {
  std::string path;
  int64_t from = 0, to = 0;
};

std::vector<ArchiveFile> list_archive(storage::FileSystem& files, const std::string& table_path) {
  std::vector<ArchiveFile> out;
  for (const auto& entry : files.list(folder_of(table_path), {}, false)) {
    const std::string name = entry.path.substr(entry.path.find_last_of('/') + 1);
    long long from = 0, to = 0;
    int end = 0;
    if (std::sscanf(name.c_str(), "%20lld-%20lld.json%n", &from, &to, &end) == 2 &&
        size_t(end) == name.size()) {
      out.push_back({entry.path, from, to});
    }
  }
  return out;
}

std::string raw_json(const CommitInfo& info, std::string_view key) {
  return reading_json("a commitInfo", [&] {
    simdjson::dom::parser parser;
    return text_at(parser.parse(info.json), key);
  });
}

ArchivedCommit commit_from(const JsonObject& object) {
  ArchivedCommit out;
  out.entry.version = integer_at(object, "version", -1);
  out.entry.timestamp = time_from_micros(integer_at(object, "timestamp") * 1000);
  out.entry.operation = string_at(object, "operation");
  out.entry.parameters_json = text_at(object, "operationParameters");
  out.entry.metrics_json = text_at(object, "operationMetrics");
  out.entry.engine_info = string_at(object, "engineInfo");
  out.changes_data = boolean_at(object, "changesData", true);
  if (const std::string record = text_at(object, "windrow"); !record.empty()) {
    out.entry.provenance = provenance_from_json(record);
  }
  return out;
}

void read_archive(const std::string& text, const std::string& path,
                  std::vector<ArchivedCommit>& into) {
  reading_json("\"" + path + "\"", [&] {
    simdjson::dom::parser parser;
    const JsonObject object = parser.parse(text);
    if (const int64_t format = integer_at(object, "windrow"); format > kArchiveFormat) {
      throw Error(Code::unsupported,
                  "\"" + path + "\" is of format " + std::to_string(format) +
                      ", which this version of windrow does not know",
                  "use the newer windrow that wrote it");
    }
    for (JsonElement commit : object["commits"].get_array()) into.push_back(commit_from(commit));
  });
}

}  // namespace

std::vector<ArchivedCommit> archived_history(storage::FileSystem& files,
                                             const std::string& table_path) {
  std::vector<ArchivedCommit> out;
  for (const auto& file : list_archive(files, table_path))
    read_archive(files.read(file.path), file.path, out);
  // Two clean-ups at once may have kept the same commit twice.
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.entry.version > b.entry.version; });
  out.erase(
      std::unique(out.begin(), out.end(),
                  [](const auto& a, const auto& b) { return a.entry.version == b.entry.version; }),
      out.end());
  return out;
}

int64_t archived_up_to(storage::FileSystem& files, const std::string& table_path) {
  int64_t last = -1;
  for (const auto& file : list_archive(files, table_path)) last = std::max(last, file.to);
  return last;
}

void archive(storage::FileSystem& files, const std::string& table_path,
             const std::vector<Commit>& commits) {
  if (commits.empty()) return;
  JsonWriter w;
  w.begin_object().field("windrow", kArchiveFormat).key("commits").begin_array();
  for (const auto& commit : commits) {
    w.begin_object().field("version", commit.version);
    if (commit.info) {
      w.field("timestamp", commit.info->timestamp).field("operation", commit.info->operation);
      w.field("engineInfo", commit.info->engine_info);
      for (const char* key : {"operationParameters", "operationMetrics", "windrow"}) {
        if (const std::string json = raw_json(*commit.info, key); !json.empty())
          w.raw_field(key, json);
      }
    }
    w.field("changesData", commit.changes_data()).end_object();
  }
  w.end_array().end_object();
  const std::string name =
      version_text(commits.front().version) + "-" + version_text(commits.back().version);
  const auto outcome =
      files.put_if_absent(folder_of(table_path) + "/" + name + ".json", w.text() + "\n");
  if (outcome == storage::PutOutcome::unknown) {
    throw Error(Code::unavailable,
                "the storage did not say whether the history of \"" + table_path + "\" was kept",
                "run again: nothing was removed");
  }
}

}  // namespace windrow::lake
