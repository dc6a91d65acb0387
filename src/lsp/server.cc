#include "lsp/server.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/version.h"
#include "lsp/text.h"

namespace windrow::lsp {

namespace {

// Codes of JSON-RPC and of the protocol.
constexpr int kParseError = -32700, kInvalidRequest = -32600, kMethodNotFound = -32601,
              kInvalidParams = -32602, kInternalError = -32603, kNotInitialized = -32002,
              kRequestFailed = -32803, kRequestCancelled = -32800;

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* at(const Json& json, std::initializer_list<const char*> keys) {
  const Json* now = &json;
  for (const char* key : keys) {
    if (!now->is_object()) return nullptr;
    const auto found = now->find(key);
    if (found == now->end()) return nullptr;
    now = &*found;
  }
  return now;
}
bool says_true(const Json& json, std::initializer_list<const char*> keys) {
  const Json* found = at(json, keys);
  return found && found->is_boolean() && found->get<bool>();
}
bool lists(const Json& json, std::initializer_list<const char*> keys, const char* word) {
  const Json* found = at(json, keys);
  return found && found->is_array() &&
         std::find(found->begin(), found->end(), word) != found->end();
}

Position position_of(const Json& json) {
  return {json.at("line").get<size_t>(), json.at("character").get<size_t>()};
}

}  // namespace

Server::Server(app::Options options, Secrets& secrets, const Clock& clock, Wire wire)
    : options_(std::move(options)), secrets_(secrets), clock_(clock), wire_(std::move(wire)) {}

Server::~Server() = default;

bool Server::serve(Cancel& cancel) {
  inbox_ = std::make_unique<Inbox>(wire_.in);
  const auto stop = cancel.on_request([&] { inbox_->close(); });
  while (state_ != State::exited) {
    const bool shut = state_ == State::shut;
    const auto letter = inbox_->next();
    if (!letter) return shut;
    handle(*letter);
    if (state_ == State::exited) return shut;
  }
  return false;
}

void Server::send(const Json& message) {
  const std::string bytes = framed(dumped(message));
  std::lock_guard lock(write_mutex_);
  for (size_t written = 0; written < bytes.size();) {
    const ssize_t put = ::write(wire_.out, bytes.data() + written, bytes.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return inbox_->close();  // nobody reads any more
    written += static_cast<size_t>(put);
  }
}

void Server::fail(const Json& id, int code, const std::string& message) {
  send({{"jsonrpc", "2.0"},
        {"id", id},
        {"error", {{"code", code}, {"message", secrets_.redact(message)}}}});
}

void Server::handle(const Letter& letter) {
  if (!letter.broken.empty()) {
    wire_.log("no message: " + letter.broken);
    return fail(nullptr, kParseError, letter.broken);
  }
  const Json& message = letter.message;
  const Json* method = at(message, {"method"});
  const Json* id = at(message, {"id"});
  if (!method) {
    if (!id) fail(nullptr, kInvalidRequest, "a message without a method");
    return;  // an answer to what the server asked
  }
  if (!method->is_string()) return fail(nullptr, kInvalidRequest, "the method is no text");
  static const Json kNothing = Json::object();
  const Json* params = at(message, {"params"});
  if (!id) return note(method->get<std::string>(), params ? *params : kNothing);
  if (!letter.cancel) return fail(nullptr, kInvalidRequest, "the id is no number and no text");
  answer(*id, method->get<std::string>(), params ? *params : kNothing, *letter.cancel);
  inbox_->answered(*id);
}

void Server::answer(const Json& id, const std::string& method, const Json& params, Cancel& cancel) {
  static const std::map<std::string, Answer> kAnswers = {
      {"initialize", &Server::initialize},
      {"shutdown", &Server::shut_down},
      {"textDocument/completion", &Server::complete},
      {"textDocument/hover", &Server::hover},
      {"textDocument/definition", &Server::define},
      {"textDocument/prepareRename", &Server::prepare_rename},
      {"textDocument/rename", &Server::rename_all},
      {"textDocument/documentSymbol", &Server::symbols}};
  if (state_ == State::fresh && method != "initialize")
    return fail(id, kNotInitialized, "initialize comes first");
  if (state_ != State::fresh && method == "initialize")
    return fail(id, kInvalidRequest, "initialize comes once");
  if (state_ == State::shut) return fail(id, kInvalidRequest, "the server is shut down");
  const auto found = kAnswers.find(method);
  if (found == kAnswers.end()) return fail(id, kMethodNotFound, "there is no method " + method);
  try {
    cancel.check();
    const Json result = (this->*found->second)(params, cancel);
    cancel.check();
    send({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}});
  } catch (const Error& error) {
    if (error.code() == Code::canceled) return fail(id, kRequestCancelled, "canceled");
    const auto& problem = error.problem();
    fail(id, kRequestFailed, problem.text());
  } catch (const Json::exception&) {
    fail(id, kInvalidParams, "the parameters of " + method + " are not what it takes");
  } catch (const std::exception& error) {
    wire_.log("bug in " + method + ": " + error.what());
    fail(id, kInternalError, error.what());
  }
}

void Server::note(const std::string& method, const Json& params) {
  static const std::map<std::string, Note> kNotes = {
      {"initialized", &Server::initialized},
      {"textDocument/didOpen", &Server::opened},
      {"textDocument/didChange", &Server::changed},
      {"textDocument/didClose", &Server::closed},
      {"textDocument/didSave", &Server::look_again},
      {"workspace/didChangeWatchedFiles", &Server::look_again}};
  if (method == "exit") {
    state_ = State::exited;
    return;
  }
  const auto found = kNotes.find(method);
  if (state_ != State::ready || found == kNotes.end()) return;
  try {
    (this->*found->second)(params);
  } catch (const std::exception& error) {
    wire_.log(method + " is passed over: " + error.what());
  }
}

// --- life ---

Json Server::initialize(const Json& params, Cancel&) {
  std::vector<std::string> folders;
  // Who says -C means it.
  if (options_.folder != ".") folders.push_back(options_.folder);
  const auto add = [&](const Json* uri) {
    if (!uri || !uri->is_string()) return;
    if (auto path = path_of_uri(uri->get<std::string>())) folders.push_back(std::move(*path));
  };
  if (const Json* all = at(params, {"workspaceFolders"}); all && all->is_array())
    for (const auto& each : *all) add(at(each, {"uri"}));
  add(at(params, {"rootUri"}));
  folders.push_back(options_.folder);
  for (const auto& folder : folders)
    if (open_project(folder)) break;
  if (!desk_) wire_.log("no windrow.yaml yet: waiting for a file of a project");

  if (lists(params, {"capabilities", "general", "positionEncodings"}, "utf-8"))
    encoding_ = Encoding::utf8;
  else if (lists(params, {"capabilities", "general", "positionEncodings"}, "utf-32") &&
           !lists(params, {"capabilities", "general", "positionEncodings"}, "utf-16"))
    encoding_ = Encoding::utf32;
  document_changes_ =
      says_true(params, {"capabilities", "workspace", "workspaceEdit", "documentChanges"});
  renames_files_ =
      document_changes_ &&
      lists(params, {"capabilities", "workspace", "workspaceEdit", "resourceOperations"}, "rename");
  watches_files_ = says_true(
      params, {"capabilities", "workspace", "didChangeWatchedFiles", "dynamicRegistration"});
  state_ = State::ready;
  return {{"serverInfo", {{"name", "windrow"}, {"version", std::string(kVersion)}}},
          {"capabilities",
           {{"positionEncoding", std::string(name_of(encoding_))},
            {"textDocumentSync",
             {{"openClose", true}, {"change", 2}, {"save", {{"includeText", false}}}}},
            {"completionProvider", {{"triggerCharacters", {".", "$", " ", ":", "\""}}}},
            {"hoverProvider", true},
            {"definitionProvider", true},
            {"renameProvider", {{"prepareProvider", true}}},
            {"documentSymbolProvider", true}}}};
}

void Server::initialized(const Json&) {
  if (!watches_files_) return;
  Json watchers = Json::array();
  for (const char* glob : {"**/*.{yaml,yml,sql,csv}", "**/.env"})
    watchers.push_back({{"globPattern", glob}});
  send({{"jsonrpc", "2.0"},
        {"id", "watch"},
        {"method", "client/registerCapability"},
        {"params",
         {{"registrations",
           {{{"id", "files"},
             {"method", "workspace/didChangeWatchedFiles"},
             {"registerOptions", {{"watchers", watchers}}}}}}}}});
}

Json Server::shut_down(const Json&, Cancel&) {
  checker_.reset();
  state_ = State::shut;
  return nullptr;
}

bool Server::open_project(const std::string& folder) {
  if (desk_) return true;
  try {
    auto options = options_;
    options.folder = folder;
    desk_ = std::make_unique<app::Desk>(options, secrets_, clock_);
  } catch (const Error&) {
    return false;  // no windrow.yaml there or above
  }
  wire_.log("project in " + desk_->root());
  checker_ = std::make_unique<Checker>(
      *desk_,
      [this](const std::shared_ptr<const Known>& known, const project::Overlay& overlay,
             const std::optional<Problem>& problem) { publish(known.get(), overlay, problem); });
  checker_->changed(overlay());
  return true;
}

// --- documents ---

void Server::opened(const Json& params) {
  const Json& document = params.at("textDocument");
  const std::string uri = document.at("uri").get<std::string>();
  const auto file = path_of_uri(uri);
  if (!file) return;
  {
    std::lock_guard lock(mutex_);
    documents_[*file] = {uri, document.at("text").get<std::string>(),
                         document.value("version", int64_t(0))};
  }
  if (!desk_) open_project(std::filesystem::path(*file).parent_path().string());
  look_again(params);
}

void Server::changed(const Json& params) {
  const auto file = path_of_uri(params.at("textDocument").at("uri").get<std::string>());
  if (!file) return;
  {
    std::lock_guard lock(mutex_);
    const auto found = documents_.find(*file);
    if (found == documents_.end()) return;
    Document after = found->second;
    for (const auto& change : params.at("contentChanges")) {
      auto text = change.at("text").get<std::string>();
      if (!change.contains("range")) {
        after.text = std::move(text);
        continue;
      }
      const size_t begin =
          offset_at(after.text, position_of(change.at("range").at("start")), encoding_);
      const size_t end =
          offset_at(after.text, position_of(change.at("range").at("end")), encoding_);
      if (begin <= end) after.text.replace(begin, end - begin, text);
    }
    after.version = params.at("textDocument").value("version", int64_t(0));
    found->second = std::move(after);
  }
  look_again(params);
}

void Server::closed(const Json& params) {
  const auto file = path_of_uri(params.at("textDocument").at("uri").get<std::string>());
  if (!file) return;
  {
    std::lock_guard lock(mutex_);
    documents_.erase(*file);
  }
  look_again(params);
}

void Server::look_again(const Json&) {
  if (checker_) checker_->changed(overlay());
}

std::optional<std::string> Server::path_in_project(const std::string& file) const {
  if (!desk_) return std::nullopt;
  const std::string& root = desk_->root();
  if (file.size() <= root.size() + 1 || !file.starts_with(root) || file[root.size()] != '/')
    return std::nullopt;
  return file.substr(root.size() + 1);
}

project::Overlay Server::overlay() const {
  std::lock_guard lock(mutex_);
  project::Overlay out;
  for (const auto& [file, document] : documents_)
    if (auto path = path_in_project(file)) out[*path] = document.text;
  return out;
}

std::string Server::uri_of(const std::string& path) const {
  const std::string file = desk_->root() + "/" + path;
  std::lock_guard lock(mutex_);
  const auto open = documents_.find(file);
  return open != documents_.end() ? open->second.uri : uri_of_path(file);
}

}  // namespace windrow::lsp
