#include "api/endpoint.h"
#include "api/routes.h"
#include "base/version.h"

namespace windrow::api {

namespace {

constexpr const char* kProblem = "application/problem+json";

Json ref(const std::string& where) { return {{"$ref", "#/components/" + where}}; }

Json parameters_of(const Endpoint& endpoint) {
  Json out = Json::array();
  for (size_t at = 0; (at = endpoint.path.find('{', at)) != std::string::npos; ++at) {
    const auto end = endpoint.path.find('}', at);
    out.push_back({{"name", endpoint.path.substr(at + 1, end - at - 1)},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}, {"minLength", 1}}}});
  }
  for (const auto& each : endpoint.query) {
    out.push_back({{"name", each.name},
                   {"in", "query"},
                   {"description", each.summary},
                   {"schema", schema_of(parse_shape(each.shape))}});
  }
  if (endpoint.method == "GET") return out;
  out.push_back(ref("parameters/XWindrow"));
  if (endpoint.method == "POST" && !endpoint.secret)
    out.push_back(ref("parameters/IdempotencyKey"));
  return out;
}

Json answer_of(const Answer& answer) {
  Json out{{"description", answer.summary}};
  for (const auto& header : answer.headers)
    out["headers"][header] = {{"schema", {{"type", "string"}}}};
  if (answer.shape.empty()) return out;
  out["content"][answer.type]["schema"] = schema_of(parse_shape(answer.shape));
  return out;
}

Json operation_of(const Endpoint& endpoint) {
  std::string id = endpoint.method == "GET" ? "get" : endpoint.method == "POST" ? "post" : "delete";
  bool big = true;
  for (const char c : endpoint.path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) id += big && c >= 'a' ? char(c - 'a' + 'A') : c;
    big = !letter;
  }
  Json out{{"operationId", id},
           {"summary", endpoint.summary},
           {"tags", {endpoint.group}},
           {"x-role", access::name_of(endpoint.role)},
           {"parameters", parameters_of(endpoint)}};
  if (endpoint.role == access::Role::nobody) out["security"] = Json::array({Json::object()});
  if (!endpoint.body.empty()) {
    out["requestBody"] = {
        {"required", !endpoint.body_optional},
        {"content", {{"application/json", {{"schema", schema_of(parse_shape(endpoint.body))}}}}}};
  }
  Json& answers = out["responses"] = Json::object();
  for (const auto& answer : endpoint.answers) {
    const auto status = std::to_string(answer.status);
    auto made = answer_of(answer);
    if (answers.contains(status))
      answers[status]["content"].update(made["content"]);  // in another form
    else
      answers[status] = std::move(made);
  }
  if (endpoint.method == "GET") answers["304"] = {{"description", "as If-None-Match says"}};
  answers["4XX"] = ref("responses/Problem");
  answers["5XX"] = ref("responses/Problem");
  return out;
}

}  // namespace

Json openapi(const std::vector<Endpoint>& all) {
  Json out{{"openapi", "3.1.0"},
           {"info",
            {{"title", "Windrow"},
             {"version", kVersion},
             {"description",
              "What `windrow serve --listen` answers. An answer is what the verb of the same name "
              "prints with --json."},
             {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
           {"servers", {{{"url", kBase}}}},
           {"security", {Json::object(), {{"token", Json::array()}}, {{"session", Json::array()}}}},
           {"paths", Json::object()}};
  for (const auto& endpoint : all) {
    Json operation = operation_of(endpoint);
    out["paths"][endpoint.path][endpoint.method == "GET"    ? "get"
                                : endpoint.method == "POST" ? "post"
                                                            : "delete"] = std::move(operation);
  }
  Json& parts = out["components"] = Json::object();
  for (const auto& [name, notation] : named_shapes())
    parts["schemas"][name] = schema_of(parse_shape(notation));
  parts["responses"]["Problem"] = {
      {"description", "what is wrong, and what to do about it"},
      {"content", {{kProblem, {{"schema", ref("schemas/ProblemDocument")}}}}}};
  parts["parameters"]["XWindrow"] = {
      {"name", "X-Windrow"},
      {"in", "header"},
      {"required", true},
      {"description", "no form and no other site can send it unasked"},
      {"schema", {{"type", "string"}, {"enum", {"1"}}}}};
  parts["parameters"]["IdempotencyKey"] = {{"name", "Idempotency-Key"},
                                           {"in", "header"},
                                           {"description", "what has the same key is done once"},
                                           {"schema", {{"type", "string"}, {"maxLength", 200}}}};
  parts["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
  parts["securitySchemes"]["session"] = {
      {"type", "apiKey"}, {"in", "cookie"}, {"name", "windrow-PORT"}};
  return out;
}

}  // namespace windrow::api
