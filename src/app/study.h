#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/views.h"
#include "app/workspace.h"
#include "base/cancel.h"
#include "base/secrets.h"
#include "project/overlay.h"
#include "sql/sql.h"

/// A project while somebody writes it: what is wrong is part of the answer, not the end of it.
namespace windrow {
class Clock;
}
namespace windrow::app {

class Services;

/// A project at one moment. Immutable, and safe to ask from any thread.
struct Study {
  std::shared_ptr<const Workspace> workspace;
  std::shared_ptr<Services> services;
  std::vector<Problem> problems;  ///< those that `check` tells, in its order
  std::vector<Problem> notices;   ///< of the project's files
  sql::Catalog columns;           ///< of the tables whose columns are known

  /// With its version and rows, where there is a table of it in the lake.
  AssetView asset(const std::string& name) const;
  /// What the SELECTs of models and views are computed from: asked for by name as in
  /// Graph::selects. Empty where it has none.
  std::vector<sql::ColumnLineage> lineage(const std::string& select) const;
};

/// Reads a project again and again, with what an editor holds over its files. Safe from any thread.
class Desk {
 public:
  Desk(Options options, Secrets& secrets, const Clock& clock);

  const std::string& root() const { return root_; }
  /// Error(canceled) where it was asked to stop; everything that is wrong with the project is in
  /// what it gives.
  std::shared_ptr<const Study> study(const project::Overlay& overlay, Cancel& cancel);

 private:
  std::shared_ptr<Services> services_for(const Workspace& workspace);

  Options options_;
  Secrets& secrets_;
  const Clock& clock_;
  const std::string root_;
  std::mutex mutex_;
  std::shared_ptr<Services> services_;
  int studies_ = 0;  ///< with these services
};

}  // namespace windrow::app
