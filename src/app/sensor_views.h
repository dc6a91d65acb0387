#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/json.h"
#include "base/secrets.h"
#include "project/project.h"

namespace windrow::app {

/// Under which what a sensor has seen is kept among what schedules remember: this, and its name.
inline const std::string kSeenOfSensor = "sensor:";

std::vector<const schedule::Schedule*> schedules_on(const project::Project& project,
                                                    const std::string& sensor);
/// As `sensor list` tells them; `name` empty: all. `served`: what a server says of each; of others
/// what the last server has seen.
Json sensors_json(const project::Project& project, const std::string& name, const Json& served,
                  const std::map<std::string, std::string>& memories, const Secrets& secrets);

}  // namespace windrow::app
