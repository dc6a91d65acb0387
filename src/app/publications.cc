#include "app/kinds.h"
#include "app/work.h"
#include "base/nearest.h"

namespace windrow::app {

namespace {

constexpr std::string_view kPrefix = "publish.";

const project::Publication& publication_of(const project::Project& project,
                                           const std::string& asset) {
  const std::string name = asset.starts_with(kPrefix) ? asset.substr(kPrefix.size()) : asset;
  std::vector<std::string> known;
  for (const auto& publication : project.publications) {
    if (publication.name == name) return publication;
    known.push_back(publication.name);
  }
  throw Error(Code::usage, "there is no publication \"" + name + "\"", did_you_mean(name, known));
}

}  // namespace

std::vector<tasks::PublicationPreview> Work::preview_publications(const std::string& select) {
  std::vector<tasks::PublicationPreview> out;
  if (!lake_if_there()) return out;
  const auto world = tables();
  const auto chosen_ones = choices({});
  const auto shared = context(*world, chosen_ones, "preview");
  for (const size_t i : chosen(select, "")) {
    const auto& asset = graph_.assets[i];
    if (asset.kind != graph::Kind::publication) continue;
    for (auto& each :
         tasks::preview_publication(shared, publication_of(project_, asset.name), cancel_))
      out.push_back(std::move(each));
  }
  return out;
}

std::vector<publish::Manifest> Work::roll_back(const std::vector<std::string>& names) {
  std::vector<publish::Manifest> out;
  // Views of one publication go back together.
  std::map<std::string, std::vector<std::string>> views;
  for (const auto& name : names) {
    const size_t slash = name.find('/');
    const auto& publication = publication_of(project_, name.substr(0, slash));
    auto& wanted = views[publication.name];
    for (const auto& view : publication.views) {
      if (slash == std::string::npos || view.table == name.substr(slash + 1))
        wanted.push_back(view.table);
    }
    if (wanted.empty())
      throw Error(Code::usage, "publication \"" + publication.name + "\" has no view \"" +
                                   name.substr(slash + 1) + "\"");
  }
  for (const auto& [name, tables] : views) {
    const auto& publication = publication_of(project_, name);
    const auto& connection = project_.connections.at(publication.to.value);
    const auto store = kinds().stores.open(connection, surroundings());
    for (auto& manifest : store->roll_back(tables, cancel_)) out.push_back(std::move(manifest));
  }
  return out;
}

}  // namespace windrow::app
