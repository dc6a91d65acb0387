#include "storage/webhdfs_error.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace windrow::storage {

std::optional<RemoteException> remote_exception(const clients::HttpResponse& response) {
  const auto document = nlohmann::json::parse(response.body, nullptr, false);
  if (!document.is_object()) return {};
  const auto found = document.find("RemoteException");
  if (found == document.end() || !found->is_object()) return {};
  const auto text = [&](const char* key) {
    const auto value = found->find(key);
    return value != found->end() && value->is_string() ? value->get<std::string>() : std::string();
  };
  RemoteException out{text("exception"), text("message")};
  out.message.resize(std::min(out.message.size(), out.message.find('\n')));
  return out;
}

namespace {

bool holds(const std::optional<RemoteException>& exception, std::string_view words) {
  return exception && exception->message.find(words) != std::string::npos;
}

/// The write pipeline could not be made: why, only the numbers at the end say.
bool too_few_data_nodes(const std::optional<RemoteException>& exception) {
  return holds(exception, "could only be written to") ||
         holds(exception, "could only be replicated to");
}

struct Meaning {
  std::string_view exception;
  Code code;
  std::string_view says;  ///< empty: the server's own words
  std::string_view hint;
};

constexpr std::string_view kReach =
    "check that its data nodes run, and that this machine reaches them by the names that the name "
    "node gives";

constexpr auto kMeanings = std::to_array<Meaning>({
    {"FileNotFoundException", Code::not_found, "no such file or folder", ""},
    {"AccessControlException", Code::permission, "",
     "set HADOOP_USER_NAME, or have the owner grant it"},
    {"AuthorizationException", Code::permission, "", ""},
    {"SecurityException", Code::permission, "",
     "set HADOOP_USER_NAME; where the cluster uses Kerberos, get a ticket with kinit"},
    {"AuthenticationException", Code::permission, "", "get a ticket with kinit"},
    {"InvalidToken", Code::permission, "", "get a new delegation token"},
    {"SafeModeException", Code::unavailable, "the name node is in safe mode: it allows no change",
     "it leaves it by itself when its data nodes have reported; `hdfs dfsadmin -safemode get`"},
    {"StandbyException", Code::unavailable, "no name node of the cluster is active",
     "give the addresses of all its name nodes: WINDROW_HDFS_HTTP, or HADOOP_CONF_DIR"},
    {"RetriableException", Code::unavailable, "", ""},
    {"BlockMissingException", Code::unavailable, "no data node that holds its blocks answers",
     kReach},
    {"FileAlreadyExistsException", Code::conflict, "it is there already", ""},
    {"AlreadyBeingCreatedException", Code::unavailable, "another writer holds it", ""},
    {"RecoveryInProgressException", Code::unavailable, "", ""},
    {"PathIsNotEmptyDirectoryException", Code::usage, "the folder is not empty", ""},
    {"ParentNotDirectoryException", Code::usage, "a file stands where a folder is needed", ""},
    {"InvalidPathException", Code::usage, "", "HDFS allows no \":\" in names"},
    {"DSQuotaExceededException", Code::full, "", ""},
    {"NSQuotaExceededException", Code::full, "", ""},
    {"QuotaByStorageTypeExceededException", Code::full, "", ""},
    {"QuotaExceededException", Code::full, "", ""},
    {"UnsupportedOperationException", Code::unsupported, "", ""},
    // Between the data nodes, or from one to the name node.
    {"ConnectException", Code::unavailable, "", kReach},
    {"ConnectTimeoutException", Code::timeout, "", kReach},
    {"SocketTimeoutException", Code::timeout, "", kReach},
    {"NoRouteToHostException", Code::unavailable, "", kReach},
    {"EOFException", Code::unavailable, "", kReach},
});

const Meaning* meaning_of(const std::optional<RemoteException>& exception) {
  if (!exception) return nullptr;
  const auto found = std::ranges::find(kMeanings, exception->name, &Meaning::exception);
  return found == kMeanings.end() ? nullptr : &*found;
}

bool no_data_node(const std::optional<RemoteException>& exception) {
  return holds(exception, "Failed to find datanode") ||
         holds(exception, "No active and not excluded nodes contain this block") ||
         holds(exception, "No active nodes contain this block");
}

Problem plain_problem(int status) {
  if (status == 401) {
    return {Code::permission,
            "the server asks who you are",
            "set WINDROW_HDFS_KERBEROS=true and get a ticket with kinit, or give a delegation "
            "token",
            {}};
  }
  if (status == 404) {
    return {Code::configuration,
            "the server does not speak WebHDFS",
            "the port must be the one of the name node's web page, 9870 by default",
            {}};
  }
  const std::string answer = "the server answered with status " + std::to_string(status);
  if (status == 403) return {Code::permission, answer, {}, {}};
  return {status >= 500 || status == 429 ? Code::unavailable : Code::unsupported, answer, {}, {}};
}

Problem problem_of(int status, const std::optional<RemoteException>& exception) {
  if (!exception) return plain_problem(status);
  if (no_data_node(exception))
    return {
        Code::unavailable, "the name node knows no live data node for it", std::string(kReach), {}};
  if (too_few_data_nodes(exception)) {
    const bool none = holds(exception, "There are 0 datanode(s) running");
    const bool excluded = !holds(exception, "no node(s) are excluded") &&
                          !holds(exception, " 0 node(s) are excluded");
    if (none || excluded)
      return {Code::unavailable, "too few data nodes take its blocks", std::string(kReach), {}};
    return {Code::full,
            "no data node has space for its blocks",
            "look at the cluster: `hdfs dfsadmin -report`",
            {}};
  }
  if (holds(exception, "out of the range"))
    return {Code::usage, "it ends before the place that was asked for", {}, {}};
  if (holds(exception, "is not a file")) return {Code::usage, "it is a folder", {}, {}};
  if (const Meaning* meaning = meaning_of(exception)) {
    return {meaning->code,
            std::string(meaning->says.empty() ? exception->message : meaning->says),
            std::string(meaning->hint),
            {}};
  }
  return {status >= 500 ? Code::unavailable : Code::internal,
          exception->name + ": " + exception->message,
          {},
          {}};
}

}  // namespace

WebHdfsTrouble trouble_of(int status, const std::optional<RemoteException>& exception) {
  if (exception && exception->name == "StandbyException") return WebHdfsTrouble::other_node;
  if (no_data_node(exception)) return WebHdfsTrouble::no_data_node;
  const Code code = problem_of(status, exception).code;
  return retryable(code) && code != Code::conflict ? WebHdfsTrouble::passing
                                                   : WebHdfsTrouble::final;
}

Error webhdfs_error(int status, const std::optional<RemoteException>& exception,
                    std::string_view doing, const std::string& path) {
  Problem problem = problem_of(status, exception);
  problem.message = "cannot " + std::string(doing) + " \"" + path + "\": " + problem.message;
  return Error(std::move(problem));
}

}  // namespace windrow::storage
