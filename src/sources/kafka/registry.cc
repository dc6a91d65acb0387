#include "sources/kafka/registry.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "clients/http.h"

namespace windrow::sources {

SchemaOf schema_registry(const KafkaOptions& options) {
  struct State {
    std::shared_ptr<clients::HttpClient> http;
    std::map<int32_t, std::string> known;
  };
  auto state = std::make_shared<State>();
  return [options, state](int32_t id) -> std::string {
    if (const auto found = state->known.find(id); found != state->known.end()) return found->second;
    if (options.registry.empty()) {
      throw Error(Code::configuration,
                  fmt::format("source \"{}\" reads Avro messages, and its connection names no "
                              "schema registry",
                              options.source),
                  "say `registry: http://HOST:PORT` in the connection");
    }
    if (!state->http) state->http = clients::http_client();
    clients::HttpRequest request;
    std::string url = options.registry;
    while (url.ends_with('/')) url.pop_back();
    request.url = fmt::format("{}/schemas/ids/{}", url, id);
    request.timeout = std::chrono::seconds(20);
    if (!options.registry_user.empty()) {
      request.headers.emplace_back("Authorization", "Basic " + base64(options.registry_user + ":" +
                                                                      options.registry_password));
    }
    const auto answer = state->http->send(request);
    if (answer.status == 404)
      throw BadRecord{fmt::format("the schema registry does not know the schema {}", id)};
    if (!answer.ok()) {
      throw Error(
          answer.status == 401 || answer.status == 403 ? Code::permission : Code::unavailable,
          fmt::format("the schema registry answers {} for the schema {}", answer.status, id),
          "see to registry, registry_user and registry_password of the connection");
    }
    const auto json = nlohmann::json::parse(answer.body, nullptr, false);
    if (!json.is_object() || !json.contains("schema") || !json["schema"].is_string())
      throw Error(Code::corrupt,
                  fmt::format("the schema registry's answer for {} has no schema", id));
    if (json.contains("schemaType") && json["schemaType"] != "AVRO")
      throw BadRecord{fmt::format("schema {} is not an Avro schema", id)};
    return state->known[id] = json["schema"].get<std::string>();
  };
}

}  // namespace windrow::sources
