#include "sources/kafka/options.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "base/nearest.h"
#include "base/url.h"
#include "project/project.h"
#include "project/types.h"
#include "sources/kafka/kind.h"

namespace windrow::sources {
namespace {

using project::Value;

std::string text_at(const Value& map, std::string_view key, const std::string& fallback = {}) {
  const Value* found = map.find(key);
  return found && !found->is_null() ? found->text() : fallback;
}

bool whole_number(std::string_view text, int64_t& out) {
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, out);
  return result.ec == std::errc() && result.ptr == end;
}

const project::Connection& connection_of(const project::Project& project,
                                         const project::Source& source) {
  const auto& name = project::own_or_default<KafkaFrom>(source).connection;
  const auto found = project.connections.find(name);
  if (found == project.connections.end()) {
    std::vector<std::string> known;
    for (const auto& [each, connection] : project.connections) {
      if (connection.type == "kafka") known.push_back(each);
    }
    throw Error(Code::configuration,
                fmt::format("source \"{}\" reads from the connection \"{}\", which there is not",
                            source.name, name),
                did_you_mean(name, known), source.from.find("kafka")->place);
  }
  if (found->second.type != "kafka") {
    throw Error(Code::configuration,
                fmt::format("connection \"{}\" is of the type \"{}\", and source \"{}\" reads from "
                            "Kafka",
                            name, found->second.type, source.name),
                "", source.from.find("kafka")->place);
  }
  return found->second;
}

void read_start(const project::Project& project, const Value& value, KafkaOptions& out) {
  if (const auto* offsets = std::get_if<Value::Map>(&value.data)) {
    out.start = KafkaOptions::Start::offsets;
    for (const auto& [key, offset] : *offsets) {
      int64_t partition = 0, at = 0;
      if (!whole_number(key.value, partition) || partition < 0 || partition > INT32_MAX ||
          !whole_number(offset.text(), at) || at < 0) {
        throw Error(Code::configuration, "`start` by offsets takes whole numbers",
                    "write start: {0: 1200, 1: 1350}", key.place);
      }
      out.start_offsets[int32_t(partition)] = at;
    }
    return;
  }
  const auto text = value.text();
  if (text == "earliest" || text.empty()) return;
  if (text == "latest") {
    out.start = KafkaOptions::Start::latest;
    return;
  }
  const auto time = parse_time(text, project.zone);
  if (!time) {
    throw Error(Code::configuration, "`start` does not take \"" + text + "\"",
                "write earliest, latest, a time such as 2025-10-17T14:00:00Z, or {0: 1200}",
                value.place);
  }
  out.start = KafkaOptions::Start::time;
  out.start_ms = micros(*time) / 1000;
}

/// What is sent in plain text, or to whoever answers, is said by `tls:`, where `plan` and `health`
/// look.
void check_keeps_transport(const std::string& name, const Value& value,
                           const clients::Transport& transport) {
  const auto text = value.text();
  const bool plain = name == "security.protocol" && text.find("ssl") == std::string::npos &&
                     text.find("SSL") == std::string::npos;
  const bool unverified = (name == "enable.ssl.certificate.verification" && text != "true") ||
                          (name == "ssl.endpoint.identification.algorithm" && text != "https");
  if ((!plain || !transport.encrypted()) &&
      (!unverified || transport.protection != clients::Protection::verified))
    return;
  throw Error(
      Code::configuration,
      fmt::format("the setting \"{}\" takes away what protects the connection", name),
      plain ? "leave it out, and write `tls: off`" : "leave it out, and write `tls: unverified`",
      value.place);
}

}  // namespace

clients::Transport kafka_transport(const project::Connection& connection) {
  const auto& given = connection.settings;
  return clients::transport_of(text_at(given, "tls"), hosts_of(text_at(given, "brokers")),
                               !text_at(given, "ca").empty());
}

clients::KafkaSettings kafka_settings(const project::Connection& connection) {
  const auto& given = connection.settings;
  clients::KafkaSettings out;
  out["bootstrap.servers"] = text_at(given, "brokers");
  out["client.id"] = "windrow";
  const auto user = text_at(given, "user");
  const auto transport = kafka_transport(connection);
  const bool secure = transport.encrypted();
  if (transport.protection == clients::Protection::unverified)
    out["enable.ssl.certificate.verification"] = "false";
  out["security.protocol"] =
      user.empty() ? (secure ? "ssl" : "plaintext") : (secure ? "sasl_ssl" : "sasl_plaintext");
  if (!user.empty()) {
    out["sasl.mechanism"] = text_at(given, "mechanism", "SCRAM-SHA-256");
    out["sasl.username"] = user;
    out["sasl.password"] = text_at(given, "password");
  }
  const std::pair<const char*, const char*> files[] = {{"ca", "ssl.ca.location"},
                                                       {"certificate", "ssl.certificate.location"},
                                                       {"certificate_key", "ssl.key.location"}};
  for (const auto& [key, setting] : files) {
    if (const auto path = text_at(given, key); !path.empty()) out[setting] = path;
  }
  if (const Value* more = given.find("settings")) {
    if (const auto* map = std::get_if<Value::Map>(&more->data)) {
      for (const auto& [key, value] : *map) {
        check_keeps_transport(key.value, value, transport);
        out[key.value] = value.text();
      }
    }
  }
  return out;
}

KafkaOptions kafka_options(const project::Project& project, const project::Source& source) {
  const auto& connection = connection_of(project, source);
  KafkaOptions out;
  out.source = source.name;
  const auto& from = project::own_or_default<KafkaFrom>(source);
  out.topics = from.topics;
  // What librdkafka keeps ready is most of the memory that waits: enough for one flush.
  out.client = {{"queued.max.messages.kbytes", "16384"},
                {"queued.min.messages", "50000"},
                {"fetch.message.max.bytes", "4194304"},
                {"fetch.wait.max.ms", "100"},
                // How long a partition is not asked for more once so much is ready. The client's
                // own second would be longer than a flush takes.
                {"fetch.queue.backoff.ms", "20"}};
  for (auto& [name, value] : kafka_settings(connection)) out.client[name] = value;
  out.client["group.id"] = from.group.empty() ? "windrow-" + project.name : from.group;
  out.client["partition.assignment.strategy"] =
      from.assignment == "eager" ? "range,roundrobin" : "cooperative-sticky";
  if (!from.start.is_null()) read_start(project, from.start, out);
  out.skip_lost = from.lost == "skip";
  int64_t rows = 0;
  if (whole_number(text_at(source.flush, "rows"), rows)) out.flush_rows = size_t(rows);
  if (const auto bytes = project::parse_size(text_at(source.flush, "bytes")))
    out.flush_bytes = size_t(*bytes);
  if (const auto every = parse_duration(text_at(source.flush, "every"))) out.flush_every = *every;
  out.file_name = text_at(source.files, "name");
  out.file_folder = text_at(source.files, "folder");
  out.compression = text_at(source.files, "compression", "snappy");
  for (const auto* pattern : {&out.file_name, &out.file_folder}) {
    try {
      filled_pattern(*pattern, Time(), 0, "");
    } catch (const Error& error) {
      throw Error(Code::configuration, error.problem().message, error.problem().hint,
                  source.files.place);
    }
  }
  const auto& given = connection.settings;
  out.registry = text_at(given, "registry");
  out.registry_user = text_at(given, "registry_user");
  out.registry_password = text_at(given, "registry_password");
  if (!out.registry_user.empty() && !clients::http_exposure(out.registry).empty() &&
      kafka_transport(connection).protection != clients::Protection::off) {
    throw Error(Code::configuration,
                "the password of the schema registry would go over http://, where it can be read",
                "write https://, or `tls: off` where the way there is safe",
                given.find("registry")->place);
  }
  return out;
}

std::string kafka_app_id(const std::string& source, const std::string& cluster,
                         const clients::KafkaPartition& partition) {
  return fmt::format("kafka/{}/{}/{}/{}", source, cluster, partition.topic, partition.partition);
}

std::string filled_pattern(const std::string& pattern, Time now, int64_t n, const std::string& id) {
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '{') {
      out += pattern[i++];
      continue;
    }
    const auto end = pattern.find('}', i);
    const auto inner = pattern.substr(i + 1, end == std::string::npos ? end : end - i - 1);
    if (inner == "n") {
      out += std::to_string(n);
    } else if (inner == "id") {
      out += id;
    } else if (inner == "utc" || inner.starts_with("utc:")) {
      const std::string format = inner == "utc" ? "%Y%m%d_%H%M%S" : inner.substr(4);
      const std::time_t seconds = micros(now) / 1'000'000;
      std::tm parts{};
      ::gmtime_r(&seconds, &parts);
      char text[256];
      out.append(text, std::strftime(text, sizeof(text), format.c_str(), &parts));
    } else {
      throw Error(Code::configuration,
                  "\"" + pattern + "\" has \"{" + inner + "}\", which is nothing",
                  "there are {utc}, {utc:%Y%m%d_%H%M%S}, {n} and {id}");
    }
    i = end == std::string::npos ? pattern.size() : end + 1;
  }
  return out;
}

}  // namespace windrow::sources
