#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "app/study.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "lsp/checker.h"
#include "lsp/inbox.h"
#include "lsp/rename.h"

namespace windrow::lsp {

/// Where the server listens and speaks.
struct Wire {
  int in = 0, out = 1;
  std::function<void(const std::string&)>
      log;  ///< a line for people; masked by whoever is given it
};

/// One editor's session, over one project: the first of its folders that has one, else the one that
/// the first opened file lies in. The Language Server Protocol 3.17.
class Server {
 public:
  Server(app::Options options, Secrets& secrets, const Clock& clock, Wire wire);
  ~Server();

  /// Until `exit`, the end of the input, or a request to stop. True where the editor had asked to
  /// shut down before.
  bool serve(Cancel& cancel);

 private:
  struct Document {
    std::string uri, text;
    int64_t version = 0;
  };
  using Answer = Json (Server::*)(const Json& params, Cancel& cancel);
  using Note = void (Server::*)(const Json& params);

  void handle(const Letter& letter);
  void answer(const Json& id, const std::string& method, const Json& params, Cancel& cancel);
  void note(const std::string& method, const Json& params);
  void send(const Json& message);
  void fail(const Json& id, int code, const std::string& message);

  Json initialize(const Json& params, Cancel& cancel);
  Json shut_down(const Json& params, Cancel& cancel);
  Json complete(const Json& params, Cancel& cancel);
  Json hover(const Json& params, Cancel& cancel);
  Json define(const Json& params, Cancel& cancel);
  Json prepare_rename(const Json& params, Cancel& cancel);
  Json rename_all(const Json& params, Cancel& cancel);
  Json symbols(const Json& params, Cancel& cancel);
  void initialized(const Json& params);
  void opened(const Json& params);
  void changed(const Json& params);
  void closed(const Json& params);
  void look_again(const Json& params);

  bool open_project(const std::string& folder);
  std::optional<std::string> path_in_project(const std::string& file) const;
  project::Overlay overlay() const;
  std::string uri_of(const std::string& path) const;
  void publish(const Known* known, const project::Overlay& overlay,
               const std::optional<Problem>& problem);
  Json diagnostic(const Problem& problem, int severity, const std::string& text) const;
  Json edits_json(const std::vector<TextEdit>& edits, const std::string& text) const;

  /// What a request about a place needs; nothing where the project is not known yet, or the file is
  /// none of its.
  struct Place {
    std::shared_ptr<const Known> known;
    std::unique_ptr<View> view;
    Spot spot;
  };
  std::optional<Place> place_of(const Json& params) const;
  Json range(const std::string& text, Span span) const;

  app::Options options_;
  Secrets& secrets_;
  const Clock& clock_;
  const Wire wire_;
  std::unique_ptr<Inbox> inbox_;
  enum class State { fresh, ready, shut, exited } state_ = State::fresh;
  Encoding encoding_ = Encoding::utf16;
  bool document_changes_ = false, renames_files_ = false, watches_files_ = false;
  mutable std::mutex mutex_;                   ///< of the documents and of what is written
  std::map<std::string, Document> documents_;  ///< by file
  std::mutex write_mutex_;
  std::set<std::string> told_;  ///< files with diagnostics; the checker's thread's alone
  std::unique_ptr<app::Desk> desk_;
  std::unique_ptr<Checker> checker_;  ///< last: it stops before what it uses
};

}  // namespace windrow::lsp
