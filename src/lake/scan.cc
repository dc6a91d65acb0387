#include <algorithm>
#include <map>

#include "base/hash.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"
#include "lake/schema_tag.h"
#include "lake/statistics.h"
#include "lake/table.h"

// A scan is a UNION ALL BY NAME of a typed SELECT of no rows, which gives every column of the
// table, and of one read_parquet per group of files:
//   - Files that carry the same schema tag (our own) have the same columns, so DuckDB looks at the
//   first one only.
//     All others are read with union_by_name, which opens every file while planning.
//   - Partition values come from the log. Where the path says exactly the same (`year=2025/…`, our
//   own and most
//     writers'), DuckDB's hive partitioning yields them and prunes files by them. Else a list of
//     file name and values is joined.

namespace windrow::lake {
namespace {

using Kind = Type::Kind;
constexpr size_t kGroupsMax =
    16;  // more tags than that (many added columns) are read as one group by name

struct Group {
  std::vector<const Add*> files;
  bool same_columns = false;
  bool from_path = false;
};

/// Values whose text in a path DuckDB casts to the column's type as the log means it.
bool path_can_hold(const Type& type) {
  return type.kind != Kind::timestamp && type.kind != Kind::timestamp_ntz &&
         type.kind != Kind::float_ && type.kind != Kind::double_ && type.kind != Kind::binary;
}

/// The path says exactly the partition values of the log, in the way that DuckDB reads it.
bool path_says(const Snapshot& snapshot, const Add& add) {
  if (is_absolute_path(add.path)) return false;
  const std::string path = uri_decoded(add.path);
  size_t found = 0;
  for (size_t begin = 0, slash; (slash = path.find('/', begin)) != std::string::npos;
       begin = slash + 1) {
    const std::string part = path.substr(begin, slash - begin);
    const size_t equals = part.find('=');
    if (equals == std::string::npos) continue;
    const auto value = add.partition_values.find(part.substr(0, equals));
    if (value == add.partition_values.end()) return false;
    const std::string text = part.substr(equals + 1);
    const bool null = text == "__HIVE_DEFAULT_PARTITION__";
    if (null != !value->second || (!null && uri_decoded(text) != *value->second)) return false;
    ++found;
  }
  return found == snapshot.metadata.partition_columns.size() &&
         path.find('=', path.find_last_of('/')) == path.npos;
}

class Scan {
 public:
  explicit Scan(const Snapshot& snapshot) : snapshot_(snapshot) {
    hive_ = !partitions().empty() && snapshot.table_path.find('=') == std::string::npos;
    for (const auto& name : partitions()) {
      const Field* field = snapshot.schema.find(name);
      if (field == nullptr) {
        throw Error(Code::corrupt, "partition column \"" + name + "\" of \"" + snapshot.table_path +
                                       "\" is not in the table's schema");
      }
      hive_ = hive_ && path_can_hold(field->type);
    }
  }

  /// With the file of each row in a column named kFileColumn, where asked.
  explicit Scan(const Snapshot& snapshot, bool with_file) : Scan(snapshot) {
    with_file_ = with_file;
  }

  std::string sql(const std::vector<Add>& files) const {
    std::string from = no_rows();
    for (const auto& group : groups(files)) from += " UNION ALL BY NAME " + group_sql(group);
    std::string list;
    for (const auto& field : snapshot_.schema.fields) {
      const std::string name = duck::quote_name(field.name);
      list += (list.empty() ? "" : ", ") +
              ("CAST(" + name + " AS " + duck_type(field.type) + ") AS ") + name;
    }
    if (with_file_) list += ", " + file_column();
    return "SELECT " + list + " FROM (" + from + ")";
  }

 private:
  static std::string file_column() { return duck::quote_name(kFileColumn); }
  const std::vector<std::string>& partitions() const {
    return snapshot_.metadata.partition_columns;
  }

  std::string no_rows() const {
    std::string list;
    for (const auto& field : snapshot_.schema.fields) {
      list += (list.empty() ? "" : ", ") + ("CAST(NULL AS " + duck_type(field.type) + ") AS ") +
              duck::quote_name(field.name);
    }
    if (with_file_) list += ", NULL::VARCHAR AS " + file_column();
    return "SELECT " + list + " WHERE false";
  }

  std::vector<Group> groups(const std::vector<Add>& files) const {
    std::map<std::pair<std::string, bool>, Group> found;
    for (const auto& add : files) {
      const bool from_path = hive_ && path_says(snapshot_, add);
      std::string tag = schema_tag_of(add);
      auto group = found.find({tag, from_path});
      if (group == found.end() && found.size() >= kGroupsMax) tag.clear();
      auto& into = found[{tag, from_path}];
      into.files.push_back(&add);
      into.from_path = from_path;
      into.same_columns = !tag.empty();
    }
    std::vector<Group> out;
    for (auto& [key, group] : found) out.push_back(std::move(group));
    return out;
  }

  std::string group_sql(const Group& group) const {
    std::vector<std::string> paths;
    for (const Add* add : group.files) paths.push_back(snapshot_.file_path(*add));
    std::string read = "read_parquet(" + duck::quote_list(paths);
    if (!group.same_columns && group.files.size() > 1) read += ", union_by_name = true";
    if (with_file_) read += ", filename = " + duck::quote_text(kFileColumn);
    if (partitions().empty()) return "SELECT * FROM " + read + ", hive_partitioning = false)";
    if (group.from_path) {
      std::string types;
      for (const auto& name : partitions()) {
        types += (types.empty() ? "" : ", ") + duck::quote_name(name) + ": " +
                 duck_type(snapshot_.schema.find(name)->type);
      }
      return "SELECT * FROM " + read + ", hive_partitioning = true, hive_types = {" + types + "})";
    }
    if (!with_file_) read += ", filename = " + duck::quote_text(kFileColumn);
    return joined(group, paths, read + ", hive_partitioning = false");
  }

  /// Partition values from a list beside the files. A partition column that lies in the files as
  /// well gives way.
  std::string joined(const Group& group, const std::vector<std::string>& paths,
                     const std::string& read) const {
    std::string names = file_column(), rows, values;
    for (const auto& name : partitions()) {
      names += ", " + duck::quote_name(name);
      values += ", p." + duck::quote_name(name);
    }
    for (size_t i = 0; i < group.files.size(); ++i) {
      rows += (i == 0 ? "(" : ", (") + duck::quote_text(paths[i]);
      for (const auto& name : partitions()) {
        const auto value = group.files[i]->partition_values.find(name);
        const auto text =
            value == group.files[i]->partition_values.end() ? std::nullopt : value->second;
        rows += ", " + partition_literal(snapshot_.schema.find(name)->type, text);
      }
      rows += ")";
    }
    std::string others;
    for (const auto& name : partitions())
      others += (others.empty() ? "lower(c) <> " : " AND lower(c) <> ") +
                ("lower(" + duck::quote_text(name) + ")");
    return "SELECT f.*" + values + " FROM (SELECT COLUMNS(c -> " + others + ") FROM " + read +
           ")) f JOIN (VALUES " + rows + ") p(" + names + ") USING (" + file_column() + ")";
  }

  const Snapshot& snapshot_;
  bool hive_ = false;
  bool with_file_ = false;
};

}  // namespace

std::string schema_tag(const Schema& schema, const std::vector<std::string>& partition_by) {
  std::string text;
  for (const auto& field : schema.fields) {
    if (std::find(partition_by.begin(), partition_by.end(), field.name) != partition_by.end())
      continue;
    text += json_quoted(field.name) + duck_type(field.type) + "\n";
  }
  return sha256(text).substr(0, 16);
}

std::string schema_tag_of(const Add& add) {
  const std::string mark = json_quoted(kSchemaTag) + ":\"";
  const size_t found =
      add.tags.find(mark);  // our own writing: compact, and the value needs no escapes
  if (found == std::string::npos) return {};
  const size_t begin = found + mark.size();
  return add.tags.substr(begin, add.tags.find('"', begin) - begin);
}

std::string scan_sql(const Snapshot& snapshot, const std::vector<Add>& files) {
  return Scan(snapshot).sql(files);
}

std::string scan_sql_with_file(const Snapshot& snapshot, const std::vector<Add>& files) {
  return Scan(snapshot, true).sql(files);
}

std::vector<Add> files_overlapping(const Snapshot& snapshot, const std::string& column,
                                   const std::string& from, const std::string& to) {
  const Field* field = snapshot.schema.find_any_case(column);
  if (field == nullptr) {
    throw Error(Code::not_found,
                "\"" + snapshot.table_path + "\" has no column \"" + column + "\"");
  }
  std::vector<Add> out;
  for (const auto& file : snapshot.files) {
    if (may_overlap(file, *field, from, to)) out.push_back(file);
  }
  return out;
}

std::vector<Add> adds_from_written(const std::string& table_path, const Schema& schema,
                                   const std::vector<duck::WrittenFile>& files, Time now) {
  std::vector<Add> out;
  out.reserve(files.size());
  for (const auto& file : files) {
    WINDROW_INVARIANT(file.path.starts_with(table_path + "/"));
    Add add;
    add.path = uri_encoded(std::string_view(file.path).substr(table_path.size() + 1));
    std::vector<std::string> partition_by;
    for (const auto& [name, text] : file.partition_values) {
      const Field* field = schema.find(name);
      WINDROW_INVARIANT(field != nullptr);
      add.partition_values[name] = partition_value_for_log(field->type, text);
      partition_by.push_back(name);
    }
    add.size = file.bytes;
    add.modification_time = micros(now) / 1000;
    add.stats = stats_json(schema, file);
    add.tags =
        "{" + json_quoted(kSchemaTag) + ":" + json_quoted(schema_tag(schema, partition_by)) + "}";
    out.push_back(std::move(add));
  }
  return out;
}

}  // namespace windrow::lake
