#include <fmt/format.h>

#include <filesystem>

#include "app/work.h"
#include "lake/lake_removal.h"
#include "storage/homes.h"

namespace windrow::app {

namespace {

/// One name for a place, however it is written.
std::string place_of(std::string lake) {
  while (lake.size() > 1 && lake.ends_with('/')) lake.pop_back();
  if (lake.starts_with("s3a://")) lake.erase(2, 1);
  std::error_code ignored;
  return storage::scheme_of(lake).empty()
             ? std::filesystem::weakly_canonical(lake, ignored).string()
             : lake;
}

/// Other environments whose lake is the same, or lies inside of it.
std::vector<std::string> sharing(const project::Project& project,
                                 const project::Environment& environment) {
  std::vector<std::string> out;
  const auto place = place_of(environment.lake);
  for (const auto& [name, other] : project.environments) {
    const auto theirs = place_of(other.lake);
    if (name != environment.name && (theirs == place || theirs.starts_with(place + "/")))
      out.push_back(name);
  }
  return out;
}

bool publishes(const project::Project& project, const project::Environment& environment) {
  return environment.publish && !project.publications.empty();
}

}  // namespace

std::vector<EnvironmentView> Work::environments() {
  std::vector<EnvironmentView> out;
  for (const auto& [name, environment] : project_.environments) {
    cancel_.check();
    EnvironmentView one{name,
                        environment.lake,
                        name == environment_.name,
                        publishes(project_, environment),
                        {},
                        {},
                        sharing(project_, environment),
                        {}};
    try {
      if (environment.lake.find("${") != std::string::npos) {
        throw Error(Code::configuration, "a variable of its lake is not set", "",
                    environment.place);
      }
      if (files_->stat(environment.lake + "/_windrow/lake.json")) {
        const auto lake =
            lake::Lake::open(*files_, environment.lake, project_.name, name, false, clock_.now());
        const auto found = lake::contents(*files_, lake);
        one.tables = int64_t(found.tables.size());
        one.bytes = found.bytes();
      }
    } catch (const Error& error) {
      one.problem = error.problem();
    }
    out.push_back(std::move(one));
  }
  return out;
}

DroppedEnvironment Work::drop_environment(bool dry_run, bool force) {
  const auto& name = environment_.name;
  if (publishes(project_, environment_) && !force) {
    throw Error(Code::usage,
                fmt::format("environment \"{}\" publishes: others read what it makes", name),
                "--force removes its tables too; what was published stays in the stores",
                environment_.place);
  }
  if (const auto others = sharing(project_, environment_); !others.empty() && !force) {
    throw Error(Code::usage,
                fmt::format("the lake of environment \"{}\" is also that of \"{}\", or holds it",
                            name, others.front()),
                "give each a lake of its own, or say --force", environment_.place);
  }
  DroppedEnvironment out{name, environment_.lake, {}, {}, false};
  const auto* lake = lake_if_there();
  if (!lake) return out;
  const auto found = lake::contents(*files_, *lake);
  for (const auto& table : found.tables)
    out.tables.push_back({table.name, table.files, table.bytes});
  out.left = found.others;
  out.there = true;
  if (!dry_run) lake::remove_lake(*files_, *lake, found, cancel_);
  return out;
}

}  // namespace windrow::app
