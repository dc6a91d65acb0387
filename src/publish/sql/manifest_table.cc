#include "publish/sql/manifest_table.h"

#include <fmt/format.h>

namespace windrow::publish {

std::string ManifestTable::columns() const {
  std::string out;
  for (const char* name :
       {"view", "batch_id", "source_table", "source_version", "definition", "boundary", "rows",
        "checksum", words_.started, words_.published, "inputs", "rejected"})
    out += (out.empty() ? "" : ", ") + words_.name(name);
  return out;
}

std::string ManifestTable::create() const {
  const auto column = [&](const char* name, const char* type) {
    return ", " + words_.name(name) + " " + type;
  };
  return "CREATE TABLE IF NOT EXISTS " + table_ + " (" + words_.name("view") + " " + words_.key +
         " PRIMARY KEY" + column("batch_id", words_.text) + column("source_table", words_.text) +
         column("source_version", words_.whole) + column("definition", words_.text) +
         column("boundary", words_.moment) + column("rows", words_.whole) +
         column("checksum", words_.text) + column(words_.started, words_.moment) +
         column(words_.published, words_.moment) + column("inputs", words_.text) +
         column("rejected", words_.text) + ")" + words_.after_columns;
}

std::string ManifestTable::select() const { return "SELECT " + columns() + " FROM " + table_; }

std::map<std::string, Manifest> ManifestTable::read(const std::vector<SqlRow>& rows) const {
  std::map<std::string, Manifest> out;
  for (const auto& row : rows) {
    const auto text = [&](size_t i) { return row[i].value_or(""); };
    const auto number = [&](size_t i) { return row[i] ? std::stoll(*row[i]) : -1; };
    const auto time = [&](size_t i) { return row[i] ? parse_time(*row[i]) : std::nullopt; };
    Manifest one{text(0),
                 text(1),
                 text(2),
                 number(3),
                 text(4),
                 time(5),
                 number(6),
                 text(7),
                 time(8).value_or(Time{}),
                 time(9).value_or(Time{}),
                 text(10),
                 text(11)};
    out[one.view] = std::move(one);
  }
  return out;
}

std::vector<std::string> ManifestTable::record(const Manifest& one) const {
  const auto text = [&](const std::string& value) { return words_.literal(value); };
  const auto optional = [&](const std::string& value) {
    return value.empty() ? "NULL" : text(value);
  };
  const std::string boundary = one.boundary ? words_.time(*one.boundary) : "NULL";
  return {forget(one.view),
          fmt::format("INSERT INTO {} ({}) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
                      table_, columns(), text(one.view), text(one.batch_id), text(one.source_table),
                      one.source_version, text(one.definition), boundary, one.rows,
                      text(one.checksum), words_.time(one.started), words_.time(one.published),
                      text(one.inputs), optional(one.rejected))};
}

std::string ManifestTable::is_view(const std::string& view) const {
  return words_.name("view") + " = " + words_.literal(view);
}

std::string ManifestTable::forget(const std::string& view) const {
  return "DELETE FROM " + table_ + " WHERE " + is_view(view);
}

std::string ManifestTable::move_boundary(const std::string& view, Time boundary) const {
  return fmt::format("UPDATE {} SET {} = {} WHERE {}", table_, words_.name("boundary"),
                     words_.time(boundary), is_view(view));
}

std::string ManifestTable::copy_to(const ManifestTable& other, const std::string& view) const {
  return fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} WHERE {}", other.table_, columns(),
                     columns(), table_, is_view(view));
}

}  // namespace windrow::publish
