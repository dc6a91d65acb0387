#include <algorithm>

#include "lsp/sql_scope.h"

namespace windrow::lsp {

namespace {

using Words = std::vector<SqlWord>;
constexpr int kDepthMax = 64;

class Parser {
 public:
  explicit Parser(const Words& words) : words_(words) { pair_up(); }

  /// Of the words from `begin` to before `end`.
  std::shared_ptr<SqlQuery> query(size_t begin, size_t end, int depth) {
    auto out = std::make_shared<SqlQuery>();
    out->span = span_of(begin, end);
    size_t at = begin;
    if (at < end && words_[at].is("WITH")) at = withs(at + 1, end, depth, *out);
    for (size_t from = at; from < end || from == at;) {
      const size_t to = next_at_depth(from, end, [&](size_t i) {
        return words_[i].is("UNION") || words_[i].is("INTERSECT") || words_[i].is("EXCEPT");
      });
      out->selects.push_back(select(from, to, depth));
      if (to >= end) break;
      from = to + 1;
      while (from < end && (words_[from].is("ALL") || words_[from].is("BY") ||
                            words_[from].is("NAME") || words_[from].is("DISTINCT")))
        ++from;
      if (from >= end) break;
    }
    if (out->selects.size() > 1)
      for (auto& each : out->selects) each.distinct_or_set = true;
    return out;
  }

 private:
  /// For each opening parenthesis the one that closes it. One that is not closed yet holds nothing,
  /// unless a query begins in it.
  void pair_up() {
    close_.assign(words_.size(), 0);
    std::vector<size_t> open;
    for (size_t i = 0; i < words_.size(); ++i) {
      const auto& word = words_[i];
      if (word.is('(') || word.is('[') || word.is('{')) {
        open.push_back(i);
        close_[i] = words_.size();
      } else if ((word.is(')') || word.is(']') || word.is('}')) && !open.empty()) {
        close_[open.back()] = i;
        open.pop_back();
      }
    }
    for (const size_t i : open)
      if (!begins_query(i + 1, words_.size())) close_[i] = i;
  }
  Span span_of(size_t begin, size_t end) const {
    if (begin >= words_.size()) {
      const size_t last = words_.empty() ? 0 : words_.back().span.end;
      return {last, last};
    }
    // Up to the next word: what is being written there belongs to it.
    const size_t last = end < words_.size() ? words_[end].span.begin : std::string::npos;
    return {words_[begin].span.begin, last};
  }
  template <class Is>
  size_t next_at_depth(size_t from, size_t end, Is is) const {
    for (size_t i = from; i < end; i = after(i)) {
      if (is(i)) return i;
    }
    return end;
  }
  size_t after(size_t i) const {
    return close_[i] > i ? std::min(close_[i] + 1, words_.size()) : i + 1;
  }
  bool begins_query(size_t i, size_t end) const {
    return i < end && (words_[i].is("SELECT") || words_[i].is("WITH") || words_[i].is("FROM") ||
                       words_[i].is("VALUES"));
  }

  size_t withs(size_t at, size_t end, int depth, SqlQuery& out) {
    if (at < end && words_[at].is("RECURSIVE")) ++at;
    while (at < end && words_[at].is_name() && !is_clause_word(words_[at])) {
      SqlWith with;
      with.name = words_[at].text;
      with.name_span = words_[at].span;
      ++at;
      if (at < end && words_[at].is('(')) {
        for (size_t i = at + 1; i < std::min(close_[at], end); ++i)
          if (words_[i].is_name()) with.columns.push_back(words_[i].text);
        at = after(at);
      }
      while (at < end &&
             (words_[at].is("AS") || words_[at].is("NOT") || words_[at].is("MATERIALIZED")))
        ++at;
      if (at >= end || !words_[at].is('(') || depth > kDepthMax) break;
      with.query = query(at + 1, std::min(close_[at], end), depth + 1);
      out.withs.push_back(std::move(with));
      at = after(at);
      if (at < end && words_[at].is(',')) ++at;
    }
    return at;
  }

  bool begins_clause(size_t i) const {
    for (const char* word : {"WHERE", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER", "LIMIT",
                             "OFFSET", "SELECT", "FROM", "USING"}) {
      if (!words_[i].is(word)) continue;
      // USING (a) belongs to a join, USING SAMPLE does not.
      return !words_[i].is("USING") || (i + 1 < words_.size() && words_[i + 1].is("SAMPLE"));
    }
    return false;
  }

  SqlSelect select(size_t begin, size_t end, int depth) {
    SqlSelect out;
    out.span = span_of(begin, end);
    if (begin < end && words_[begin].is('(') && depth < kDepthMax) {  // UNION of parentheses
      auto inner = query(begin + 1, std::min(close_[begin], end), depth + 1);
      if (!inner->selects.empty()) {
        out.items = inner->selects.front().items;
        out.relations = inner->selects.front().relations;
      }
      out.inside.push_back(std::move(inner));
      return out;
    }
    for (size_t i = begin; i < end;) {
      const bool list = words_[i].is("SELECT"), from = words_[i].is("FROM");
      const size_t to = next_at_depth(i + 1, end, [&](size_t k) { return begins_clause(k); });
      if (list) items(i + 1, to, out);
      if (from) {
        out.from = span_of(i, to);
        relations(i + 1, to, depth, out);
      } else {
        inside(i, to, depth, out);
      }
      i = std::max(to, i + 1);
    }
    return out;
  }

  void items(size_t begin, size_t end, SqlSelect& out) {
    if (begin < end && words_[begin].is("DISTINCT")) {
      out.distinct_or_set = true;
      ++begin;
      if (begin < end && words_[begin].is("ON")) begin = std::min(after(begin + 1), end);
    }
    while (begin < end) {
      const size_t to = next_at_depth(begin, end, [&](size_t i) { return words_[i].is(','); });
      if (to > begin) out.items.push_back(item(begin, to));
      begin = to + 1;
    }
  }

  SqlItem item(size_t begin, size_t end) {
    SqlItem out;
    out.span = {words_[begin].span.begin, words_[end - 1].span.end};
    out.words.assign(words_.begin() + std::ptrdiff_t(begin), words_.begin() + std::ptrdiff_t(end));
    const auto& last = words_[end - 1];
    size_t at = begin;
    if (end - begin > 2 && words_[begin].is_name() && words_[begin + 1].is('.') &&
        words_[begin + 2].is('*')) {
      out.of = words_[begin].text;
      at += 2;
    }
    if (words_[at].is('*')) {
      out.star = true;
      for (size_t i = at + 1; i + 1 < end; ++i) {
        if (!words_[i].is("EXCLUDE")) continue;
        const size_t to = words_[i + 1].is('(') ? std::min(close_[i + 1], end) : i + 2;
        for (size_t k = i + 1; k < to; ++k)
          if (words_[k].is_name()) out.without.push_back(words_[k].text);
      }
      return out;
    }
    if (!last.is_name() || (is_clause_word(last) && last.kind != SqlWord::Kind::quoted)) return out;
    const bool bare = end - begin == 1 ||
                      (end - begin >= 3 && words_[end - 2].is('.') && path_of_names(begin, end));
    // `expression name` and `expression AS name`; `a + b` has no name of its own.
    const bool named =
        end - begin >= 2 && (words_[end - 2].is("AS") || ends_value(words_[end - 2]));
    if (!bare && !named) return out;
    out.name = last.text;
    out.name_span = last.span;
    out.bare = bare;
    return out;
  }
  bool path_of_names(size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i) {
      if ((i - begin) % 2 == 0 ? !words_[i].is_name() : !words_[i].is('.')) return false;
    }
    return true;
  }
  static bool ends_value(const SqlWord& word) {
    return (word.kind != SqlWord::Kind::symbol && !is_clause_word(word)) || word.is(')') ||
           word.is(']') || word.is('}') || word.is("END") || word.is("NULL");
  }

  void relations(size_t begin, size_t end, int depth, SqlSelect& out) {
    bool expected = true;
    for (size_t i = begin; i < end;) {
      if (expected) {
        if (words_[i].is("LATERAL")) {
          ++i;
          continue;
        }
        expected = false;
        i = relation(i, end, depth, out);
        continue;
      }
      expected = words_[i].is(',') || words_[i].is("JOIN");
      if (words_[i].is('(')) inside(i, std::min(after(i), end), depth, out);
      i = after(i);
    }
  }

  size_t relation(size_t i, size_t end, int depth, SqlSelect& out) {
    SqlRelation made;
    if (words_[i].is('(')) {
      const size_t close = std::min(close_[i], end);
      if (depth >= kDepthMax) return after(i);
      if (!begins_query(i + 1, close) && i + 1 < close && !words_[i + 1].is('(')) {
        relations(i + 1, close, depth + 1, out);  // a join in parentheses
        return after(i);
      }
      auto inner = query(i + 1, close, depth + 1);
      made.query = inner;
      out.inside.push_back(inner);
      i = after(i);
    } else if (words_[i].is_name() && !is_clause_word(words_[i])) {
      made.table = words_[i].text;
      made.table_span = words_[i].span;
      ++i;
      while (i + 1 < end && words_[i].is('.') && words_[i + 1].is_name()) {
        made.table += "." + words_[i + 1].text;
        made.table_span.end = words_[i + 1].span.end;
        i += 2;
      }
      made.alias = words_[i - 1].text;
      if (i < end && words_[i].is('(')) {  // a function
        made.table.clear();
        i = after(i);
      }
    } else {
      return i;
    }
    if (i < end && words_[i].is("AS")) ++i;
    if (i < end && words_[i].is_name() && !is_clause_word(words_[i])) {
      made.alias = words_[i].text;
      made.alias_span = words_[i].span;
      ++i;
      if (i < end && words_[i].is('(')) i = after(i);
    }
    out.relations.push_back(std::move(made));
    return i;
  }

  /// Sub-queries in expressions.
  void inside(size_t begin, size_t end, int depth, SqlSelect& out) {
    if (depth >= kDepthMax) return;
    for (size_t i = begin; i < end; ++i) {
      if (!words_[i].is('(') || !begins_query(i + 1, end)) continue;
      out.inside.push_back(query(i + 1, std::min(close_[i], end), depth + 1));
      i = std::min(close_[i], end);
    }
  }

  const Words& words_;
  std::vector<size_t> close_;
};

}  // namespace

std::shared_ptr<const SqlQuery> sql_query(const std::vector<SqlWord>& words) {
  return Parser(words).query(0, words.size(), 0);
}

}  // namespace windrow::lsp
