#include <fmt/format.h>

#include <algorithm>

#include "sources/files/found_file.h"
#include "sources/files/records.h"
#include "sources/source.h"

/// Files, each read once. Progress is a `txn` a file: application `files/<source>/<name>`, version
/// FoundFile::version.
namespace windrow::sources {

namespace {

using project::Value;

constexpr size_t kBatchFiles = 500;
constexpr uint64_t kBatchBytes = 1ull << 30;

/// `1.4 MB`
std::string bytes_text(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = double(bytes);
  const char* const units[] = {"kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (value /= 1000; value >= 1000 && unit < 3; value /= 1000) ++unit;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string amount(const std::vector<FoundFile>& files) {
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.size;
  return fmt::format("{} file{}, {}", files.size(), files.size() == 1 ? "" : "s",
                     bytes_text(bytes));
}

class FilesReader final : public Reader {
 public:
  FilesReader(const project::Source& source, const Context& context)
      : source_(source), root_(context.project_root), now_(context.now) {
    pattern_ = setting("files").value_or("");
    changed_ = setting("changed").value_or("append");
    if (const auto files = setting("batch_files"))
      batch_files_ = size_t(std::max(1, std::stoi(*files)));
  }

  std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) override {
    const auto files = waiting(txns);
    if (files.empty()) return {};
    return amount(files);
  }

  std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                            engine::Session& session) override {
    auto rest = waiting(txns);
    // Files that tell of no column (empty ones, of a source that declares none) make no table; they
    // are looked at again next time.
    while (!rest.empty()) {
      const auto files = take(rest);
      // A moment in UTC as TIMESTAMP: what `year(…)` of it gives does not hang on the session's
      // time zone.
      const duck::Parameters parameters = {{"extracted_at", {iso(now_), "TIMESTAMP"}}};
      const auto records = format(files[0]) == "csv" ? csv_records(files, source_, session)
                                                     : json_records(files, source_, session);
      if (!records.sql.empty()) return batch_of(files, records, parameters, txns);
    }
    return {};
  }

 private:
  /// Takes files of one format off the front, within the bounds of a batch.
  std::vector<FoundFile> take(std::vector<FoundFile>& rest) const {
    size_t count = 0;
    uint64_t bytes = 0;
    while (count < rest.size() && count < batch_files_ &&
           (count == 0 || bytes + rest[count].size <= kBatchBytes) &&
           format(rest[count]) == format(rest[0])) {
      bytes += rest[count++].size;
    }
    const auto end = rest.begin() + std::ptrdiff_t(count);
    std::vector<FoundFile> out(rest.begin(), end);
    rest.erase(rest.begin(), end);
    return out;
  }

  Batch batch_of(const std::vector<FoundFile>& files, const Records& records,
                 const duck::Parameters& parameters,
                 const std::map<std::string, lake::Txn>& txns) const {
    Batch batch;
    batch.parameters = parameters;
    batch.select = with_partitions(records.sql);
    batch.rejected_select = records.rejected;
    batch.what = amount(files);
    for (const auto& file : files) {
      const auto found = txns.find(app_id(file));
      batch.expect_txn[app_id(file)] =
          found == txns.end() ? std::nullopt : std::optional(found->second.version);
      batch.txns.push_back({app_id(file), file.version, micros(now_) / 1000});
    }
    return batch;
  }

  std::optional<std::string> setting(std::string_view key) const {
    const Value* value = source_.from.find(key);
    if (!value || value->is_null()) return {};
    return value->text();
  }
  std::string app_id(const FoundFile& file) const {
    return "files/" + source_.name + "/" + file.name;
  }

  std::vector<FoundFile> waiting(const std::map<std::string, lake::Txn>& txns) const {
    std::vector<FoundFile> out;
    for (auto& file : find_files(root_, pattern_)) {
      const auto found = txns.find(app_id(file));
      const bool known = found != txns.end();
      if (known && (found->second.version == file.version || changed_ == "ignore")) continue;
      if (known && changed_ == "error") {
        throw Error(Code::data,
                    "file \"" + file.path + "\" has changed since \"" + source_.name + "\" read it",
                    "say `changed: append` or `changed: ignore` under `from`, or put its new rows "
                    "into a new file",
                    source_.from.place);
      }
      out.push_back(std::move(file));
    }
    return out;
  }

  std::string format(const FoundFile& file) const {
    if (!source_.format.empty() && source_.format != "json" && source_.format != "csv") {
      throw Error(Code::unsupported,
                  "format \"" + source_.format + "\" is not read by this version of windrow",
                  "json and csv are", source_.place);
    }
    if (!source_.format.empty()) return source_.format;
    std::string name = file.name;
    for (const char* packed : {".gz", ".zst"}) {
      if (name.ends_with(packed)) name.resize(name.size() - std::string_view(packed).size());
    }
    for (const char* json : {".json", ".jsonl", ".ndjson"}) {
      if (name.ends_with(json)) return "json";
    }
    if (name.ends_with(".csv") || name.ends_with(".tsv")) return "csv";
    throw Error(Code::configuration,
                "the format of \"" + file.name + "\" does not show in its name",
                "say `format: json` or `format: csv`", source_.place);
  }

  std::string with_partitions(const std::string& select) const {
    std::string more;
    for (const auto& [column, expression] : source_.partition_by) {
      if (!expression.empty()) more += ", (\n" + expression + "\n) AS " + duck::quote_name(column);
    }
    return more.empty() ? select : "SELECT *" + more + " FROM (" + select + ") AS record";
  }

  const project::Source& source_;
  std::string root_, pattern_, changed_;
  size_t batch_files_ = kBatchFiles;
  Time now_;
};

}  // namespace

std::unique_ptr<Reader> files_reader(const project::Source& source, const Context& context) {
  return std::make_unique<FilesReader>(source, context);
}

}  // namespace windrow::sources
