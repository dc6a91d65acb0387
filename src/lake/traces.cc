#include "lake/traces.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/error.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/action_json.h"
#include "lake/checkpoint.h"
#include "lake/history_archive.h"
#include "lake/log.h"
#include "lake/partition_path.h"
#include "lake/relation.h"
#include "lake/statistics.h"

namespace windrow::lake {
namespace {

constexpr size_t kAtOnce = 200;  // files in one statement

/// The partition values that a path says, for files that the log does not know.
PartitionValues values_in(const Snapshot& snapshot, const std::string& path) {
  PartitionValues out;
  for (const auto& name : snapshot.metadata.partition_columns) {
    const Field* field = snapshot.schema.find(name);
    const std::string column = field == nullptr ? name : field->in_files();
    const size_t at = ("/" + path).find("/" + column + "=");
    if (at == std::string::npos) continue;
    const size_t begin = at + column.size() + 1;
    const std::string text = uri_decoded(path.substr(begin, path.find('/', begin) - begin));
    out[column] = text == "__HIVE_DEFAULT_PARTITION__" ? std::nullopt : std::optional(text);
  }
  return out;
}

/// The partition values of every file that the log names.
using Named = std::map<std::string, PartitionValues>;

Named named_in_log(storage::FileSystem& files, const Snapshot& snapshot) {
  Named out;
  const auto take = [&](const auto& file) {
    out.emplace(resolved_path(snapshot.table_path, file.path), file.partition_values);
  };
  for (const auto& add : snapshot.files) take(add);
  for (const auto& tombstone : snapshot.tombstones) take(tombstone);
  for (const int64_t version : list_log(files, snapshot.table_path).commits) {
    const Commit commit = read_commit(files, snapshot.table_path, version);
    for (const auto& add : commit.adds) take(add);
    for (const auto& remove : commit.removes) take(remove);
    for (const auto& cdc : commit.cdcs) take(cdc);
  }
  return out;
}

/// As an entry that scans take: the whole file, without a deletion vector.
Add whole_file(const Snapshot& snapshot, const storage::FileInfo& info, const Named& named) {
  Add add;
  const std::string relative = info.path.substr(snapshot.table_path.size() + 1);
  add.path = uri_encoded(relative);
  add.size = int64_t(info.size);
  const auto known = named.find(info.path);
  add.partition_values = known == named.end() ? values_in(snapshot, relative) : known->second;
  return add;
}

/// `files_with`, file by file where they do not read together; -1 for those that do not read.
std::map<std::string, int64_t> rows_or_doubt(duck::Connection& connection, const Snapshot& snapshot,
                                             const std::vector<Add>& files,
                                             const std::string& condition) {
  try {
    return files_with(connection, snapshot, files, condition);
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
    if (files.size() == 1) return {{snapshot.file_path(files[0]), -1}};
  }
  std::map<std::string, int64_t> out;
  for (const auto& file : files) out.merge(rows_or_doubt(connection, snapshot, {file}, condition));
  return out;
}

/// Looks for a key in what the log says of files.
class LogTraces {
 public:
  LogTraces(duck::Connection& connection, const Snapshot& snapshot, const KeyValues& key)
      : connection_(connection) {
    for (const auto& [name, value] : key) {
      const Field* field = snapshot.schema.find_any_case(name);
      if (field != nullptr) key_.push_back({*field, value, {}});
    }
  }

  void look_at(const Commit& commit, const std::string& place) {
    for (const auto& add : commit.adds) {
      if (holds([&](const Field& field, const auto& take) {
            if (const auto range = column_range(add, field)) take(range->min), take(range->max);
          }))
        return tell(place, "statistics or partition values of files");
    }
    const auto partition = [](const PartitionValues& values) {
      return [&values](const Field& field, const auto& take) {
        if (const auto found = values.find(field.in_files()); found != values.end())
          take(found->second);
      };
    };
    for (const auto& remove : commit.removes)
      if (holds(partition(remove.partition_values)))
        return tell(place, "partition values of files");
    for (const auto& cdc : commit.cdcs)
      if (holds(partition(cdc.partition_values))) return tell(place, "partition values of files");
  }

  /// A text such as the condition of a DELETE, or a log file of another format.
  void look_at(const std::string& text, const std::string& place, const std::string& what) {
    const bool all = std::all_of(key_.begin(), key_.end(), [&](const auto& part) {
      return has_word(text, part.field.name) && has_word(text, part.value);
    });
    if (all && !key_.empty()) tell(place, what);
  }

  std::vector<Trace> done() { return std::move(out_); }

 private:
  struct Part {
    Field field;
    std::string value;
    std::map<std::string, bool> known;  ///< what was asked already
  };

  void tell(const std::string& place, const std::string& what) { out_.push_back({place, what}); }

  /// One of the texts that `each` hands over is the value, in every column of the key.
  template <typename Each>
  bool holds(Each each) {
    return !key_.empty() && std::all_of(key_.begin(), key_.end(), [&](Part& part) {
      bool found = false;
      each(part.field, [&](const std::optional<std::string>& text) {
        found = found || (text && is_value(part, *text));
      });
      return found;
    });
  }

  /// Texts are cut in statistics: a beginning of the value of that length counts.
  bool is_value(Part& part, const std::string& text) {
    const auto [found, fresh] = part.known.try_emplace(text, false);
    if (!fresh) return found->second;
    if (part.field.type.kind == Type::Kind::string) {
      constexpr std::string_view kGreatest = "\xF4\x8F\xBF\xBF";  // behind a rounded maximum
      std::string_view begin = text;
      while (begin.ends_with(kGreatest)) begin.remove_suffix(kGreatest.size());
      const bool cut = begin.size() != text.size() || begin.size() >= 32;
      found->second = part.value == text || (cut && part.value.starts_with(begin));
    } else {
      const std::string type = duck_type(part.field.type);
      const auto same = [&](const std::string& one) {
        return "coalesce(TRY_CAST(" + duck::quote_text(one) + " AS " + type + ") = TRY_CAST(" +
               duck::quote_text(part.value) + " AS " + type + "), false)";
      };
      found->second = cell_text(connection_.value("SELECT " + same(text))) == "true";
    }
    return found->second;
  }

  static bool has_word(const std::string& text, const std::string& word) {
    const auto of_word = [](char c) { return std::isalnum(uint8_t(c)) != 0 || c == '_'; };
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const size_t end = at + word.size();
      if ((at == 0 || !of_word(text[at - 1])) && (end == text.size() || !of_word(text[end])))
        return !word.empty();
    }
    return false;
  }

  duck::Connection& connection_;
  std::vector<Part> key_;
  std::vector<Trace> out_;
};

void look_through_log(storage::FileSystem& files, const std::string& table_path,
                      duck::Connection& connection, LogTraces& traces) {
  const LogListing listing = list_log(files, table_path);
  for (const int64_t version : listing.commits) {
    const std::string place = "version " + std::to_string(version);
    const Commit commit = read_commit(files, table_path, version);
    traces.look_at(commit, place);
    traces.look_at(history_entry(commit).parameters_json, place, "what the commit says of itself");
  }
  for (const auto& checkpoint : listing.checkpoints)
    traces.look_at(read_checkpoint(files, checkpoint, connection),
                   "checkpoint " + std::to_string(checkpoint.version));
  for (const auto& compacted : listing.compacted)
    traces.look_at(commit_from_json(files.read(compacted.path), compacted.last, compacted.path),
                   compacted.path);
  for (const auto& file : files.list(log_folder(table_path), {}, false)) {
    if (!file.path.ends_with(".crc")) continue;
    const std::string text = files.read(file.path);
    if (text.find("\"allFiles\"") != std::string::npos)
      traces.look_at(text, file.path, "a checksum with statistics");
  }
  for (const auto& old : archived_history(files, table_path))
    traces.look_at(old.entry.parameters_json,
                   "version " + std::to_string(old.entry.version) + " in _windrow/history",
                   "what the commit says of itself");
}

std::string rows_text(int64_t rows) { return rows == 1 ? "1 row" : std::to_string(rows) + " rows"; }

}  // namespace

std::map<std::string, int64_t> files_with(duck::Connection& connection, const Snapshot& snapshot,
                                          const std::vector<Add>& files,
                                          const std::string& condition) {
  std::map<std::string, int64_t> out;
  const auto found =
      connection.query("SELECT " + duck::quote_name(kFileColumn) + ", count(*) FROM (" +
                       duck_sql(scan(snapshot, files, Scan::Extra::file)) + ") WHERE (" +
                       condition + ") GROUP BY 1");
  for (const auto& row : found.rows) out[cell_text(row[0])] = std::get<int64_t>(row[1]);
  return out;
}

std::vector<HoldingFile> files_holding(storage::FileSystem& files, const Snapshot& snapshot,
                                       duck::Connection& connection, const std::string& condition) {
  std::set<std::string> live;
  for (const auto& add : snapshot.files) live.insert(snapshot.file_path(add));
  const Named named = named_in_log(files, snapshot);
  std::vector<storage::FileInfo> there;
  const std::string log = log_folder(snapshot.table_path) + "/";
  for (auto& file : files.list_tree(snapshot.table_path)) {
    if (file.path.starts_with(log) || file.path.starts_with(snapshot.table_path + "/_windrow/"))
      continue;
    if (file.path.ends_with(".parquet") || named.contains(file.path))
      there.push_back(std::move(file));
  }
  std::vector<HoldingFile> out;
  for (size_t begin = 0; begin < there.size(); begin += kAtOnce) {
    std::vector<Add> some;
    for (size_t i = begin; i < std::min(begin + kAtOnce, there.size()); ++i)
      some.push_back(whole_file(snapshot, there[i], named));
    auto rows = rows_or_doubt(connection, snapshot, some, condition);
    for (size_t i = begin; i < begin + some.size(); ++i) {
      // Without its partition nobody knows what its rows are.
      if (some[i - begin].partition_values.size() < snapshot.metadata.partition_columns.size())
        rows.try_emplace(there[i].path, -1);
      const auto found = rows.find(there[i].path);
      if (found == rows.end()) continue;
      out.push_back({there[i].path, found->second, live.contains(there[i].path),
                     named.contains(there[i].path), there[i].modified});
    }
  }
  return out;
}

std::vector<Trace> traces_of(storage::FileSystem& files, const std::string& table_path,
                             duck::Connection& connection, const std::string& condition,
                             const KeyValues& key) {
  const Snapshot snapshot = Table(files, table_path).snapshot({}, &connection);
  std::vector<Trace> out;
  for (const auto& file : files_holding(files, snapshot, connection, condition)) {
    const std::string of = file.live    ? "of the latest version"
                           : file.named ? "of older versions"
                                        : "that no version names";
    out.push_back({file.path, file.rows < 0 ? "a file " + of + " that cannot be looked into"
                                            : rows_text(file.rows) + " in a file " + of});
  }
  LogTraces traces(connection, snapshot, key);
  look_through_log(files, table_path, connection, traces);
  for (auto& trace : traces.done()) out.push_back(std::move(trace));
  return out;
}

}  // namespace windrow::lake
