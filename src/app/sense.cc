#include <fmt/format.h>

#include "app/work.h"
#include "sensors/look.h"
#include "storage/homes.h"
#include "tasks/boundary.h"

namespace windrow::app {

sensors::Sight Work::sense(const std::string& name) {
  const auto* sensor = project_.sensor(name);
  if (!sensor)
    throw Error(Code::not_found, fmt::format("there is no sensor \"{}\" any more", name));
  const sensors::Outside outside{
      project_, environment_.name, *files_, clock_, secrets_, [this](const project::Sensor& asks) {
        using Of = project::Sensor::Of;
        const auto& table = asks.subject.value;
        sensors::TableSight out;
        const auto world = tables();
        if (!lake_if_there() || !world->exists(table)) return out;
        out.version = world->version(table).version;
        if (asks.of == Of::complete_to)
          out.complete_to = tasks::boundary_of(context(*world, choices({}), ""), table);
        const auto path = lake().table(table).path();
        if (storage::scheme_of(path).empty()) out.log = path + "/_delta_log";
        if (asks.of == Of::rows || asks.rows > 0) {
          duck::Connection connection(database_);
          out.rows = lake().table(table).snapshot({}, &connection).rows();
        }
        return out;
      }};
  return sensors::look(*sensor, outside, cancel_);
}

}  // namespace windrow::app
