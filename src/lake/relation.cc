#include "lake/relation.h"

#include <set>

#include "lake/table.h"

namespace windrow::lake {

void Relation::add(std::string sql) {
  if (sql.empty()) return;
  if (auto* text = pieces_.empty() ? nullptr : std::get_if<std::string>(&pieces_.back())) {
    *text += sql;
  } else {
    pieces_.emplace_back(std::move(sql));
  }
}

Relation& Relation::operator+=(const Relation& other) {
  pieces_.reserve(pieces_.size() + other.pieces_.size());
  for (size_t i = 0, n = other.pieces_.size(); i < n; ++i) {  // which may be this one
    auto piece = other.pieces_[i];
    if (auto* text = std::get_if<std::string>(&piece)) {
      add(std::move(*text));
    } else {
      pieces_.push_back(std::move(piece));
    }
  }
  return *this;
}

std::string Relation::sql(const std::function<std::string(const Scan&)>& words) const {
  std::string out;
  for (const auto& piece : pieces_) {
    const auto* text = std::get_if<std::string>(&piece);
    out += text ? *text : words(std::get<Scan>(piece));
  }
  return out;
}

Relation scan(const Snapshot& snapshot, std::vector<Add> files, Scan::Extra extra) {
  auto table = std::make_shared<Snapshot>();
  table->table_path = snapshot.table_path;
  table->version = snapshot.version;
  table->timestamp = snapshot.timestamp;
  table->protocol = snapshot.protocol;
  table->metadata = snapshot.metadata;
  table->schema = snapshot.schema;
  table->files = std::move(files);
  return Scan{std::move(table), extra};
}

Relation scan(std::shared_ptr<const Snapshot> snapshot) { return Scan{std::move(snapshot)}; }

Relation scan(Snapshot snapshot) {
  return Scan{std::make_shared<const Snapshot>(std::move(snapshot))};
}

Relation guided_scan(std::shared_ptr<const Snapshot> snapshot) {
  return Scan{std::move(snapshot), Scan::Extra::nothing, true};
}

Relation guided_scan(Snapshot snapshot) {
  return guided_scan(std::make_shared<const Snapshot>(std::move(snapshot)));
}

Relation scan_after(Snapshot before, const std::vector<Remove>& removes,
                    const std::vector<Add>& adds) {
  std::set<std::string> removed;
  for (const auto& remove : removes) removed.insert(remove.path);
  std::erase_if(before.files, [&](const Add& add) { return removed.count(add.path) > 0; });
  before.files.insert(before.files.end(), adds.begin(), adds.end());
  return scan(std::move(before));
}

}  // namespace windrow::lake
