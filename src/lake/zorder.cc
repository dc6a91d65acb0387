#include "lake/zorder.h"

#include <algorithm>
#include <set>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/relation.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

using Kind = Type::Kind;
constexpr int kBitsMax = 10;          // 1023 bounds a column
constexpr int kBitsTogether = 62;     // in one BIGINT, without its sign
constexpr int kSampleRows = 100'000;  // bounds memory; about a hundred rows a bound

bool has_order(const Type& type) {
  return type.kind != Kind::struct_ && type.kind != Kind::array && type.kind != Kind::map &&
         type.kind != Kind::binary && type.kind != Kind::boolean;
}

/// Between `first` and `last` (exclusive) of the bounds: a tree of comparisons that gives how many
/// of them are not after the value.
std::string range_tree(const std::string& column, const std::vector<std::string>& bounds,
                       size_t first, size_t last) {
  if (first == last) return std::to_string(first + 1);  // 0 is for NULL
  const size_t middle = (first + last) / 2;
  return "CASE WHEN " + column + " < " + bounds[middle] + " THEN " +
         range_tree(column, bounds, first, middle) + " ELSE " +
         range_tree(column, bounds, middle + 1, last) + " END";
}

std::vector<std::string> bounds_of(duck::Connection& connection, const std::string& rows,
                                   const Field& field, int bits) {
  const std::string name = duck::quote_name(field.name);
  const int64_t ranges = (int64_t(1) << bits) - 2;  // less the one for NULL, and one bound fewer
  const std::string sample = "SELECT " + name + " AS v FROM (" + rows + ") WHERE " + name +
                             " IS NOT NULL USING SAMPLE reservoir(" + std::to_string(kSampleRows) +
                             " ROWS) REPEATABLE (1)";
  const auto found = connection.query(
      "SELECT DISTINCT v::VARCHAR, v FROM (SELECT v, row_number() OVER (ORDER BY v) - 1 AS i, "
      "count(*) OVER () AS n FROM (" +
      sample + ")) WHERE i > 0 AND (i * " + std::to_string(ranges) + ") // n <> ((i - 1) * " +
      std::to_string(ranges) + ") // n ORDER BY v");
  std::vector<std::string> out;
  for (const auto& row : found.rows) {
    out.push_back("CAST(" + duck::quote_text(cell_text(row[0])) + " AS " + duck_type(field.type) +
                  ")");
  }
  return out;
}

}  // namespace

void check_zorder(const Snapshot& snapshot, const std::vector<std::string>& columns) {
  const auto& partitions = snapshot.metadata.partition_columns;
  std::set<std::string> seen;
  for (const auto& name : columns) {
    const Field* field = snapshot.schema.find(name);
    std::string wrong;
    if (field == nullptr) {
      wrong = "which the table does not have";
    } else if (std::find(partitions.begin(), partitions.end(), name) != partitions.end()) {
      wrong = "which is a partition column: within a partition it has one value";
    } else if (!has_order(field->type)) {
      wrong = "which is " + field->type.text() + ": its statistics could not skip files";
    } else if (!seen.insert(name).second) {
      wrong = "twice";
    }
    if (!wrong.empty()) {
      throw Error(Code::usage, "Z-order by \"" + name + "\", " + wrong,
                  "name columns of numbers, texts or times");
    }
  }
}

ZOrder zorder_by(duck::Connection& connection, const Snapshot& snapshot,
                 const std::vector<Add>& files, const std::vector<std::string>& columns) {
  check_zorder(snapshot, columns);
  ZOrder out;
  if (columns.empty()) return out;
  const std::string rows = duck_sql(scan(snapshot, files));
  const int count = int(columns.size());
  const int bits = std::clamp(kBitsTogether / count, 1, kBitsMax);
  std::string curve;
  std::vector<std::string> ties;
  for (int c = 0; c < count; ++c) {
    const Field& field = *snapshot.schema.find(columns[size_t(c)]);
    const std::string quoted = duck::quote_name(field.name);
    const std::string number = duck::quote_name("windrow range " + std::to_string(c));
    const auto bounds = bounds_of(connection, rows, field, bits);
    out.columns += ", (CASE WHEN " + quoted + " IS NULL THEN 0 ELSE " +
                   range_tree(quoted, bounds, 0, bounds.size()) + " END)::BIGINT AS " + number;
    // Bit b of column c comes to place b * count + (count - 1 - c): of each level the first column
    // has the highest bit.
    for (int b = 0; b < bits; ++b) {
      const int place = b * count + count - 1 - c;
      if (place >= kBitsTogether) break;
      curve += (curve.empty() ? "" : " | ") + ("(((" + number + " >> " + std::to_string(b) +
                                               ") & 1) << " + std::to_string(place) + ")");
    }
    // Sorting by it would take the sign off a negative zero.
    if (field.type.kind != Kind::float_ && field.type.kind != Kind::double_) ties.push_back(quoted);
  }
  out.order_by = {curve};
  out.order_by.insert(out.order_by.end(), ties.begin(), ties.end());
  return out;
}

}  // namespace windrow::lake
