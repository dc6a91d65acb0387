#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "duck/forward.h"
#include "publish/store_kind.h"
#include "tasks/context.h"

namespace windrow::tasks {

/// A view as it would be sent: its source tables at their pinned versions.
struct Candidate {
  const project::PublishedView* view;
  std::string source;  ///< names of the tables
  std::string select;
  std::string definition;           ///< fingerprint of the SELECT and of the view's settings
  std::vector<std::string> tables;  ///< that its rows come from
  std::string inputs;               ///< `table@id@version;…` of these
  int64_t version = -1;             ///< the latest among the tables'
  std::optional<Time> boundary;
  std::map<std::string, std::string> former;  ///< its tables that had other names before
  /// What `definition` was while these had the names that they had before.
  std::function<std::string(const std::map<std::string, std::string>&)> definition_under;
};

/// What is to be done with a candidate.
enum class Due {
  no,        ///< the store holds it
  boundary,  ///< the store holds its rows; the boundary has moved
  newer,     ///< the store holds newer rows: another run was faster
  rejected,  ///< a rollback took this batch back
  yes
};

/// Those whose tables are all built.
std::vector<Candidate> candidates_of(const Context& context,
                                     const project::Publication& publication);
/// What the store holds, as it would say it by the tables' names of now.
std::map<std::string, publish::Manifest> manifests_of(publish::Store& store,
                                                      const std::vector<Candidate>& candidates);
Due due(const Candidate& candidate, const publish::Manifest* there);
/// Why it is sent.
std::string reason_of(const Candidate& candidate, const publish::Manifest* there);
/// What to send; makes `select` of the batch the rows that have changed where its mode sends only
/// those.
void narrow(const Context& context, const Candidate& candidate, const publish::Manifest* there,
            duck::Connection& connection, publish::ViewBatch& batch);

std::unique_ptr<publish::Store> store_of(const Context& context,
                                         const project::Publication& publication);

}  // namespace windrow::tasks
