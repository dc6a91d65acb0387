#include "duck/parquet_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/id.h"
#include "duck/impl.h"
#include "duck/quoting.h"

namespace windrow::duck {

namespace {

using duckdb::Value;

/// Calls `each(key, value)` for the entries of a MAP.
template <typename F>
void for_each_entry(const Value& map, F&& each) {
  if (map.IsNull()) return;
  for (const auto& entry : duckdb::MapValue::GetChildren(map)) {
    const auto& pair = duckdb::StructValue::GetChildren(entry);
    each(pair[0].ToString(), pair[1]);
  }
}

/// `"st"."a"` → {st, a}.
std::vector<std::string> split_path(const std::string& quoted) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < quoted.size();) {
    std::string part;
    if (quoted[i] == '"') {
      for (++i; i < quoted.size(); ++i) {
        if (quoted[i] == '"') {
          if (i + 1 < quoted.size() && quoted[i + 1] == '"') {
            ++i;
          } else {
            break;
          }
        }
        part += quoted[i];
      }
      ++i;
    } else {
      while (i < quoted.size() && quoted[i] != '.') part += quoted[i++];
    }
    parts.push_back(std::move(part));
    if (i < quoted.size() && quoted[i] == '.') ++i;
  }
  return parts;
}

columns::ColumnStatistics statistics_of(const std::string& path, const Value& entries) {
  columns::ColumnStatistics out;
  out.path = split_path(path);
  for_each_entry(entries, [&](const std::string& key, const Value& value) {
    if (value.IsNull()) return;
    if (key == "min") out.min = value.ToString();
    if (key == "max") out.max = value.ToString();
    if (key == "null_count") out.null_count = std::stoll(value.ToString());
    if (key == "has_nan") out.has_nan = value.ToString() == "true" || value.ToString() == "1";
  });
  if (out.has_nan) {
    out.min.reset();
    out.max.reset();
  }
  return out;
}

columns::WrittenFile written_file(const std::vector<std::string>& names,
                                  const duckdb::DataChunk& chunk, duckdb::idx_t row,
                                  const std::vector<std::string>& partition_by) {
  columns::WrittenFile out;
  for (size_t c = 0; c < names.size(); ++c) {
    const Value value = chunk.GetValue(c, row);
    if (names[c] == "filename") out.path = value.ToString();
    if (names[c] == "count") out.rows = value.GetValue<int64_t>();
    if (names[c] == "file_size_bytes") out.bytes = value.GetValue<int64_t>();
    if (names[c] == "column_statistics") {
      for_each_entry(value, [&](const std::string& key, const Value& entries) {
        out.columns.push_back(statistics_of(key, entries));
      });
    }
    if (names[c] == "partition_keys") {
      for_each_entry(value, [&](const std::string& key, const Value& text) {
        std::optional<std::string> cell;
        if (!text.IsNull()) cell = text.ToString();
        out.partition_values[key] = std::move(cell);
      });
    }
  }
  for (const auto& name : partition_by) out.partition_values.try_emplace(name, std::nullopt);
  return out;
}

constexpr int64_t kRowGroupLeast = 2048;  ///< as many rows as DuckDB computes at once

std::string list_of_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + quote_name(name);
  return out;
}

/// DuckDB loses letters beyond ASCII at the end of the folder that it writes partitions into, so
/// such a folder is named as `folder/.`; `named_plainly` undoes that in the names of files.
std::string target_of(const columns::WriteOptions& options) {
  const bool lost = !options.partition_by.empty() && !options.folder.empty() &&
                    uint8_t(options.folder.back()) >= 0x80;
  return lost ? options.folder + "/." : options.folder;
}

void named_plainly(std::string& path, const std::string& folder) {
  if (path.starts_with(folder) && path.compare(folder.size(), 3, "/./") == 0)
    path.erase(folder.size(), 2);
}

std::string copy_statement(const std::string& select, const columns::WriteOptions& options,
                           const std::string& prefix) {
  std::string inner = select;
  std::vector<std::string> order;
  // Sorted by partition, at most a few files are open at a time: memory stays bounded for any
  // number of partitions.
  if (options.file_name.empty()) {
    for (const auto& name : options.partition_by) order.push_back(quote_name(name));
  }
  order.insert(order.end(), options.order_by.begin(), options.order_by.end());
  if (!order.empty()) {
    inner =
        "SELECT * FROM (\n" + select + "\n) ORDER BY " + fmt::format("{}", fmt::join(order, ", "));
  }
  const bool one_file = !options.file_name.empty() && options.partition_by.empty();
  std::string with = fmt::format("FORMAT parquet, COMPRESSION {}, ROW_GROUP_SIZE {}, RETURN_STATS",
                                 options.compression, options.row_group_rows);
  if (!one_file) {
    with += ", FILENAME_PATTERN " +
            quote_text(options.file_name.empty() ? prefix + "{uuid}" : options.file_name + "_{i}");
  }
  if (one_file) {
    with += ", USE_TMP_FILE false";  // no commit mentions it yet: a name is enough
  } else if (options.partition_by.empty()) {
    with += fmt::format(", FILE_SIZE_BYTES {}", options.file_bytes);
  } else {
    with += fmt::format(", PARTITION_BY ({}), WRITE_PARTITION_COLUMNS false",
                        list_of_names(options.partition_by));
  }
  if (!options.field_ids.empty()) with += ", FIELD_IDS {" + options.field_ids + "}";
  if (options.file_name.empty()) with += ", APPEND";
  if (!options.file_name.empty() && !one_file) with += ", OVERWRITE_OR_IGNORE";
  const auto target =
      one_file ? options.folder + "/" + options.file_name + ".parquet" : target_of(options);
  return fmt::format("COPY (\n{}\n) TO {} ({})", inner, quote_text(target), with);
}

/// Files of a write that did not end well. Names carry a prefix that no other write has.
void remove_begun(duckdb::FileSystem& files, const std::string& folder,
                  const std::string& prefix) noexcept {
  try {
    std::vector<std::string> folders, begun;
    files.ListFiles(folder, [&](const std::string& name, bool is_folder) {
      if (is_folder) folders.push_back(folder + "/" + name);
      if (!is_folder && name.starts_with(prefix)) begun.push_back(folder + "/" + name);
    });
    for (const auto& path : begun) files.TryRemoveFile(path);
    for (const auto& path : folders) remove_begun(files, path, prefix);
  } catch (const std::exception&) {
    // They stay, and no commit mentions them.
  }
}

std::vector<columns::WrittenFile> write_once(Connection& connection, const std::string& select,
                                             const Parameters& parameters,
                                             const columns::WriteOptions& options) {
  // The prefix is this write's own, so that what it began can be found and removed.
  const std::string prefix = options.file_name.empty()
                                 ? options.file_prefix + new_uuid().substr(0, 8) + "-"
                                 : options.file_name;
  auto& system = duckdb::FileSystem::GetFileSystem(*connection.impl().connection.context);
  guarded([&] { system.CreateDirectoriesRecursive(options.folder); });
  try {
    return connection.impl().guarded_by_stop([&] {
      std::vector<columns::WrittenFile> files;
      auto result =
          connection.impl().run(copy_statement(select, options, prefix), parameters, false);
      const std::vector<std::string> names(result->names.begin(), result->names.end());
      while (auto chunk = result->Fetch()) {
        for (duckdb::idx_t row = 0; row < chunk->size(); ++row) {
          auto file = written_file(names, *chunk, row, options.partition_by);
          named_plainly(file.path, options.folder);
          if (file.rows > 0) {
            files.push_back(std::move(file));
          } else {
            system.TryRemoveFile(file.path);  // DuckDB writes a file for an empty result
          }
        }
        if (chunk->size() == 0) break;
      }
      return files;
    });
  } catch (...) {
    remove_begun(system, options.folder, prefix);
    throw;
  }
}

}  // namespace

std::vector<columns::WrittenFile> write_parquet(Connection& connection, const std::string& select,
                                                const Parameters& parameters,
                                                const columns::WriteOptions& options,
                                                const ProgressSink&) {
  try {
    return write_once(connection, select, parameters, options);
  } catch (const SqlError& error) {
    if (error.kind() != "Out of Memory" || options.row_group_rows <= kRowGroupLeast) throw;
  }
  // Each thread holds a group of rows, and wide ones are more than all memory: nothing was kept of
  // what was written, so it is written again in smaller groups.
  columns::WriteOptions smaller = options;
  smaller.row_group_rows = std::max(kRowGroupLeast, options.row_group_rows / 16);
  return write_once(connection, select, parameters, smaller);
}

}  // namespace windrow::duck
