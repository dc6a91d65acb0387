#include "publish/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "publish/store_kind.h"

namespace windrow::publish {

std::vector<Manifest> Store::roll_back(const std::vector<std::string>&, Cancel&) {
  throw Error(Code::unsupported, "this store keeps no former batches",
              "restore the tables in the lake and publish again: windrow table restore");
}

std::vector<ErasedRows> Store::erase(const std::vector<project::PublishedView>&, const KeyValues&,
                                     bool) {
  throw Error(Code::unsupported, "what was delivered is out of reach",
              "ask its receivers, and remove the files that hold it");
}

void refuse_kept_name(const ViewBatch& view, std::string_view name, std::string_view kept) {
  if (!name.starts_with(kept)) return;
  throw Error(Code::configuration,
              fmt::format("view \"{}\": names with \"{}\" are kept for the store itself",
                          view.table, kept));
}

void refuse_unknown_columns(const ViewBatch& view, const std::vector<Column>& sent) {
  std::vector<std::string> names;
  for (const auto& column : sent) names.push_back(column.name);
  for (const auto& [name, type] : view.settings.columns) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(Code::configuration,
                fmt::format("view \"{}\" has no column \"{}\", which its \"columns\" give a type",
                            view.table, name),
                did_you_mean(name, names), view.settings.place);
  }
}

void refuse_published_twice(const std::vector<ViewBatch>& views) {
  std::set<std::string> names;
  for (const auto& view : views) {
    if (!names.insert(view.table).second)
      throw Error(Code::configuration, "view \"" + view.table + "\" is published twice at once");
  }
}

void outrun(const std::string& view) {
  throw Error(Code::conflict,
              fmt::format("view \"{}\" was published by another run meanwhile", view));
}

void refuse_outrun(const ViewBatch& view, const std::string& there) {
  if (view.after && *view.after != there) outrun(view.table);
}

void refuse_outrun(const std::vector<ViewBatch>& views,
                   const std::map<std::string, Manifest>& there) {
  for (const auto& view : views) {
    const auto found = there.find(view.table);
    refuse_outrun(view, found == there.end() ? "" : found->second.batch_id);
  }
}

const StoreKind* Stores::find(std::string_view type) const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(),
                                  [&](const auto& kind) { return kind.connection.name == type; });
  return found == kinds_.end() ? nullptr : &*found;
}

const StoreKind& Stores::of(const project::Connection& connection) const {
  if (const auto* kind = find(connection.type)) return *kind;
  std::string known;
  for (size_t i = 0; i < kinds_.size(); ++i)
    known += (i == 0 ? "" : i + 1 == kinds_.size() ? " or " : ", ") + kinds_[i].connection.name;
  throw Error(Code::unsupported,
              fmt::format("connection \"{}\" is of the type \"{}\", which this version does not "
                          "publish to",
                          connection.name, connection.type),
              "use a connection of the type " + known, connection.place);
}

std::string joined(const std::vector<std::vector<std::string>>& lists) {
  std::string out;
  for (const auto& list : lists) {
    for (const auto& each : list) out += each + ",";
    out += ";";
  }
  return out;
}

}  // namespace windrow::publish
