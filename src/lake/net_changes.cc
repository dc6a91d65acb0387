#include "lake/net_changes.h"

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "duck/quoting.h"
#include "lake/change_data.h"
#include "lake/replay.h"
#include "lake/stager.h"
#include "lake/table.h"

// Names of its own begin with "windrow ", so that none is a column of the table.

namespace windrow::lake {
namespace {

const std::string kSide = duck::quote_name("windrow side");      // -1 before, 1 after
const std::string kTimes = duck::quote_name("windrow times");    // how often it came more
const std::string kNth = duck::quote_name("windrow nth");        // of its key and side
const std::string kOthers = duck::quote_name("windrow others");  // of its key, on the other side
const std::string kUnheld = duck::quote_name("windrow unheld");  // a value has no place in `to`

std::string file_key(const Add& add) { return logical_file(add.path, add.deletion_vector); }

bool is_nested(const Type& type) {
  return type.kind == Type::Kind::struct_ || type.kind == Type::Kind::array ||
         type.kind == Type::Kind::map;
}

/// Files with the older type read as the newer one: fields that they lack are NULL.
bool reads_as(const Type& older, const Type& newer) {
  if (older == newer) return true;
  if (!is_nested(older) || older.kind != newer.kind) return false;
  try {
    evolve({{{"x", newer}}}, {{{"x", older}}}, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// The rows of an older version with the columns of a newer one.
class Aligned {
 public:
  Aligned(const Snapshot& from, const Snapshot& to) : shape_(from) {
    shape_.files.clear();
    for (const auto& field : to.schema.fields) {
      const std::string type = duck_type(field.type);
      const auto found =
          std::find_if(shape_.schema.fields.begin(), shape_.schema.fields.end(),
                       [&](const Field& former) { return former.in_files() == field.in_files(); });
      std::string value = "CAST(NULL AS " + type + ")";
      if (found != shape_.schema.fields.end()) value = value_of(*found, field, type);
      select_ += (select_.empty() ? "" : ", ") + value + " AS " + duck::quote_name(field.name);
    }
  }

  const Snapshot& shape() const { return shape_; }
  Relation rows(const Relation& former) const {
    return "SELECT " + select_ + ", " + (unheld_.empty() ? "false" : unheld_) + " AS " + kUnheld +
           " FROM (" + former + ")";
  }

 private:
  std::string value_of(Field& former, const Field& field, const std::string& type) {
    const std::string name = duck::quote_name(former.name);
    if (reads_as(former.type, field.type)) {
      former.type = field.type;
      return name;
    }
    const bool by_text = is_nested(former.type) || is_nested(field.type);
    const std::string cast =
        "TRY_CAST(" + (by_text ? "CAST(" + name + " AS VARCHAR)" : name) + " AS " + type + ")";
    unheld_ += (unheld_.empty() ? "(" : " OR (") + name + " IS NOT NULL AND " + cast + " IS NULL)";
    return cast;
  }

  Snapshot shape_;  ///< of the older version, with nested columns as wide as the newer ones
  std::string select_, unheld_;
};

void check_key(const Schema& schema, const std::vector<std::string>& key) {
  const auto names = names_of(schema);
  for (const auto& name : key) {
    if (!schema.find(name))
      throw Error(Code::usage, "the table has no column \"" + name + "\"",
                  did_you_mean(name, names));
  }
}

/// A value by which rows are put in order, without touching them: ORDER BY itself makes a zero of
/// a negative zero.
std::string order_of(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names)
    out +=
        (out.empty() ? "create_sort_key(" : ", ") + duck::quote_name(name) + ", 'ASC NULLS LAST'";
  return out + ")";
}

}  // namespace

FilesBetween files_between(const Snapshot* from, const Snapshot& to) {
  FilesBetween out;
  std::set<std::string> then, now;
  for (const auto& add : to.files) now.insert(file_key(add));
  if (from) {
    for (const auto& add : from->files) {
      then.insert(file_key(add));
      if (!now.contains(file_key(add))) out.removed.push_back(add);
    }
  }
  for (const auto& add : to.files) {
    if (!then.contains(file_key(add))) out.added.push_back(add);
  }
  return out;
}

Relation net_changes(const Snapshot* from, const Snapshot& to,
                     const std::vector<std::string>& key) {
  check_key(to.schema, key);
  const auto names = names_of(to.schema);
  const std::string columns = column_list(names), all = order_of(names);
  const auto files = files_between(from, to);
  Relation sides = "SELECT " + columns + ", false AS " + kUnheld + ", 1 AS " + kSide + " FROM (" +
                   sides_of(to, files.removed, files.added).come + ")";
  if (from && !files.removed.empty()) {
    const Aligned then(*from, to);
    sides += " UNION ALL SELECT " + columns + ", " + kUnheld + ", -1 FROM (" +
             then.rows(sides_of(then.shape(), files.removed, files.added).gone) + ")";
  }
  const Relation net = "SELECT " + columns + ", sign(" + kTimes + ") AS " + kSide +
                       ", unnest(range(abs(" + kTimes + "))) FROM (SELECT " + columns + ", " +
                       kUnheld + ", sum(" + kSide + ")::BIGINT AS " + kTimes + " FROM (" + sides +
                       ") GROUP BY " + columns + ", " + kUnheld + " HAVING sum(" + kSide +
                       ") <> 0)";
  const std::string alone = "if(" + kSide + " < 0, 'delete', 'insert')";
  if (key.empty()) {
    return "SELECT " + columns + ", " + alone + " AS " + kChangeType + " FROM (" + net +
           ") ORDER BY " + all + ", " + kSide;
  }
  // Of the rows of one key the first that went is the first that came, before it was updated.
  const std::string keys = column_list(key);
  const auto count = [&](const char* side) {
    return "count(*) FILTER (" + kSide + side + " 0) OVER (PARTITION BY " + keys + ")";
  };
  return "SELECT " + columns + ", CASE WHEN " + kNth + " > " + kOthers + " THEN " + alone +
         " ELSE if(" + kSide + " < 0, 'update_preimage', 'update_postimage') END AS " +
         kChangeType + " FROM (SELECT " + columns + ", " + kSide +
         ", row_number() OVER (PARTITION BY " + keys + ", " + kSide + " ORDER BY " + all + ") AS " +
         kNth + ", if(" + kSide + " < 0, " + count(" >") + ", " + count(" <") + ") AS " + kOthers +
         " FROM (" + net + ")) ORDER BY " + order_of(key) + ", " + kNth + ", " + kSide;
}

}  // namespace windrow::lake
