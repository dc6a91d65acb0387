#pragma once

#include "base/error.h"
#include "project/project.h"

namespace windrow::project {

/// What spans a task and the rest of its project: connections, tasks whose outputs it is given,
/// names that the run fills in.
void check_tasks(const Project& project, Problems& problems);
/// The texts of a task in which the run fills something in; `sql` of them are SQL.
struct FilledText {
  std::string text;
  Place place;
  bool sql = false;
};
std::vector<FilledText> filled_texts(const Task& task);

}  // namespace windrow::project
