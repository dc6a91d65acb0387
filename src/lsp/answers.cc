#include <algorithm>

#include "lsp/completion.h"
#include "lsp/hover.h"
#include "lsp/server.h"
#include "project/text_file.h"

// What the server says of the project: diagnostics, and the answers to requests about a place.
namespace windrow::lsp {

namespace {

constexpr int kError = 1, kInformation = 3;
/// A request that comes before the first look at the project waits so long for it.
constexpr std::chrono::milliseconds kPatience{3'000};

Json json_of(const Range& range) {
  const auto position = [](Position at) {
    return Json{{"line", at.line}, {"character", at.character}};
  };
  return {{"start", position(range.start)}, {"end", position(range.end)}};
}

}  // namespace

Json Server::range(const std::string& text, Span span) const {
  return json_of(range_of(text, span, encoding_));
}

// --- diagnostics ---

Json Server::diagnostic(const Problem& problem, int severity, const std::string& text) const {
  std::string message = problem.message;
  if (!problem.hint.empty()) message += "\nhint: " + problem.hint;
  return {{"range", range(text, span_at(text, problem.place))},
          {"severity", severity},
          {"source", "windrow"},
          {"code", std::string(name_of(problem.code))},
          {"message", secrets_.redact(message)}};
}

void Server::publish(const Known* known, const project::Overlay& overlay,
                     const std::optional<Problem>& problem) {
  if (!known) {
    if (problem) wire_.log("the project cannot be looked at: " + problem->text());
    return;
  }
  std::map<std::string, std::vector<std::pair<const Problem*, int>>> by_file;
  const auto sort = [&](const std::vector<Problem>& all, int severity) {
    for (const auto& each : all)
      by_file[each.place.known() ? each.place.file : "windrow.yaml"].emplace_back(&each, severity);
  };
  sort(known->study->problems, kError);
  sort(known->study->notices, kInformation);
  for (const auto& path : told_) by_file.try_emplace(path);
  for (const auto& [path, problems] : by_file) {
    const auto open = overlay.find(path);
    std::string text;
    if (open != overlay.end() && open->second) {
      text = *open->second;
    } else {
      try {
        text = project::read_text_file(desk_->root() + "/" + path);
      } catch (const Error&) {
        // A folder, or a file that is gone: its beginning.
      }
    }
    Json list = Json::array();
    for (const auto& [each, severity] : problems) list.push_back(diagnostic(*each, severity, text));
    send({{"jsonrpc", "2.0"},
          {"method", "textDocument/publishDiagnostics"},
          {"params", {{"uri", uri_of(path)}, {"diagnostics", list}}}});
    if (problems.empty())
      told_.erase(path);
    else
      told_.insert(path);
  }
}

// --- requests about a place ---

std::optional<Server::Place> Server::place_of(const Json& params) const {
  const auto file = path_of_uri(params.at("textDocument").at("uri").get<std::string>());
  const auto path = file ? path_in_project(*file) : std::nullopt;
  if (!path || !checker_) return std::nullopt;
  auto known = checker_->known_within(kPatience);
  if (!known) return std::nullopt;
  std::map<std::string, std::string> texts;
  for (auto& [open, text] : overlay())
    if (text) texts.emplace(open, std::move(*text));
  Place out;
  out.view = std::make_unique<View>(*known, std::move(texts));
  out.known = std::move(known);
  const auto kind = project::kind_of_path(*path);
  auto text = out.view->text_of(*path);
  if (!kind || !text) return std::nullopt;
  out.spot = {*path, *kind, std::move(*text), 0, {}};
  out.spot.parts = parts_of(out.spot.text, *kind);
  if (const auto position = params.find("position"); position != params.end()) {
    out.spot.at = offset_at(
        out.spot.text,
        {position->at("line").get<size_t>(), position->at("character").get<size_t>()}, encoding_);
  }
  return out;
}

Json Server::complete(const Json& params, Cancel&) {
  const auto place = place_of(params);
  if (!place) return nullptr;
  Json items = Json::array(), replaced;
  for (const auto& each : completions(*place->view, place->spot)) {
    if (items.empty()) replaced = range(place->spot.text, each.replaced);  // the same for all
    std::string order = std::to_string(items.size());
    order.insert(0, 5 - std::min<size_t>(order.size(), 5), '0');
    Json item = {{"label", each.label},
                 {"kind", static_cast<int>(each.kind)},
                 {"sortText", order},
                 {"textEdit",
                  {{"range", replaced}, {"newText", each.text.empty() ? each.label : each.text}}}};
    if (!each.detail.empty()) item["detail"] = secrets_.redact(each.detail);
    if (!each.documentation.empty()) item["documentation"] = secrets_.redact(each.documentation);
    items.push_back(std::move(item));
  }
  return {{"isIncomplete", items.size() >= kCompletionsMax}, {"items", std::move(items)}};
}

Json Server::hover(const Json& params, Cancel&) {
  const auto place = place_of(params);
  if (!place) return nullptr;
  const auto target = target_at(*place->view, place->spot);
  const auto text = hover_text(*place->view, place->spot, target);
  if (!text) return nullptr;
  return {{"contents", {{"kind", "markdown"}, {"value", secrets_.redact(*text)}}},
          {"range", range(place->spot.text, target.span)}};
}

Json Server::define(const Json& params, Cancel&) {
  const auto place = place_of(params);
  if (!place) return nullptr;
  const auto found =
      declaration_of(*place->view, place->spot, target_at(*place->view, place->spot));
  if (!found) return nullptr;
  const auto text = place->view->text_of(found->path).value_or("");
  return {{"uri", uri_of(found->path)}, {"range", range(text, found->span)}};
}

// --- renaming ---

Json Server::prepare_rename(const Json& params, Cancel&) {
  const auto place = place_of(params);
  if (!place) return nullptr;
  const auto found = renamable(*place->view, target_at(*place->view, place->spot));
  return {{"range", range(place->spot.text, found.span)}, {"placeholder", found.name}};
}

Json Server::edits_json(const std::vector<TextEdit>& edits, const std::string& text) const {
  Json out = Json::array();
  for (const auto& edit : edits)
    out.push_back({{"range", range(text, edit.span)}, {"newText", edit.text}});
  return out;
}

Json Server::rename_all(const Json& params, Cancel& cancel) {
  const auto place = place_of(params);
  if (!place) return nullptr;
  const auto target = target_at(*place->view, place->spot);
  if (target.kind == Target::Kind::table && !renames_files_)
    refuse("a model's file is named for it, and this editor does not rename files");
  const auto found =
      rename(*place->view, *desk_, target, params.at("newName").get<std::string>(), cancel);
  if (!document_changes_) {
    Json changes = Json::object();
    for (const auto& [path, edits] : found.edits)
      changes[uri_of(path)] = edits_json(edits, place->view->text_of(path).value_or(""));
    return {{"changes", changes}};
  }
  Json changes = Json::array();
  for (const auto& [path, edits] : found.edits) {
    Json version = nullptr;
    {
      std::lock_guard lock(mutex_);
      const auto open = documents_.find(desk_->root() + "/" + path);
      if (open != documents_.end()) version = open->second.version;
    }
    changes.push_back({{"textDocument", {{"uri", uri_of(path)}, {"version", version}}},
                       {"edits", edits_json(edits, place->view->text_of(path).value_or(""))}});
  }
  if (!found.new_path.empty()) {
    changes.push_back({{"kind", "rename"},
                       {"oldUri", uri_of(found.old_path)},
                       {"newUri", uri_of_path(desk_->root() + "/" + found.new_path)}});
  }
  return {{"documentChanges", changes}};
}

// --- symbols ---

Json Server::symbols(const Json& params, Cancel&) {
  const auto place = place_of(params);
  Json out = Json::array();
  if (!place) return out;
  constexpr int kNamespace = 3, kField = 8, kProperty = 7;
  const auto& spot = place->spot;
  const auto symbol = [&](const std::string& name, int kind, Span span, Span name_span) {
    return Json{{"name", name.empty() ? "?" : name},
                {"kind", kind},
                {"range", range(spot.text, span)},
                {"selectionRange", range(spot.text, name_span)}};
  };
  const auto moved = [](Span span, size_t by) { return Span{span.begin + by, span.end + by}; };
  if (spot.parts.yaml) {
    const size_t base = spot.parts.yaml->begin;
    const auto words = yaml_words(spot.yaml(), std::string_view::npos).words;
    for (const auto& word : words) {
      if (!word.key || !word.path.empty()) continue;
      Span whole = word.span;
      Json inside = Json::array();
      for (const auto& below : words) {
        if (below.path.empty() || below.path.front() != YamlStep{word.text, -1}) continue;
        whole.end = std::max(whole.end, below.span.end);
        if (below.key && below.path.size() == 1)
          inside.push_back(
              symbol(below.text, kProperty, moved(below.span, base), moved(below.span, base)));
      }
      Json made = symbol(word.text, kProperty, moved(whole, base), moved(word.span, base));
      if (!inside.empty()) made["children"] = std::move(inside);
      out.push_back(std::move(made));
    }
  }
  if (spot.parts.sql) {
    const size_t base = spot.parts.sql->begin;
    const auto query = sql_query(sql_words(spot.sql()));
    for (const auto& with : query->withs)
      out.push_back(
          symbol(with.name, kNamespace, moved(with.name_span, base), moved(with.name_span, base)));
    if (!query->selects.empty()) {
      for (const auto& item : query->selects.front().items)
        if (item.name_span.size() > 0)
          out.push_back(
              symbol(item.name, kField, moved(item.span, base), moved(item.name_span, base)));
    }
  }
  return out;
}

}  // namespace windrow::lsp
