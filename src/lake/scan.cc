#include <algorithm>
#include <map>
#include <set>

#include "base/hash.h"
#include "duck/glob.h"
#include "duck/quoting.h"
#include "lake/deletion_vector.h"
#include "lake/guided_scan.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"
#include "lake/physical.h"
#include "lake/protocol.h"
#include "lake/relation.h"
#include "lake/row_tracking.h"
#include "lake/schema_tag.h"
#include "lake/statistics.h"
#include "lake/table.h"

// A scan is a UNION ALL BY NAME of a typed SELECT of no rows, which gives every column of the
// table, and of one read_parquet per group of files; around it the columns get their names and
// types. Inside, columns are called as the files call them (column mapping).
//   - Partition values come from the log. Where the path says exactly the same (`year=2025/…`, our
//     own and most writers'), DuckDB's hive partitioning yields them and prunes files by them.
//     Files that carry the same schema tag (our own) have the same columns, so that DuckDB looks
//     at the first one only; others are read with union_by_name, which opens each while planning.
//   - Else the columns are given to read_parquet, so that no file is opened while planning, and a
//     list of file name, partition values and deletion vectors is joined.
//   - A moment (`timestamp`) in another writer's file may be an INT96, of which DuckDB does not
//     know that it is one: the scan is told which columns hold moments (duck::kGuidedParquet).
//   - Places of rows are file_row_number, a column that DuckDB has where no file has one.
//   - Where row ids are asked for, that list has each file's first id and version as well, and what
//     rows carry of their own is read too.

namespace windrow::lake {
namespace {

using Kind = Type::Kind;
constexpr size_t kGroupsMax =
    16;  // more tags than that (many added columns) are read as one group by name

constexpr size_t kSampleMax = 100;

enum class Way { plain, hive, joined };

struct Group {
  std::vector<const Add*> files;
  Way way = Way::plain;
  bool same_columns = false;
};

/// Values whose text in a path DuckDB casts to the column's type as the log means it.
bool path_can_hold(const Type& type) {
  return type.kind != Kind::timestamp && type.kind != Kind::timestamp_ntz &&
         type.kind != Kind::float_ && type.kind != Kind::double_ && type.kind != Kind::binary;
}

bool holds_moments(const Type& type) {
  return type.kind == Kind::timestamp ||
         std::any_of(type.fields.begin(), type.fields.end(),
                     [](const Field& field) { return holds_moments(field.type); });
}

/// DuckDB takes the word NULL in a path for no value; to Delta it is a text.
bool is_null_word(std::string_view text) {
  return text.size() == 4 && std::equal(text.begin(), text.end(), "null",
                                        [](char a, char b) { return (a | 0x20) == b; });
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
    const std::string name = part.substr(0, equals);
    const auto value = add.partition_values.find(name);
    if (value == add.partition_values.end()) return false;
    const std::string text = part.substr(equals + 1);
    if (is_null_word(text)) return false;
    const bool null = text == "__HIVE_DEFAULT_PARTITION__";
    if (null != !value->second || (!null && uri_decoded(text) != *value->second)) return false;
    ++found;
  }
  return found == snapshot.metadata.partition_columns.size() &&
         path.find('=', path.find_last_of('/')) == path.npos;
}

/// DuckDB's words for a scan.
class ScanText {
 public:
  explicit ScanText(const Scan& scan)
      : snapshot_(*scan.table),
        taken_(scan.taken),
        with_file_(scan.extra == Scan::Extra::file || scan.extra == Scan::Extra::places),
        with_place_(scan.extra == Scan::Extra::places),
        guided_(scan.guided) {
    WINDROW_INVARIANT(taken_.empty() || taken_.size() == snapshot_.files.size());
    if (with_place_) check_row_number();
    if (scan.extra == Scan::Extra::row_ids || with_place_) {
      check_row_tracking(snapshot_.protocol, snapshot_.metadata, snapshot_.schema);
      row_ids_ = row_tracking(snapshot_.protocol, snapshot_.metadata);
    }
    by_id_ = column_mapping(snapshot_.metadata) == ColumnMapping::by_id;
    const auto& names = snapshot_.metadata.partition_columns;
    hive_ = !names.empty() && snapshot_.table_path.find('=') == std::string::npos;
    for (const auto& name : names) {
      const Field* field = snapshot_.schema.find(name);
      if (field == nullptr) {
        throw Error(Code::corrupt, "partition column \"" + name + "\" of \"" +
                                       snapshot_.table_path + "\" is not in the table's schema");
      }
      hive_ = hive_ && field->physical.empty() && path_can_hold(field->type);
      partitions_.push_back(field);
    }
  }

  std::string sql() const {
    if (snapshot_.schema.fields.empty())
      throw Error(Code::data, "the table at \"" + snapshot_.table_path + "\" has no columns");
    std::string from = no_rows();
    for (const auto& group : groups(snapshot_.files))
      from += " UNION ALL BY NAME " + group_sql(group);
    std::string list;
    for (const auto& field : snapshot_.schema.fields) {
      list += (list.empty() ? "" : ", ") +
              from_files(duck::quote_name(field.in_files()), field.type) + " AS " +
              duck::quote_name(field.name);
    }
    if (with_file_) list += ", " + file_column();
    if (with_place_)
      list += std::string(", ") + kRowNumber + " AS " + duck::quote_name(kPlaceColumn);
    if (row_ids_) {
      list += ", " + own_or_given(row_ids_->id, kGivenId) + " AS " + duck::quote_name(kRowId) +
              ", " + own_or_given(row_ids_->commit_version, kGivenVersion) + " AS " +
              duck::quote_name(kRowCommitVersion);
    }
    return "SELECT " + list + " FROM (" + from + ")";
  }

 private:
  // What the file and the row's place in it give a row that carries nothing of its own.
  static constexpr const char* kGivenId = "windrow given row id";
  static constexpr const char* kGivenVersion = "windrow given row commit version";

  /// DuckDB's own column, where a file has none of that name. (Its option `file_row_number` fails
  /// where columns are given by name, or a file has more than are found by id.)
  static constexpr const char* kRowNumber = "file_row_number";

  static std::string file_column() { return duck::quote_name(kFileColumn); }
  static std::string own_or_given(const std::string& own, const char* given) {
    return "coalesce(CAST(" + duck::quote_name(own) + " AS BIGINT), " + duck::quote_name(given) +
           ")";
  }
  bool is_partition(const Field& field) const {
    return std::find(partitions_.begin(), partitions_.end(), &field) != partitions_.end();
  }

  std::string no_rows() const {
    std::string list;
    for (const auto& field : snapshot_.schema.fields) {
      list += (list.empty() ? "" : ", ") + ("CAST(NULL AS " + type_in_files(field.type)) + ") AS " +
              duck::quote_name(field.in_files());
    }
    if (with_file_) list += ", NULL::VARCHAR AS " + file_column();
    if (with_place_) list += std::string(", NULL::BIGINT AS ") + kRowNumber;
    if (row_ids_) {
      for (const auto& name : {row_ids_->id, row_ids_->commit_version, std::string(kGivenId),
                               std::string(kGivenVersion)})
        list += ", NULL::BIGINT AS " + duck::quote_name(name);
    }
    return "SELECT " + list + " WHERE false";
  }

  Way way_of(const Add& add) const {
    if (add.deletion_vector || row_ids_ || !taken_.empty()) return Way::joined;
    if (partitions_.empty()) return Way::plain;
    return hive_ && path_says(snapshot_, add) ? Way::hive : Way::joined;
  }

  std::vector<Group> groups(const std::vector<Add>& files) const {
    std::map<std::pair<Way, std::string>, Group> found;
    for (const auto& add : files) {
      const Way way = way_of(add);
      std::string tag = way == Way::hive ? schema_tag_of(add) : std::string();
      if (found.find({way, tag}) == found.end() && found.size() >= kGroupsMax) tag.clear();
      auto& into = found[{way, tag}];
      into.files.push_back(&add);
      into.way = way;
      into.same_columns = !tag.empty();
    }
    std::vector<Group> out;
    for (auto& [key, group] : found) out.push_back(std::move(group));
    return out;
  }

  /// What read_parquet is to find in the files, by name or by id.
  std::string columns() const {
    std::string out;
    for (const auto& field : snapshot_.schema.fields) {
      if (is_partition(field)) continue;
      out += (out.empty() ? "" : ", ") +
             (by_id_ ? std::to_string(field.id) : duck::quote_text(field.in_files())) +
             ": {name: " + duck::quote_text(field.in_files()) +
             ", type: " + duck::quote_text(type_in_files(field.type)) + ", default_value: NULL}";
    }
    if (row_ids_ && !by_id_) out += ", " + carried_columns();
    return "MAP {" + out + "}";
  }

  /// The columns in which moments are, as a type of DuckDB's; empty where there is none.
  std::string moments() const {
    std::string out;
    for (const auto& field : snapshot_.schema.fields) {
      if (is_partition(field) || !holds_moments(field.type)) continue;
      out += (out.empty() ? "STRUCT(" : ", ") + duck::quote_name(field.in_files()) + " " +
             type_in_files(field.type);
    }
    return out.empty() ? out : out + ")";
  }

  /// Our own files say of a moment that it is one.
  static bool of_others(const Group& group) {
    return std::any_of(group.files.begin(), group.files.end(),
                       [](const Add* add) { return schema_tag_of(*add).empty(); });
  }

  std::string carried_columns() const {
    std::string out;
    for (const auto& name : {row_ids_->id, row_ids_->commit_version}) {
      const std::string quoted = duck::quote_text(name);
      out += (out.empty() ? "" : ", ") + quoted + ": {name: " + quoted +
             ", type: 'BIGINT', default_value: NULL}";
    }
    return out;
  }

  /// To DuckDB a name with `*`, `?` or `[` is a pattern, to Delta it is a name.
  static std::vector<std::string> literal(std::vector<std::string> paths) {
    for (auto& path : paths)
      if (duck::is_glob(path)) path = duck::literal_path(path);
    return paths;
  }

  std::string group_sql(const Group& group) const {
    std::vector<std::string> paths;
    for (const Add* add : group.files) paths.push_back(snapshot_.file_path(*add));
    const bool united = group.way == Way::hive && !group.same_columns;
    // Where columns are united by name, every file was opened before conditions are known.
    const bool guided = guided_ && !united;
    const std::string moments = of_others(group) ? this->moments() : "";
    std::string read = std::string("FROM ") +
                       (guided || !moments.empty() ? duck::kGuidedParquet : "read_parquet") + "(" +
                       duck::quote_list(literal(paths));
    if (guided) read += ", guide = " + duck::quote_text(guide_key(snapshot_));
    if (!moments.empty()) read += ", moments = " + duck::quote_text(moments);
    if (const auto rows = about_rows(group))
      read += ", explicit_cardinality = " + std::to_string(*rows);
    if (with_file_ || group.way == Way::joined)
      read += ", filename = " + duck::quote_text(kFileColumn);
    const std::string all =
        with_place_ ? std::string("SELECT *, ") + kRowNumber + " " : std::string("SELECT * ");
    if (group.way == Way::hive) {
      if (united && group.files.size() > 1) read += ", union_by_name = true";
      return all + read + ", hive_partitioning = true, hive_types = {" + hive_types() + "})";
    }
    read += ", hive_partitioning = false, schema = " + columns();
    return group.way == Way::plain ? all + read + ")" : joined(group, paths, read);
  }

  /// How many rows these files have, by a sample of their statistics: DuckDB orders joins by it,
  /// and without it takes every file whose columns are given for a thousand rows.
  static std::optional<int64_t> about_rows(const Group& group) {
    const size_t step = (group.files.size() - 1) / kSampleMax + 1;
    int64_t rows = 0, files = 0;
    for (size_t i = 0; i < group.files.size(); i += step) {
      const auto count = rows_of(*group.files[i]);
      if (!count) continue;
      rows += *count;
      ++files;
    }
    if (files == 0) return {};
    return std::max<int64_t>(1, int64_t(double(rows) / double(files) * double(group.files.size())));
  }

  /// A column of the table's own would be taken for the places of rows.
  void check_row_number() const {
    for (const auto& field : snapshot_.schema.fields) {
      if (!Schema{{{field.in_files(), {}}}}.find_any_case(kRowNumber)) continue;
      throw Error(Code::unsupported,
                  "\"" + snapshot_.table_path + "\" has a column \"" + field.in_files() +
                      "\": its deleted rows and row ids cannot be told",
                  "write the table anew with another name for it");
    }
  }

  static bool has_vectors(const Group& group) {
    return std::any_of(group.files.begin(), group.files.end(),
                       [](const Add* add) { return add->deletion_vector.has_value(); });
  }

  std::string hive_types() const {
    std::string types;
    for (const Field* field : partitions_) {
      types += (types.empty() ? "" : ", ") + duck::quote_name(field->name) + ": " +
               duck_type(field->type);
    }
    return types;
  }

  /// What rows carry of their own. These columns have no ids, so that they are read again by name
  /// where others are found by id.
  std::string carried(const std::vector<std::string>& paths) const {
    return std::string("SELECT *, ") + kRowNumber + " FROM read_parquet(" +
           duck::quote_list(literal(paths)) + ", filename = " + duck::quote_text(kFileColumn) +
           ", hive_partitioning = false, schema = MAP {" + carried_columns() + "})";
  }

  /// Partition values, deletion vectors and first row ids from a list beside the files.
  std::string joined(const Group& group, const std::vector<std::string>& paths,
                     const std::string& read) const {
    const bool vectors = has_vectors(group), taken = !taken_.empty();
    const bool numbered = vectors || taken || row_ids_ || with_place_;
    if (numbered) check_row_number();
    std::string names = file_column() + (vectors ? ", vector" : "") + (taken ? ", taken" : ""),
                rows, values;
    if (row_ids_) {
      names += ", first_row_id, row_version";
      values += std::string(", p.first_row_id + f.") + kRowNumber + " AS " +
                duck::quote_name(kGivenId) + ", p.row_version AS " +
                duck::quote_name(kGivenVersion);
      if (by_id_)
        values += ", m." + duck::quote_name(row_ids_->id) + ", m." +
                  duck::quote_name(row_ids_->commit_version);
    }
    for (const Field* field : partitions_) {
      const std::string name = duck::quote_name(field->in_files());
      names += ", " + name;
      values += ", p." + name;
    }
    for (size_t i = 0; i < group.files.size(); ++i) {
      const Add& add = *group.files[i];
      rows += (i == 0 ? "(" : ", (") + duck::quote_text(paths[i]);
      if (vectors) {
        rows +=
            ", " + (add.deletion_vector
                        ? duck::quote_text(vector_key(snapshot_.table_path, *add.deletion_vector))
                        : std::string("NULL::VARCHAR"));
      }
      if (taken) rows += ", " + duck::quote_text(vector_key(snapshot_.table_path, taken_of(add)));
      if (row_ids_) {
        for (const auto& number : {add.base_row_id, add.default_row_commit_version})
          rows += number ? ", " + std::to_string(*number) + "::BIGINT" : ", NULL::BIGINT";
      }
      for (const Field* field : partitions_) {
        const auto value = add.partition_values.find(field->in_files());
        const auto text = value == add.partition_values.end() ? std::nullopt : value->second;
        rows += ", " + partition_literal(field->type, text);
      }
      rows += ")";
    }
    const std::string in_files = numbered
                                     ? std::string("SELECT *, ") + kRowNumber + " " + read + ")"
                                     : "SELECT * " + read + ")";
    std::string sql =
        "SELECT f.*" +
        (numbered && !with_place_ ? " EXCLUDE (" + std::string(kRowNumber) + ")" : std::string()) +
        values + " FROM (" + in_files + ") f JOIN (VALUES " + rows + ") p(" + names + ") USING (" +
        file_column() + ")";
    if (row_ids_ && by_id_)
      sql +=
          " LEFT JOIN (" + carried(paths) + ") m USING (" + file_column() + ", " + kRowNumber + ")";
    const auto deleted = [](const char* vector) {
      return std::string(kDeletedFunction) + "(p." + vector + ", f." + kRowNumber + ")";
    };
    if (vectors) sql += " WHERE NOT " + deleted("vector");
    if (taken) sql += (vectors ? " AND " : " WHERE ") + deleted("taken");
    return sql;
  }

  const DeletionVector& taken_of(const Add& add) const {
    return taken_[size_t(&add - snapshot_.files.data())];
  }

  const Snapshot& snapshot_;
  const std::vector<DeletionVector>& taken_;
  std::vector<const Field*> partitions_;
  bool hive_ = false, by_id_ = false;
  bool with_file_, with_place_, guided_;
  std::optional<RowTracking> row_ids_;
};

}  // namespace

std::string schema_tag(const Schema& schema, const std::vector<std::string>& partition_by) {
  std::string text;
  for (const auto& field : schema.fields) {
    if (std::find(partition_by.begin(), partition_by.end(), field.name) != partition_by.end())
      continue;
    text += json_quoted(field.in_files()) + type_in_files(field.type) + "\n";
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

std::string duck_sql(const Relation& relation) {
  return relation.sql([](const Scan& scan) { return ScanText(scan).sql(); });
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

}  // namespace windrow::lake
