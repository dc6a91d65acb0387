#include <fmt/format.h>

#include <algorithm>

#include "clients/kafka.h"
#include "sensors/look.h"
#include "sources/kafka/options.h"

namespace windrow::sensors {

Sight look_at_kafka(const project::Sensor& sensor, const Outside& outside) {
  using namespace std::chrono;
  const auto ends_at = steady_clock::now() + sensor.timeout;
  const auto left = [&] {
    return std::max(duration_cast<milliseconds>(ends_at - steady_clock::now()), milliseconds(1));
  };
  auto settings = sources::kafka_settings(outside.project.connections.at(sensor.connection.value));
  settings["group.id"] = sensor.group.empty() ? "windrow-sensor" : sensor.group.value;
  const auto consumer = clients::kafka_consumer(settings, nullptr);
  const auto& topic = sensor.subject.value;
  const auto partitions = consumer->partitions(topic, left());
  if (partitions.empty())
    throw Error(Code::not_found, fmt::format("kafka: there is no topic \"{}\"", topic),
                "make it, or see to the name", sensor.subject.place);
  clients::KafkaOffsets committed;
  if (!sensor.group.empty()) committed = consumer->committed(partitions, left());
  std::string ends;
  int64_t waiting = 0, all = 0;
  for (const auto& partition : partitions) {
    const auto range = consumer->range(partition, left());
    const auto told = committed.find(partition);
    // What retention has removed nobody reads any more.
    const int64_t next =
        told == committed.end() ? range.first : std::max(told->second, range.first);
    waiting += std::max<int64_t>(range.end - next, 0);
    all += range.end;
    ends += fmt::format("{}:{} ", partition.partition, range.end);
  }
  Sight out;
  out.text = fmt::format("{} message{}{}", waiting, waiting == 1 ? "" : "s",
                         sensor.group.empty() ? "" : " waiting");
  const bool something =
      sensor.group.empty() ? all > 0 : waiting >= std::max<int64_t>(sensor.lag, 1);
  if (something) out.things = {thing("ends " + ends, out.text)};
  return out;
}

}  // namespace windrow::sensors
