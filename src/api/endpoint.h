#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/role.h"
#include "api/shape.h"
#include "http/message.h"
#include "server/server.h"

/// Endpoints as declarations: whatever there is to know of one stands in one place.
namespace windrow::api {

class Api;

struct Parameter {
  std::string name, shape, summary;
};

/// One request that an endpoint answers: whatever it was given is as declared.
class Call {
 public:
  Call(Api& the_api, const http::Request& the_request) : api(the_api), request(the_request) {}

  Api& api;
  const http::Request& request;
  access::Identity who;
  std::map<std::string, std::string> path;  ///< `{project}` and so on, decoded
  std::map<std::string, Json> query;
  Json body = Json::object();

  /// The project of the path. Error(not_found), Error(configuration) where its files are broken.
  const server::Server::Project& project();
  app::App& app() { return *project().app; }

  std::string text(const char* name, const std::string& otherwise = "") const;
  bool is(const char* name) const;
  int64_t number(const char* name, int64_t otherwise) const;
  /// A time, in the project's zone where it says none. Error(usage).
  std::optional<Time> time(const char* name);
  std::optional<Time> time_in_body(const char* name);

  /// The deciding thread's answer; throws what it refuses. `request` without the project.
  Json ask(const Json& request);

 private:
  std::optional<server::Server::Project> project_;
};

struct Answer {
  int status = 200;
  std::string shape;  ///< empty: there is no body
  std::string summary;
  std::string type = "application/json";
  std::vector<std::string> headers = {};  ///< that it may have beside
};

struct Endpoint {
  std::string method, path, summary, group;
  access::Role role = access::Role::viewer;
  std::vector<Parameter> query = {};
  std::string body = {};  ///< a shape; empty: there is none
  bool body_optional = false;
  std::vector<Answer> answers = {};
  bool slow = false;    ///< may take more than some milliseconds
  bool rows = false;    ///< what it answers is data of tables, which is never masked
  bool secret = false;  ///< its answer is not kept for those who ask twice
  std::function<http::Response(Call&)> handle;
};

// Answers.
http::Response json_answer(const Json& json, int status = 200);
http::Response empty_answer();
/// A page of a list, of `all` where that is known; what follows is behind `after`; empty: nothing.
http::Response page_of(Call& call, const Json& items, std::optional<size_t> all,
                       const std::string& after);
/// As `application/problem+json`.
http::Response problem_answer(const Error& error);
http::Response problem_answer(int status, const Problem& problem);
int status_of(Code code);

// Endpoints, a file each by what they are about.
void add_session_endpoints(std::vector<Endpoint>& all);
void add_account_endpoints(std::vector<Endpoint>& all);
void add_project_endpoints(std::vector<Endpoint>& all);
void add_run_endpoints(std::vector<Endpoint>& all);
void add_schedule_endpoints(std::vector<Endpoint>& all);
void add_backfill_endpoints(std::vector<Endpoint>& all);
void add_table_endpoints(std::vector<Endpoint>& all);
void add_query_endpoints(std::vector<Endpoint>& all);
void add_quality_endpoints(std::vector<Endpoint>& all);
void add_service_endpoints(std::vector<Endpoint>& all);

/// OpenAPI 3.1.
Json openapi(const std::vector<Endpoint>& all);

}  // namespace windrow::api
