#include "lake/relation.h"

#include <map>
#include <set>

#include "lake/partition_path.h"
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

namespace {

std::shared_ptr<const Snapshot> of_files(const Snapshot& snapshot, std::vector<Add> files) {
  auto table = std::make_shared<Snapshot>();
  table->table_path = snapshot.table_path;
  table->version = snapshot.version;
  table->timestamp = snapshot.timestamp;
  table->protocol = snapshot.protocol;
  table->metadata = snapshot.metadata;
  table->schema = snapshot.schema;
  table->files = std::move(files);
  return table;
}

}  // namespace

Relation scan(const Snapshot& snapshot, std::vector<Add> files, Scan::Extra extra) {
  return Scan{of_files(snapshot, std::move(files)), extra};
}

Relation scan_taken(const Snapshot& snapshot, const std::vector<Thinned>& files) {
  std::vector<Add> adds;
  std::vector<DeletionVector> taken;
  for (const auto& file : files) {
    adds.push_back(file.before);
    taken.push_back(file.after);
  }
  return Scan{of_files(snapshot, std::move(adds)), Scan::Extra::nothing, false, std::move(taken)};
}

std::vector<std::pair<Add, Add>> same_files(std::vector<Add>& removed, std::vector<Add>& added) {
  std::map<std::string, const Add*> before;
  for (const auto& file : removed) before[uri_decoded(file.path)] = &file;
  std::vector<std::pair<Add, Add>> out;
  std::erase_if(added, [&](const Add& file) {
    const auto found = before.find(uri_decoded(file.path));
    if (found == before.end()) return false;
    out.emplace_back(*found->second, file);
    return true;
  });
  std::set<std::string> both;
  for (const auto& [then, now] : out) both.insert(then.path);
  std::erase_if(removed, [&](const Add& file) { return both.contains(file.path); });
  return out;
}

Sides sides_of(const Snapshot& shape, std::vector<Add> removed, std::vector<Add> added) {
  std::vector<Thinned> lost, back;
  for (const auto& [then, now] : same_files(removed, added)) {
    if (then.deletion_vector == now.deletion_vector) continue;
    if (now.deletion_vector) lost.push_back({then, *now.deletion_vector});
    if (then.deletion_vector) back.push_back({now, *then.deletion_vector});
  }
  const auto both = [&](std::vector<Add> whole, const std::vector<Thinned>& thinned) -> Relation {
    if (thinned.empty()) return scan(shape, std::move(whole));
    const Relation some = scan_taken(shape, thinned);
    return whole.empty() ? some
                         : "(" + scan(shape, std::move(whole)) + ") UNION ALL (" + some + ")";
  };
  return {both(std::move(removed), lost), both(std::move(added), back)};
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
