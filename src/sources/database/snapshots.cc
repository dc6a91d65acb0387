#include "sources/database/snapshots.h"

#include "project/project.h"

namespace windrow::sources {

std::unique_ptr<DatabaseRows> Snapshots::of(const project::Project& project,
                                            const std::string& connection, const Place& place,
                                            Cancel* cancel) {
  const auto found = project.connections.find(connection);
  if (found == project.connections.end()) {
    throw Error(Code::configuration, "there is no connection \"" + connection + "\"",
                "name one of windrow.yaml's connections", place);
  }
  std::shared_ptr<DatabaseMoment> moment;
  {
    const std::scoped_lock lock(mutex_);
    auto& kept = moments_[connection];
    if (kept) moment = kept;
  }
  if (!moment) {
    const std::scoped_lock lock(making_);
    {
      const std::scoped_lock look(mutex_);
      moment = moments_[connection];
    }
    if (moment) return moment->rows(cancel);
    const auto& type = found->second.type;
    if (type == "postgres") {
      moment = postgres_moment(found->second, project.root);
    } else if (type == "sqlite") {
      const auto* path = found->second.settings.find("path");
      const std::string text = path ? path->text() : "";
      moment = sqlite_moment(text.starts_with('/') ? text : project.root + "/" + text);
    } else {
      throw Error(Code::configuration,
                  "connection \"" + connection + "\" is of type \"" + type + "\"",
                  "a database source reads postgres and sqlite", place);
    }
    const std::scoped_lock keep(mutex_);
    moments_[connection] = moment;
  }
  return moment->rows(cancel);
}

void Snapshots::forget(const std::string& connection) {
  const std::scoped_lock lock(mutex_);
  moments_.erase(connection);
}

}  // namespace windrow::sources
