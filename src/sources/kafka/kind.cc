#include "sources/kafka/kind.h"

#include "base/hash.h"
#include "clients/http.h"
#include "clients/transport.h"
#include "sources/kafka/options.h"
#include "sources/look.h"

namespace windrow::sources {

namespace {

using project::text_type;
using project::word_type;

project::Keys<KafkaFrom> keys() {
  project::Keys<KafkaFrom> out("kafka");
  out.required("kafka", &KafkaFrom::connection, text_type(), "The connection.")
      .required("topic", &KafkaFrom::topics, project::one_or_list_type(text_type()),
                "The topic, or several.")
      .optional("group", &KafkaFrom::group, text_type(), "windrow-PROJECT",
                "The consumer group: copies of `ingest` share the partitions in it, lag monitors "
                "see it. What it has committed decides nothing.")
      .optional("start", &KafkaFrom::start,
                project::anything_type("`earliest`, `latest`, a time, or offsets"), "earliest",
                "Where a partition begins that the table knows nothing of: `earliest`, `latest`, a "
                "time, or `{PARTITION: OFFSET}` (others: earliest).")
      .optional("lost", &KafkaFrom::lost, word_type({"stop", "skip"}), "stop",
                "What happens where the topic's retention has removed messages before they were "
                "read.")
      .optional("assignment", &KafkaFrom::assignment, word_type({"cooperative", "eager"}),
                "cooperative", "How partitions are dealt out among copies.");
  add_record_bytes_max(out);
  return out;
}

std::string registry_health(const KafkaOptions& options, Cancel& cancel) {
  if (options.registry.empty()) return "";
  clients::HttpRequest request;
  request.url = options.registry;
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += "/subjects";
  request.timeout = kLook;
  request.cancel = &cancel;
  if (!options.registry_user.empty()) {
    request.headers.emplace_back("Authorization", "Basic " + base64(options.registry_user + ":" +
                                                                    options.registry_password));
  }
  const auto answer = clients::http_client()->send(request);
  if (!answer.ok()) {
    throw Error(answer.status == 401 || answer.status == 403 ? Code::permission : Code::unavailable,
                fmt::format("the schema registry answers {}", answer.status),
                "see to registry, registry_user and registry_password of the connection");
  }
  return ", the schema registry answers";
}

std::string connection_look(const project::Project&, const project::Connection& connection,
                            Cancel&) {
  auto settings = kafka_settings(connection);
  settings.emplace("group.id", "windrow-health");
  const auto consumer = clients::kafka_consumer(settings, nullptr);
  return fmt::format("cluster {} at {}", consumer->cluster(kLook), settings["bootstrap.servers"]);
}

std::string look(const project::Source& source, const Context& context, Cancel& cancel) {
  const auto options = kafka_options(context.project, source);
  const auto consumer = clients::kafka_consumer(options.client, nullptr);
  std::string out;
  for (const auto& topic : options.topics) {
    const auto partitions = consumer->partitions(topic, kLook);
    if (partitions.empty()) {
      throw Error(Code::not_found, fmt::format("kafka: there is no topic \"{}\"", topic),
                  "make it, or see to the name", source.place);
    }
    int64_t messages = 0;
    for (const auto& each : partitions) {
      const auto range = consumer->range(each, kLook);
      messages += range.end - range.first;
    }
    out +=
        fmt::format("{}topic {}: {}, {}", out.empty() ? "" : "; ", topic,
                    counted(int64_t(partitions.size()), "partition"), counted(messages, "message"));
  }
  if (source.format == "avro") out += registry_health(options, cancel);
  return out;
}

}  // namespace

SourceKind kafka_kind() {
  SourceKind out;
  out.declared = {"kafka", project::own_type(keys()), {}};
  out.declared.origin =
      "declare kafka_topic, kafka_partition and kafka_offset: they say where a message lies";
  out.connections = {{"kafka", connection_look}};
  out.look = look;
  return out;
}

project::ConnectionKind kafka_connection() {
  project::ConnectionKind out;
  out.name = "kafka";
  out.keys = {{"brokers", "`HOST:PORT`, several with commas.", true},
              {"user", "Who logs in."},
              {"password", "Of the user."},
              {"mechanism", "How: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`."},
              {"tls", "`verified`, `unverified` or `off`; verified to any other machine."},
              {"ca", "A file: the authority that signed the server's certificate."},
              {"certificate", "A file: our certificate."},
              {"certificate_key", "A file: the key of our certificate."},
              {"registry", "URL of the schema registry."},
              {"registry_user", "Who logs in to the registry."},
              {"registry_password", "Of the registry's user."},
              {"settings", "Further settings, as librdkafka calls them.", false, false}};
  out.exposure = [](const project::Connection& connection, const std::string&) {
    const std::string words = kafka_transport(connection).exposure();
    if (!words.empty()) return words;
    const std::string registry = clients::http_exposure(connection.text("registry"));
    return registry.empty() ? registry : "the schema registry's " + registry;
  };
  return out;
}

}  // namespace windrow::sources
