#include "sensors/look.h"

#include <fmt/format.h>
#include <mntent.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/utf8_prefix.h"
#include "storage/homes.h"

namespace windrow::sensors {

namespace {

/// Read without asking any of the disks, which may hang.
std::string mount_of(const std::string& path) {
  std::string out = "/";
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(::setmntent("/proc/self/mounts", "r"),
                                                     ::endmntent);
  if (!mounts) return out;
  mntent entry{};
  char names[8192];
  while (::getmntent_r(mounts.get(), &entry, names, sizeof names)) {
    const std::string at = entry.mnt_dir;
    if (at.size() > out.size() && (path == at || path.starts_with(at + "/"))) out = at;
  }
  return out;
}

std::string whole_path(const std::string& path, const project::Project& project) {
  return path.starts_with('/')
             ? path
             : (std::filesystem::path(project.root) / path).lexically_normal().string();
}

}  // namespace

std::string folder_of(const project::Sensor& sensor, const project::Project& project) {
  auto out = whole_path(sensor.subject.value, project);
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

std::string subject_of(const project::Sensor& sensor) {
  using project::SensorKind;
  std::string out;
  // As it is written: what stands in for a variable may be a secret.
  for (const char c : sensor.subject.shown()) out += c == '\n' || c == '\t' ? ' ' : c;
  constexpr size_t kMost = 60;
  if (out.size() > kMost) out = std::string(utf8_prefix(out, kMost)) + "…";
  return std::string(project::name_of(sensor.kind)) + " " + out;
}

std::string endpoint_of(const project::Sensor& sensor, const project::Project& project) {
  using project::SensorKind;
  const auto& subject = sensor.subject.value;
  switch (sensor.kind) {
    case SensorKind::sql:
    case SensorKind::kafka: return "connection " + project.name + "/" + sensor.connection.value;
    case SensorKind::table: return "lake of " + project.name;
    case SensorKind::http: {
      const size_t scheme = subject.find("://");
      const auto rest = scheme == std::string::npos ? subject : subject.substr(scheme + 3);
      return "http " + rest.substr(0, rest.find_first_of("/?#"));
    }
    case SensorKind::project: return "disk " + mount_of(folder_of(sensor, project));
    case SensorKind::file: break;
  }
  const auto scheme = storage::scheme_of(subject);
  if (scheme.empty()) return "disk " + mount_of(whole_path(subject, project));
  return "files " + subject.substr(0, subject.find('/', scheme.size() + 3));
}

Sight look(const project::Sensor& sensor, const Outside& outside, Cancel& cancel) {
  using project::SensorKind;
  switch (sensor.kind) {
    case SensorKind::file: return look_at_files(sensor, outside, cancel);
    case SensorKind::table: return look_at_table(sensor, outside);
    case SensorKind::sql: return look_at_sql(sensor, outside, cancel);
    case SensorKind::http: return look_at_http(sensor, outside, cancel);
    case SensorKind::kafka: return look_at_kafka(sensor, outside);
    case SensorKind::project: break;
  }
  return look_at_project(sensor, outside);
}

std::string shown(const Secrets& secrets, std::string_view value) {
  std::string out = secrets.redact(std::string(value));
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  constexpr size_t kMost = 80;
  return out.size() > kMost ? std::string(utf8_prefix(out, kMost)) + "…" : out;
}

Sight sight_of_value(const project::Sensor& sensor, const Outside& outside,
                     const std::string& value) {
  Sight out;
  out.text = shown(outside.secrets, value);
  if (sensor.equals && value != *sensor.equals) {
    out.text += fmt::format(", not {}", shown(outside.secrets, *sensor.equals));
    return out;
  }
  out.things = {thing("value " + value, out.text)};
  return out;
}

}  // namespace windrow::sensors
