#include "lsp/sql_scope.h"

#include <algorithm>

#include "base/text.h"

namespace windrow::lsp {

namespace {

constexpr int kQueriesDeep = 32;

bool among(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& each) { return same_letters(each, name); });
}

}  // namespace

SqlScope::SqlScope(std::shared_ptr<const SqlQuery> query, size_t at, ColumnsOf columns_of)
    : query_(std::move(query)), at_(at), columns_of_(std::move(columns_of)) {
  if (query_) enter(*query_, at);
}

bool SqlScope::enter(const SqlQuery& query, size_t at) {
  if (frames_.size() > size_t(kQueriesDeep) * 4 || !query.span.holds(at)) return false;
  for (size_t i = 0; i < query.withs.size(); ++i) {
    const auto& with = query.withs[i];
    if (!with.query || !with.query->span.holds(at)) continue;
    frames_.push_back({&query, i});
    if (enter(*with.query, at)) return true;
    frames_.pop_back();
  }
  frames_.push_back({&query, query.withs.size()});
  for (const auto& select : query.selects) {
    if (!select.span.holds(at)) continue;
    // The last that holds it: spans meet where nothing is written yet.
    const bool another = std::any_of(
        query.selects.begin(), query.selects.end(),
        [&](const auto& o) { return o.span.holds(at) && o.span.begin > select.span.begin; });
    if (another) continue;
    bool deeper = false;
    for (const auto& inner : select.inside) {
      if (!deeper) deeper = enter(*inner, at);
    }
    if (!deeper) select_ = &select;
    for (const auto& relation : select.relations) relations_.push_back(&relation);
    if (!deeper) own_ = relations_.size();
    return true;
  }
  return true;
}

std::vector<const SqlWith*> SqlScope::withs() const {
  std::vector<const SqlWith*> out;
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame)
    for (size_t i = 0; i < frame->withs; ++i) out.push_back(&frame->query->withs[i]);
  return out;
}

bool SqlScope::in_from() const {
  return select_ && select_->from.size() > 0 && at_ > select_->from.begin &&
         select_->from.holds(at_);
}

const SqlWith* SqlScope::find_with(std::string_view name, const Frames& frames, Frames& seen) {
  for (size_t depth = frames.size(); depth > 0; --depth) {
    const Frame& frame = frames[depth - 1];
    for (size_t i = frame.withs; i > 0; --i) {
      const auto& with = frame.query->withs[i - 1];
      if (!same_letters(with.name, name)) continue;
      seen.assign(frames.begin(), frames.begin() + std::ptrdiff_t(depth));
      seen.back().withs = i - 1;
      return &with;
    }
  }
  return nullptr;
}

const SqlWith* SqlScope::with(std::string_view name) const {
  Frames seen;
  return find_with(name, frames_, seen);
}

const SqlRelation* SqlScope::relation(std::string_view alias) const {
  for (const auto* each : relations_)
    if (same_letters(each->alias, alias)) return each;
  return nullptr;
}

std::vector<ScopeColumn> SqlScope::columns(const SqlRelation& relation) const {
  return columns_in(relation, frames_, 0);
}

std::vector<ScopeColumn> SqlScope::columns_in(const SqlRelation& relation, const Frames& frames,
                                              int depth) const {
  if (depth > kQueriesDeep) return {};
  if (relation.query) return yields(*relation.query, frames, depth + 1);
  if (relation.table.empty()) return {};
  Frames seen;
  if (const auto* with = find_with(relation.table, frames, seen)) {
    if (!with->query) return {};
    auto out = yields(*with->query, seen, depth + 1);
    for (size_t i = 0; i < with->columns.size() && i < out.size(); ++i) {
      out[i].name = with->columns[i];
      out[i].by_star = false;
    }
    return out;
  }
  const auto [found, fresh] = tables_.try_emplace(relation.table);
  if (fresh) {
    for (const auto& column : columns_of_(relation.table).value_or(std::vector<Column>{}))
      found->second.push_back(
          {column.name, column.type, relation.table, column.name, nullptr, true});
  }
  return found->second;
}

void SqlScope::star(const SqlItem& item, const SqlSelect& select, const Frames& frames, int depth,
                    std::vector<ScopeColumn>& out) const {
  for (const auto& relation : select.relations) {
    if (!item.of.empty() && !same_letters(item.of, relation.alias)) continue;
    for (auto& column : columns_in(relation, frames, depth + 1))
      if (!among(item.without, column.name)) out.push_back(std::move(column));
  }
}

ScopeColumn SqlScope::computed(const SqlItem& item, const SqlSelect& select, const Frames& frames,
                               int depth) const {
  ScopeColumn out{item.name, "", "", "", &item, false};
  if (item.words.empty() || !item.words.front().is_name()) return out;
  // `a`, `t.a`, and both with AS: the column itself.
  const size_t words = item.words.size();
  const bool alone = item.bare || (words == 3 && item.words[1].is("AS")) ||
                     (words == 5 && item.words[1].is('.') && item.words[3].is("AS"));
  if (!alone) return out;
  const bool qualified = words > 1 && item.words[1].is('.');
  const std::string& column = item.words[qualified ? 2 : 0].text;
  for (const auto& relation : select.relations) {
    if (qualified && !same_letters(relation.alias, item.words[0].text)) continue;
    for (const auto& each : columns_in(relation, frames, depth + 1)) {
      if (!same_letters(each.name, column)) continue;
      out.type = each.type;
      out.table = each.table;
      out.column = each.column;
      return out;
    }
  }
  return out;
}

std::vector<ScopeColumn> SqlScope::yields(const SqlQuery& query, Frames frames, int depth) const {
  if (const auto known = known_.find(&query); known != known_.end()) return known->second;
  std::vector<ScopeColumn> out;
  if (depth > kQueriesDeep || query.selects.empty()) return out;
  frames.push_back({&query, query.withs.size()});
  const auto& select = query.selects.front();
  for (const auto& item : select.items) {
    if (item.star)
      star(item, select, frames, depth, out);
    else
      out.push_back(computed(item, select, frames, depth));
  }
  if (select.items.empty() && select.from.size() > 0)  // FROM without SELECT
    star({}, select, frames, depth, out);
  known_[&query] = out;
  return out;
}

std::vector<ScopeColumn> SqlScope::find(std::string_view column) const {
  std::vector<ScopeColumn> out;
  for (size_t i = 0; i < relations_.size(); ++i) {
    if (i == own_ && !out.empty()) break;
    for (auto& each : columns(*relations_[i]))
      if (same_letters(each.name, column)) out.push_back(std::move(each));
  }
  return out;
}

std::vector<ScopeColumn> SqlScope::outputs() const {
  return query_ ? yields(*query_, {}, 0) : std::vector<ScopeColumn>{};
}

}  // namespace windrow::lsp
