#include "storage/webhdfs_client.h"

#include <algorithm>

#include "base/url.h"

namespace windrow::storage {

namespace {

/// `host:port` of a URL.
std::string authority_of(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  return std::string(url.substr(begin, url.find_first_of("/?", begin) - begin));
}

std::string host_of(const std::string& authority) {
  return authority.substr(0, authority.rfind(':'));
}

/// `METHOD URL: why` of the HTTP client in words of HDFS.
Problem no_answer(const clients::HttpError& error, const WebHdfsCall& call,
                  const std::string& asking, const std::string& data_node,
                  const std::string& shown) {
  Problem out = error.problem();
  const std::string before = call.method + " " + clients::shown_url(asking) + ": ";
  const std::string why =
      out.message.starts_with(before) ? out.message.substr(before.size()) : out.message;
  const std::string who =
      data_node.empty() ? "name node " + authority_of(asking) : "data node " + data_node;
  out.message = "cannot " + call.doing + " \"" + shown + "\": " + who + ": " + why;
  if (!data_node.empty() && out.code != Code::configuration) {
    out.hint =
        "the name node sends to it by that name: check that it runs, and that this machine "
        "reaches it so";
  }
  return out;
}

/// What to do about a refusal depends on what we came with.
Error with_advice(const Error& error, int status, const WebHdfsOptions& options) {
  if (error.code() != Code::permission || (status != 401 && status != 403)) return error;
  Problem problem = error.problem();
  if (!options.delegation_token.empty()) {
    problem.hint = "get a new delegation token: the one in WINDROW_HDFS_TOKEN may have expired";
  } else if (options.kerberos && status == 401) {
    problem.hint = "get a Kerberos ticket with kinit; klist shows which there is, and when it ends";
  } else {
    return error;
  }
  return Error(std::move(problem));
}

}  // namespace

WebHdfsClient::WebHdfsClient(WebHdfsOptions options, clients::HttpClient& http)
    : options_(std::move(options)), http_(http) {}

clients::HttpRequest WebHdfsClient::request_for(const WebHdfsCall& call,
                                                const Course& course) const {
  clients::HttpRequest out;
  out.method = call.method;
  out.url = course.name_nodes[course.at] + "/webhdfs/v1" + percent_encoded(call.path.path, true) +
            "?op=" + call.operation;
  const auto add = [&](const std::string& name, const std::string& value) {
    out.url += "&" + name + "=" + percent_encoded(value);
  };
  for (const auto& [name, value] : call.parameters) add(name, value);
  if (!options_.delegation_token.empty()) {
    add("delegation", options_.delegation_token);
  } else if (!options_.kerberos && !options_.user.empty()) {
    add("user.name", options_.user);
  }
  if (call.data && !course.excluded.empty()) add("excludedatanodes", course.excluded);
  out.connect_timeout = options_.connect_timeout;
  out.stall_timeout = options_.stall_timeout;
  out.ca_file = options_.ca_file;
  out.negotiate = options_.kerberos && options_.delegation_token.empty();
  return out;
}

/// The name node's answer, or the data node's that it points to. The redirect is followed by hand:
/// the body goes to the data node alone, and a data node that does not answer is told apart.
clients::HttpResponse WebHdfsClient::ask(const WebHdfsCall& call, Course& course) {
  course.data_node.clear();
  clients::HttpRequest request = request_for(call, course);
  course.asking = request.url;
  // What changes something is not sent twice behind our back: it would hide that the first may have
  // been done. With data it is not the name node that acts.
  request.once = call.method != "GET" && !call.data;
  clients::HttpResponse response = http_.send(request);
  if (!call.data || response.status != 307) return response;
  note_active(course);
  request.url = std::string(response.header("location"));
  course.asking = request.url;
  course.data_node = authority_of(request.url);
  request.body = call.body;
  request.headers = {{"Content-Type", "application/octet-stream"}};
  request.once = call.method != "GET";
  return http_.send(request);
}

void WebHdfsClient::note_active(const Course& course) {
  const std::scoped_lock lock(mutex_);
  active_[course.name_nodes] = course.at;
}

std::optional<WebHdfsAnswer> WebHdfsClient::attempt(const WebHdfsCall& call, Course& course,
                                                    std::optional<Error>& problem) {
  const std::string shown = call.shown.empty() ? call.path.text() : call.shown;
  bool other_node = false;
  try {
    auto response = ask(call, course);
    if (response.ok()) {
      note_active(course);
      return WebHdfsAnswer{std::move(response), {}, course.maybe_done};
    }
    auto exception = remote_exception(response);
    const WebHdfsTrouble trouble = trouble_of(response.status, exception);
    if (trouble != WebHdfsTrouble::other_node) note_active(course);
    if (exception && trouble == WebHdfsTrouble::final && call.expected.contains(exception->name))
      return WebHdfsAnswer{std::move(response), std::move(exception), course.maybe_done};
    problem = with_advice(webhdfs_error(response.status, exception, call.doing, shown),
                          response.status, options_);
    // A refusal of the name node was not carried out; of the data node's work some may be done.
    if (!course.data_node.empty() || (response.status >= 500 && !exception))
      course.maybe_done = true;
    if (trouble == WebHdfsTrouble::final) throw WebHdfsFailure(*problem, course.maybe_done);
    // All are excluded by now: those that came back meanwhile are asked again.
    if (trouble == WebHdfsTrouble::no_data_node) course.excluded.clear();
    other_node = trouble == WebHdfsTrouble::other_node;
  } catch (const clients::HttpError& error) {
    problem = Error(no_answer(error, call, course.asking, course.data_node, shown));
    if (!course.data_node.empty())
      course.excluded += (course.excluded.empty() ? "" : ",") + host_of(course.data_node);
    const bool acted = !call.data || !course.data_node.empty();
    course.maybe_done = course.maybe_done || (acted && error.maybe_sent());
    if (!retryable(error.code())) throw WebHdfsFailure(*problem, course.maybe_done);
    other_node = course.data_node.empty();
  }
  if (other_node) {
    course.at = (course.at + 1) % course.name_nodes.size();
    ++course.asked;
  }
  return {};
}

WebHdfsAnswer WebHdfsClient::call(const WebHdfsCall& call) {
  Course course;
  course.name_nodes = name_nodes_of(options_, call.path);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = active_.find(course.name_nodes); found != active_.end())
      course.at = found->second;
  }
  RetryPolicy policy = options_.retry;
  if (call.tries_max > 0) policy.tries = std::min(policy.tries, call.tries_max);
  Backoff backoff(policy);
  while (true) {
    const size_t asked = course.asked;
    std::optional<Error> problem;
    if (auto answer = attempt(call, course, problem)) return std::move(*answer);
    if (course.maybe_done && !call.repeatable) throw WebHdfsFailure(*problem, true);
    // The others are asked at once: waiting is for when none is active.
    if (course.asked > asked && course.asked < course.name_nodes.size()) continue;
    course.asked = 0;
    if (!backoff.again()) throw WebHdfsFailure(*problem, course.maybe_done);
  }
}

}  // namespace windrow::storage
