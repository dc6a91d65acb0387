#include "sources/connection_kinds.h"

#include "clients/transport.h"
#include "sources/kafka/options.h"

namespace windrow::sources {

project::ConnectionKind rest_connection() {
  project::ConnectionKind out;
  out.name = "rest";
  out.open = true;
  out.exposure = [](const project::Connection& connection, const std::string&) {
    return clients::http_exposure(connection.text("url"));
  };
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
