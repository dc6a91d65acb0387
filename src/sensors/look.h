#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/secrets.h"
#include "project/project.h"
#include "sensors/seen.h"
#include "storage/file_system.h"

namespace windrow::sensors {

/// A table of the lake, as far as a sensor asks for it.
struct TableSight {
  int64_t version = -1;  ///< -1: there is none
  int64_t rows = -1;     ///< -1: not asked for, or not known
  std::string log;       ///< the folder of its log, where that is on local disk
  std::optional<Time> complete_to;
};

/// What looks are made with. Safe from any thread.
struct Outside {
  const project::Project& project;
  std::string environment;
  storage::FileSystem& files;
  const Clock& clock;
  const Secrets& secrets;
  /// How a table is that a sensor sees.
  std::function<TableSight(const project::Sensor&)> table;
};

/// Looks once. Ends about when the sensor's timeout is over, or `cancel` is requested. What cannot
/// be looked at is an Error; what is not there is an empty sight.
Sight look(const project::Sensor& sensor, const Outside& outside, Cancel& cancel);

/// What two looks must not be made of at the same time, and what hangs where it hangs: a server, a
/// disk.
std::string endpoint_of(const project::Sensor& sensor, const project::Project& project);
/// The folder that a sensor of a project names, absolute.
std::string folder_of(const project::Sensor& sensor, const project::Project& project);
/// What a sensor looks at, in a few words.
std::string subject_of(const project::Sensor& sensor);

// The kinds.
Sight look_at_files(const project::Sensor& sensor, const Outside& outside, Cancel& cancel);
Sight look_at_table(const project::Sensor& sensor, const Outside& outside);
Sight look_at_sql(const project::Sensor& sensor, const Outside& outside, Cancel& cancel);
Sight look_at_http(const project::Sensor& sensor, const Outside& outside, Cancel& cancel);
Sight look_at_kafka(const project::Sensor& sensor, const Outside& outside);
Sight look_at_project(const project::Sensor& sensor, const Outside& outside);

/// A value that somebody may have written: without secrets, on one line, not endless.
std::string shown(const Secrets& secrets, std::string_view value);
/// The sight of a value that is compared with what the sensor waits for.
Sight sight_of_value(const project::Sensor& sensor, const Outside& outside,
                     const std::string& value);

}  // namespace windrow::sensors
