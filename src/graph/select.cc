#include <algorithm>

#include "base/nearest.h"
#include "graph/graph.h"

namespace windrow::graph {

namespace {

/// `*` stands for any text, `?` for one character.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

struct Term {
  std::string method;  ///< tag, layer, path, state, result, source; empty: a name
  std::string value;
  std::optional<size_t> up, down;  ///< how many steps; SIZE_MAX: all
};

/// `+a`, `2+a`, `a+`, `a+1`, `tag:x+`.
Term parse(std::string text) {
  Term term;
  const auto steps = [](const std::string& digits) {
    return digits.empty() ? SIZE_MAX : size_t(std::stoul(digits));
  };
  const auto is_number = [](std::string_view part) {
    return part.size() < 6 &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (const auto plus = text.find('+');
      plus != std::string::npos && is_number(text.substr(0, plus))) {
    term.up = steps(text.substr(0, plus));
    text.erase(0, plus + 1);
  }
  if (const auto plus = text.rfind('+');
      plus != std::string::npos && is_number(text.substr(plus + 1))) {
    term.down = steps(text.substr(plus + 1));
    text.erase(plus);
  }
  if (const auto colon = text.find(':'); colon != std::string::npos) {
    term.method = text.substr(0, colon);
    text.erase(0, colon + 1);
  }
  term.value = text;
  return term;
}

class Selector {
 public:
  Selector(const Graph& graph, const StateLookup& lookup) : graph_(graph), lookup_(lookup) {}

  std::set<size_t> term(const std::string& text) const {
    const Term term = parse(text);
    std::set<size_t> found;
    for (size_t i = 0; i < graph_.assets.size(); ++i) {
      if (holds(term, graph_.assets[i])) found.insert(i);
    }
    // A state or a result may hold for nothing; a name, tag, layer or path that is nowhere is a
    // mistake.
    if (found.empty() && term.method != "state" && term.method != "result") nothing(term, text);
    const auto roots = found;
    if (term.up) spread(roots, *term.up, &Asset::upstream, found);
    if (term.down) spread(roots, *term.down, &Asset::downstream, found);
    return found;
  }

 private:
  bool holds(const Term& term, const Asset& asset) const {
    if (term.method.empty()) return matches(term.value, asset.name);
    if (term.method == "tag")
      return std::any_of(asset.tags.begin(), asset.tags.end(),
                         [&](auto& t) { return matches(term.value, t); });
    if (term.method == "layer") return matches(term.value, asset.layer);
    if (term.method == "source")
      return asset.kind == Kind::source && matches(term.value, asset.name);
    if (term.method == "path") {
      return matches(term.value, asset.file) ||
             asset.file.starts_with(term.value.ends_with('/') ? term.value : term.value + "/");
    }
    if (term.method == "state") return lookup_.state && lookup_.state(asset.name, term.value);
    if (term.method == "result") return lookup_.result && lookup_.result(asset.name, term.value);
    throw Error(Code::usage, "selector \"" + term.method + ":\" is not known",
                did_you_mean(term.method, {"tag", "layer", "path", "state", "result", "source"}));
  }

  void spread(const std::set<size_t>& roots, size_t steps, std::vector<size_t> Asset::*edges,
              std::set<size_t>& found) const {
    std::set<size_t> edge = roots;
    while (steps-- > 0 && !edge.empty()) {
      std::set<size_t> next;
      for (const size_t i : edge) {
        for (const size_t other : graph_.assets[i].*edges) {
          if (found.insert(other).second) next.insert(other);
        }
      }
      edge = std::move(next);
    }
  }

  [[noreturn]] void nothing(const Term& term, const std::string& text) const {
    std::vector<std::string> known;
    for (const auto& asset : graph_.assets) {
      if (term.method.empty() || term.method == "source") known.push_back(asset.name);
      if (term.method == "tag") known.insert(known.end(), asset.tags.begin(), asset.tags.end());
      if (term.method == "layer" && !asset.layer.empty()) known.push_back(asset.layer);
      if (term.method == "path") known.push_back(asset.file);
    }
    auto hint = did_you_mean(term.value, known);
    throw Error(Code::usage, "selector \"" + text + "\" matches nothing",
                hint.empty() ? "`windrow ls` shows what there is" : hint);
  }

  const Graph& graph_;
  const StateLookup& lookup_;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  std::string part;
  for (const char c : text) {
    if (c == separator) {
      if (!part.empty()) out.push_back(std::move(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!part.empty()) out.push_back(std::move(part));
  return out;
}

}  // namespace

std::set<size_t> select(const Graph& graph, std::string_view selector, const StateLookup& lookup) {
  std::set<size_t> chosen;
  const auto alternatives = split(selector, ' ');
  if (alternatives.empty()) {
    for (size_t i = 0; i < graph.assets.size(); ++i) chosen.insert(i);
    return chosen;
  }
  const Selector terms(graph, lookup);
  for (const auto& alternative : alternatives) {
    std::optional<std::set<size_t>> all;
    for (const auto& text : split(alternative, ',')) {
      auto found = terms.term(text);
      if (all) std::erase_if(found, [&](size_t i) { return !all->count(i); });
      all = std::move(found);
    }
    if (all) chosen.insert(all->begin(), all->end());
  }
  return chosen;
}

}  // namespace windrow::graph
