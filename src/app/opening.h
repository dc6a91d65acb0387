#pragma once

#include <string>

#include "app/services.h"
#include "app/workspace.h"
#include "project/project.h"

/// Private to app/: the steps that a project is opened by, for a command and for an editor.
namespace windrow::app {

project::LoadOptions load_options(const Options& options);
/// One that is not there is among the problems of the files.
project::Environment environment_of(const project::Project& project, const std::string& name);
Services::Settings settings_of(const Workspace& workspace);
/// Error(unsupported) where it is one that this version does not run.
void need_engine(const project::Environment& environment);
/// Takes schedules out whose selector is wrong or matches nothing, and says so in the project's
/// `schedule_problems`.
void look_at_selectors(Workspace& workspace);

}  // namespace windrow::app
