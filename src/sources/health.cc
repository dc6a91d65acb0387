#include "sources/health.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "base/hash.h"
#include "clients/kafka.h"
#include "clients/sqlite.h"
#include "sources/database/rows.h"
#include "sources/database/snapshots.h"
#include "sources/files/found_file.h"
#include "sources/files/remote_files.h"
#include "sources/kafka/options.h"
#include "sources/rest/extraction.h"
#include "sources/rest/requester.h"
#include "sources/settings.h"
#include "sources/shared.h"

namespace windrow::sources {

namespace {

using namespace std::chrono_literals;
using clients::HttpRequest;

constexpr auto kLook = 10s;
constexpr size_t kFilesLookedAt = 1000;

std::string counted(int64_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

// --- REST and event streams

/// One that does not wait for a server to come back.
Requester impatient(RestServer server) {
  server.times = 1;
  server.delay = server.delay_max = 200ms;
  server.patience = kLook;
  server.timeout = std::min<std::chrono::milliseconds>(server.timeout, kLook);
  return {std::move(server), std::make_shared<Throttle>(0, 1, 1000, 0us)};
}

std::string limits(const RestServer& server) {
  return server.per_second > 0 ? fmt::format("; {} requests a second", server.per_second) : "";
}

struct Peek {
  int status = 200;
  bool body = false, silent = false;  ///< silent: the connection stands, and nothing has come
};

/// The beginning of an answer, which may have no end.
Peek peek(Requester& requester, const std::string& url, const char* accept, Cancel& cancel) {
  Cancel enough;
  const auto on_cancel = cancel.on_request([&] { enough.request(); });
  std::atomic<bool> came = false;
  HttpRequest request;
  request.url = requester.with_keys(url);
  request.headers = requester.headers(cancel);
  std::erase_if(request.headers, [](const auto& header) { return header.first == "Accept"; });
  request.headers.emplace_back("Accept", accept);
  request.timeout = 5s;
  request.ca_file = requester.server().ca_file;
  request.cancel = &enough;
  request.on_body = [&](std::string_view) {
    came = true;
    enough.request();
  };
  try {
    return {requester.http().send(request).status, came};
  } catch (const Error& error) {
    cancel.check();
    if (came) return {200, true};
    if (error.code() != Code::timeout) throw;
    return {200, false, true};
  }
}

std::string rest_health(const RestServer& server, Cancel& cancel) {
  auto requester = impatient(server);
  if (!server.health.empty()) {
    const std::string path = (server.health.starts_with('/') ? "" : "/") + server.health;
    const auto answer = requester.get(server.url + path, {}, cancel);
    if (answer.status == 404 || answer.status == 410) {
      throw Error(Code::configuration,
                  fmt::format("GET {}: the server answers {}",
                              clients::shown_url(server.url + path), answer.status),
                  "check `url` and `health` of the connection");
    }
    return fmt::format("GET {} answers {}{}", path, answer.status, limits(server));
  }
  const auto answer = peek(requester, server.url, "*/*", cancel);
  if (answer.silent) {
    throw Error(Code::timeout, "GET " + clients::shown_url(server.url) + ": no answer in time",
                "see whether the server is well, or name a path that answers with `health:`");
  }
  // Few servers have anything at their root: only what refuses us is told.
  if (answer.status == 401 || answer.status == 403 || answer.status >= 500) {
    throw Error(
        answer.status >= 500 ? Code::unavailable : Code::permission,
        fmt::format("GET {}: the server answers {}", clients::shown_url(server.url), answer.status),
        answer.status >= 500 ? "the server has a fault: ask those who run it"
                             : "check `auth` of the connection, or name a path that it may read "
                               "with `health:`");
  }
  return fmt::format("{} answers{}; `health: PATH` would look closer",
                     clients::shown_url(server.url), limits(server));
}

std::string rest_source(const project::Source& source, const Context& context, Cancel& cancel) {
  const auto config =
      rest_config(context.project, source, context.shared ? context.shared->secrets : nullptr);
  auto requester = impatient(config.server);
  std::string out;
  for (const auto& resource : config.resources) {
    if (resource.level > 0) continue;
    Stream stream;
    stream.paging = resource.paging;
    PageAt at;
    at.number = resource.paging.by == Paging::By::automatic ? 0 : resource.paging.first;
    const auto answer = requester.get(url_of(config, resource, stream, at, resource.start), {},
                                      cancel, resource.secret_params);
    if (answer.status == 404 || answer.status == 410) {
      throw Error(Code::configuration,
                  fmt::format("GET {}: the server answers {}", clients::shown_url(answer.url),
                              answer.status),
                  "check the path of resource \"" + resource.name + "\"", resource.place);
    }
    const auto page = read_page(resource, at, answer, requester, stream);
    out += (out.empty() ? "" : ", ") + resource.name + ": " +
           counted(int64_t(page.records.size()), "record");
    if (stream.promised >= 0) out += fmt::format(" of {}", stream.promised);
  }
  return out;
}

std::string stream_source(const project::Source& source, const Context& context, Cancel& cancel) {
  const Settings all(source.from);
  const auto server = rest_server(context.project, all.text("sse"), source.from.place);
  auto requester = impatient(server);
  const std::string url = server.url + all.text("path");
  const auto answer = peek(requester, url, "text/event-stream", cancel);
  const std::string shown = clients::shown_url(url);
  if (answer.silent) return shown + " sent nothing within 5 seconds, which a quiet stream may do";
  if (answer.status >= 400) {
    throw Error(answer.status >= 500 ? Code::unavailable : Code::configuration,
                fmt::format("GET {}: the server answers {}", shown, answer.status),
                "check `path` of the source and `auth` of the connection");
  }
  return shown + (answer.body ? " sends events" : " has no event now");
}

// --- Kafka

std::string registry_health(const KafkaOptions& options, Cancel& cancel) {
  if (options.registry.empty()) return "";
  HttpRequest request;
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

std::string kafka_connection(const project::Connection& connection) {
  auto settings = kafka_settings(connection);
  settings.emplace("group.id", "windrow-health");
  const auto consumer = clients::kafka_consumer(settings, nullptr);
  return fmt::format("cluster {} at {}", consumer->cluster(kLook), settings["bootstrap.servers"]);
}

std::string kafka_source(const project::Source& source, const Context& context, Cancel& cancel) {
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

// --- databases

std::string sqlite_path(const project::Project& project, const project::Connection& connection) {
  const auto* given = connection.settings.find("path");
  const std::string path = given ? given->text() : "";
  return path.starts_with('/') ? path : project.root + "/" + path;
}

std::string sqlite_connection(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    throw Error(Code::not_found, "there is no file \"" + path + "\"",
                "see to `path` of the connection, or make the database");
  }
  clients::Sqlite database(path, clients::Sqlite::Mode::read_only);
  const auto tables =
      database.query("SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')");
  return "opens, " + counted(std::get<int64_t>(tables.at(0).at(0)), "table");
}

std::string postgres_connection(const project::Project& project,
                                const project::Connection& connection) {
  auto options = postgres_source_options(connection, project.root);
  options.connect_timeout = kLook;
  clients::Postgres database(options);
  const int version = database.server_version();
  return fmt::format("PostgreSQL {}.{} at {}{}", version / 10000, version % 10000,
                     database.address(), database.encrypted() ? " with TLS" : "");
}

std::string database_source(const project::Source& source, const Context& context, Cancel& cancel) {
  const Settings all(source.from);
  Snapshots own;
  const auto rows = own.of(context.project, all.text("database"), source.from.place, &cancel);
  const auto from = rows->from(all.text("table"), all.text("query"));
  const std::string cursor = all.text("cursor");
  const auto found = rows->literal(cursor.empty() ? "1" : rows->name(cursor), from + " LIMIT 1");
  const std::string what = all.text("table").empty() ? "the query" : "table " + all.text("table");
  return what + (found || !cursor.empty() ? " can be read" : " can be read, and has no row");
}

// --- files

/// What can be told without opening each: that the user may read them.
void check_readable(const std::string& root, const std::string& pattern) {
  size_t looked_at = 0;
  for (const auto& file : find_files(root, pattern)) {
    if (++looked_at > kFilesLookedAt) return;
    if (::access(file.path.c_str(), R_OK) == 0) continue;
    throw Error(Code::permission, "file \"" + file.path + "\" may not be read",
                "let the user who runs windrow read it: chmod a+r \"" + file.path + "\"");
  }
}

std::string files_source(const project::Source& source, const Context& context) {
  for (const auto& pattern : Settings(source.from).texts("files")) {
    if (!on_http(pattern) && !in_storage(pattern)) check_readable(context.project_root, pattern);
  }
  return files_reader(source, context)->pending({}).value_or("no file is there yet");
}

}  // namespace

std::string connection_health(const project::Project& project,
                              const project::Connection& connection, Cancel& cancel) {
  if (connection.type == "rest")
    return rest_health(rest_server(project, connection.name, connection.place), cancel);
  if (connection.type == "kafka") return kafka_connection(connection);
  if (connection.type == "postgres") return postgres_connection(project, connection);
  if (connection.type == "sqlite") return sqlite_connection(sqlite_path(project, connection));
  throw Error(Code::internal, "no source reads from the type \"" + connection.type + "\"");
}

std::string source_health(const project::Source& source, const Context& context) {
  Cancel never;
  Cancel& cancel = context.cancel ? *context.cancel : never;
  if (source.kind == "rest") return rest_source(source, context, cancel);
  if (source.kind == "sse") return stream_source(source, context, cancel);
  if (source.kind == "kafka") return kafka_source(source, context, cancel);
  if (source.kind == "database") return database_source(source, context, cancel);
  return files_source(source, context);
}

}  // namespace windrow::sources
