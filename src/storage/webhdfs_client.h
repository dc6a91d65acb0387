#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/webhdfs_error.h"
#include "storage/webhdfs_options.h"

namespace windrow::storage {

/// One operation. Name nodes answer it, or say which data node does: then that one is asked.
struct WebHdfsCall {
  std::string method = "GET";
  std::string operation;  ///< `GETFILESTATUS`, …
  WebHdfsPath path;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string_view body;           ///< for the data node
  bool data = false;               ///< a data node must do it
  std::set<std::string> expected;  ///< exceptions that are an answer
  std::string doing = "read";      ///< for messages
  std::string shown;               ///< for messages, where it is not the path
  /// False: not asked again once it may have been done.
  bool repeatable = true;
  int tries_max = 0;  ///< fewer tries than the options allow; 0: as many
};

struct WebHdfsAnswer {
  clients::HttpResponse response;
  std::optional<RemoteException> exception;  ///< one of those expected
  bool maybe_done = false;  ///< an earlier try got no answer: it may have done it already
};

/// No answer that says whether it was done, or a refusal.
class WebHdfsFailure : public Error {
 public:
  WebHdfsFailure(const Error& error, bool maybe_done)
      : Error(error.problem()), maybe_done_(maybe_done) {}
  bool maybe_done() const { return maybe_done_; }

 private:
  bool maybe_done_;
};

/// Talks to clusters over WebHDFS: which of the name nodes is active, which data nodes do not
/// answer, what is worth another try. Any thread.
class WebHdfsClient {
 public:
  /// `http` must outlive it.
  WebHdfsClient(WebHdfsOptions options, clients::HttpClient& http);

  const WebHdfsOptions& options() const { return options_; }
  /// Throws WebHdfsFailure, or Error where the path is wrong.
  WebHdfsAnswer call(const WebHdfsCall& call);

 private:
  /// What the tries of one call have learnt.
  struct Course {
    std::vector<std::string> name_nodes;
    size_t at = 0;          ///< of name_nodes: whom to ask
    size_t asked = 0;       ///< name nodes since the last wait that are not the active one
    std::string excluded;   ///< data nodes that did not answer, with commas between
    std::string asking;     ///< the URL
    std::string data_node;  ///< that is being asked, `host:port`
    bool maybe_done = false;
  };
  clients::HttpRequest request_for(const WebHdfsCall& call, const Course& course) const;
  clients::HttpResponse ask(const WebHdfsCall& call, Course& course);
  /// One try; nothing, and `problem` set, where another may succeed.
  std::optional<WebHdfsAnswer> attempt(const WebHdfsCall& call, Course& course,
                                       std::optional<Error>& problem);
  void note_active(const Course& course);

  WebHdfsOptions options_;
  clients::HttpClient& http_;
  std::mutex mutex_;
  std::map<std::vector<std::string>, size_t>
      active_;  ///< by name nodes: the one that answered last
};

}  // namespace windrow::storage
