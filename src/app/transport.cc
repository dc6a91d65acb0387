#include "clients/transport.h"
#include "app/kinds.h"
#include "app/work.h"
#include "storage/s3_options.h"
#include "storage/webhdfs_options.h"

/// What others on the way to a server can do: told by `check`, `plan`, `run` and `health`.
namespace windrow::app {

std::string Work::connection_exposure(const project::Connection& connection) const {
  const auto* kind = kinds().declared.connection(connection.type);
  if (!kind || !kind->exposure) return {};
  try {
    return kind->exposure(connection, project_.root);
  } catch (const Error& error) {
    Problem problem = error.problem();
    const auto* tls = connection.settings.find("tls");
    if (!problem.place.known()) problem.place = tls ? tls->place : connection.place;
    throw Error(std::move(problem));
  }
}

std::string Work::lake_exposure() const {
  const std::string& lake = environment_.lake;
  const auto variables = [this](const std::string& name) { return variable(name); };
  if (lake.starts_with("s3://") || lake.starts_with("s3a://"))
    return clients::http_exposure(storage::s3_options(variables).endpoint);
  if (lake.starts_with("hdfs://") || lake.starts_with("webhdfs://")) {
    for (const auto& node : storage::name_nodes_of(storage::webhdfs_options(variables),
                                                   storage::parse_webhdfs_path(lake))) {
      if (const auto words = clients::http_exposure(node); !words.empty()) return words;
    }
  }
  return {};
}

std::vector<std::string> Work::notices(Problems& problems) const {
  std::vector<std::string> out;
  for (const auto& notice : project_.notices) out.push_back(notice.text());
  const auto add = [&](const std::string& what, const Place& place,
                       const std::function<std::string()>& look) {
    try {
      const std::string words = look();
      if (!words.empty())
        out.push_back(Problem{Code::permission, what + ": " + words, {}, place}.text());
    } catch (const Error& error) {
      problems.add(error);
    }
  };
  for (const auto& [name, connection] : project_.connections) {
    add("connection \"" + name + "\"", connection.place,
        [&, &connection = connection] { return connection_exposure(connection); });
  }
  add("the lake", environment_.place, [&] { return lake_exposure(); });
  return out;
}

}  // namespace windrow::app
