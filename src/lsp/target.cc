#include "lsp/target.h"

#include <algorithm>
#include <set>

#include "app/kinds.h"
#include "base/text.h"

namespace windrow::lsp {

using project::Shape;
using Kind = Target::Kind;

namespace {

Span moved(Span span, size_t by) { return {span.begin + by, span.end + by}; }

std::string text_of_words(const std::vector<SqlWord>& words) {
  std::string out;
  size_t end = 0;
  for (const auto& word : words) {
    if (!out.empty() && word.span.begin > end) out += ' ';
    switch (word.kind) {
      case SqlWord::Kind::quoted: out += '"' + word.text + '"'; break;
      case SqlWord::Kind::parameter: out += '$' + word.text; break;
      default: out += word.text;
    }
    end = word.span.end;
  }
  return out;
}

/// A dotted name around a word: the positions of its parts.
std::vector<size_t> parts_of_name(const std::vector<SqlWord>& words, size_t word) {
  size_t first = word, last = word;
  while (first >= 2 && words[first - 1].is('.') && words[first - 2].is_name()) first -= 2;
  while (last + 2 < words.size() && words[last + 1].is('.') && words[last + 2].is_name()) last += 2;
  std::vector<size_t> out;
  for (size_t i = first; i <= last; i += 2) out.push_back(i);
  return out;
}

class SqlTargets {
 public:
  SqlTargets(const View& view, const std::vector<SqlWord>& words,
             const std::shared_ptr<const SqlQuery>& query, size_t word, const std::string& own)
      : view_(view),
        words_(words),
        query_(query),
        word_(word),
        own_(own),
        scope_(query, words[word].span.begin, view.columns_of()) {}

  Target find() {
    const auto& word = words_[word_];
    out_.span = word.span;
    out_.name = word.text;
    if (word.kind == SqlWord::Kind::parameter) {
      out_.kind = Kind::variable;
      return out_;
    }
    if (!word.is_name()) return out_;
    if (of_from() || of_item()) return out_;
    if (word_ + 1 < words_.size() && words_[word_ + 1].is('(')) {
      out_.kind = Kind::function;
      out_.name = lower(word.text);
      return out_;
    }
    column();
    return out_;
  }

 private:
  void means(const SqlRelation& relation) {
    if (relation.table.empty()) return;
    if (const auto* with = scope_.with(relation.table)) return means(*with);
    if (const auto table = view_.resolve(relation.table)) {
      out_.kind = Kind::table;
      out_.table = *table;
    }
  }
  void means(const SqlWith& with) {
    out_.kind = Kind::with;
    out_.name = with.name;
    out_.declared = with.name_span;
  }

  bool of_from() {
    const size_t at = words_[word_].span.begin;
    for (const auto* relation : scope_.relations()) {
      const bool table = relation->table_span.size() > 0 && relation->table_span.holds(at);
      const bool alias = relation->alias_span.size() > 0 && relation->alias_span.holds(at);
      if (!table && !alias) continue;
      means(*relation);
      if (table) out_.span = relation->table_span;
      return true;
    }
    for (const auto* with : scope_.withs()) {
      if (with->name_span.begin != at) continue;
      means(*with);
      return true;
    }
    return false;
  }

  bool top_level() const {
    return std::any_of(query_->selects.begin(), query_->selects.end(),
                       [&](const auto& select) { return &select == scope_.select(); });
  }
  void means_item(const SqlItem& item) {
    out_.declared = item.name_span;
    out_.words = text_of_words(item.words);
    if (top_level() && !own_.empty()) {
      out_.kind = Kind::column;
      out_.table = own_;
      out_.column = item.name;
    } else {
      out_.kind = Kind::local;
      out_.column = item.name;
    }
  }
  /// The name that an item gives to its column.
  bool of_item() {
    if (!scope_.select()) return false;
    for (const auto& item : scope_.select()->items) {
      if (item.name_span.size() == 0 || item.name_span.begin != words_[word_].span.begin) continue;
      if (item.bare) return false;  // it is the input's name too
      means_item(item);
      return true;
    }
    return false;
  }

  void column() {
    const auto parts = parts_of_name(words_, word_);
    const auto place = std::find(parts.begin(), parts.end(), word_);
    if (place == parts.begin() && parts.size() > 1) {  // an alias, or a layer
      if (const auto* relation = scope_.relation(words_[word_].text)) return means(*relation);
      out_.kind = Kind::none;
      return;
    }
    std::vector<ScopeColumn> found;
    if (parts.size() > 1) {
      const auto* relation = scope_.relation(words_[*(place - 1)].text);
      if (!relation) return;
      for (auto& each : scope_.columns(*relation))
        if (same_letters(each.name, words_[word_].text)) found.push_back(std::move(each));
    } else {
      found = scope_.find(words_[word_].text);
    }
    if (!found.empty()) return means_column(found.front());
    if (!scope_.select() || parts.size() > 1) return;
    for (const auto& item : scope_.select()->items)
      if (!item.bare && same_letters(item.name, words_[word_].text)) return means_item(item);
  }

  void means_column(const ScopeColumn& column) {
    const auto table = column.table.empty() ? std::nullopt : view_.resolve(column.table);
    if (!column.item && table) {
      out_.kind = Kind::column;
      out_.table = *table;
      out_.column = column.column;
      return;
    }
    out_.kind = Kind::local;
    out_.column = column.name;
    if (table) {
      out_.table = *table;
      out_.name = column.column;
    }
    if (column.item) {
      out_.declared = column.item->name_span;
      out_.words = text_of_words(column.item->words);
    }
  }

  const View& view_;
  const std::vector<SqlWord>& words_;
  const std::shared_ptr<const SqlQuery>& query_;
  size_t word_;
  const std::string& own_;
  SqlScope scope_;
  Target out_;
};

bool last_key_is(const YamlPath& path, std::initializer_list<std::string_view> names) {
  for (auto step = path.rbegin(); step != path.rend(); ++step) {
    if (step->item >= 0) continue;
    return std::find(names.begin(), names.end(), step->key) != names.end();
  }
  return false;
}

bool has_name(const std::vector<Shape>& shapes, std::string_view name) {
  return std::any_of(shapes.begin(), shapes.end(),
                     [&](const auto& each) { return each.name == name; });
}

Target of_yaml_word(const View& view, const Spot& spot, const YamlWords& words,
                    const YamlWord& word) {
  Target out;
  out.span = moved(word.span, spot.parts.yaml->begin);
  out.name = word.text;
  const auto shapes = shapes_at(spot.kind, word.path, words);
  const auto means = [&](ValueOf what) {
    switch (what) {
      case ValueOf::table:
      case ValueOf::asset:
        if (const auto table = view.resolve(word.text)) {
          out.kind = Kind::table;
          out.table = *table;
        }
        return;
      case ValueOf::column:
        out.table = table_around(view, spot, word.path, words);
        out.column = word.text.starts_with('-') ? word.text.substr(1) : word.text;
        out.kind = out.table.empty() ? Kind::none : Kind::column;
        return;
      case ValueOf::connection: out.kind = Kind::connection; return;
      case ValueOf::variable: out.kind = Kind::variable; return;
      default: return;
    }
  };
  if (!word.key) {
    means(value_kind(spot, word.path, shapes));
    return out;
  }
  for (const auto& shape : shapes) {
    for (const auto& key : shape.keys) {
      if (key.key != word.text) continue;
      out.kind = Kind::key;
      out.key = key;
      return out;
    }
  }
  means(key_kind(spot, word.path, shapes));
  return out;
}

}  // namespace

ValueOf value_kind(const Spot& spot, const YamlPath& path, const std::vector<Shape>& shapes) {
  if (has_name(shapes, "table")) return ValueOf::table;
  if (last_key_is(path, {"tags"})) return ValueOf::tag;
  if (spot.kind == "publish" && path.size() == 1 && path[0].key == "to") return ValueOf::connection;
  if (spot.kind == "source" && path.size() == 2 && path[0].key == "from" &&
      path[1].key != "files" && app::kinds().declared.source(path[1].key))
    return ValueOf::connection;
  if (spot.kind == "task" && last_key_is(path, {"after", "table"})) return ValueOf::asset;
  const bool has_columns = spot.kind == "model" || spot.kind == "seed" || spot.kind == "publish" ||
                           (spot.kind == "source" && !path.empty() && path[0].key != "from");
  // A view's `columns:` maps columns to types of the store.
  const bool of_store = spot.kind == "publish" && path.size() > 3 && path[2].key == "columns";
  if (has_columns && !of_store && has_name(shapes, "text") &&
      last_key_is(path, {"key", "latest_by", "partition_by", "retention_column", "indexes",
                         "unique", "interval", "column", "columns"}))
    return ValueOf::column;
  return ValueOf::nothing;
}

ValueOf key_kind(const Spot& spot, const YamlPath& path, const std::vector<Shape>& shapes) {
  for (const auto& shape : shapes) {
    if (shape.form == Shape::Form::keyed) {
      if (shape.key_name == "table") return ValueOf::table;
      if (shape.key_name == "column") return ValueOf::column;
      if (shape.key_name == "variable" && spot.kind != "project") return ValueOf::variable;
    }
    if (spot.kind == "test" && shape.name == "row" && !path.empty()) return ValueOf::column;
  }
  return ValueOf::nothing;
}

Target target_in_sql(const View& view, const std::vector<SqlWord>& words,
                     const std::shared_ptr<const SqlQuery>& query, size_t word,
                     const std::string& own) {
  return SqlTargets(view, words, query, word, own).find();
}

Target target_at(const View& view, const Spot& spot) {
  if (spot.in_yaml()) {
    const auto words = yaml_words(spot.yaml(), spot.at - spot.parts.yaml->begin);
    for (const auto& word : words.words)
      if (moved(word.span, spot.parts.yaml->begin).holds(spot.at))
        return of_yaml_word(view, spot, words, word);
    return {};
  }
  if (!spot.in_sql()) return {};
  const auto words = sql_words(spot.sql());
  const size_t base = spot.parts.sql->begin, at = spot.at - base;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].kind == SqlWord::Kind::symbol || !words[i].span.holds(at)) continue;
    auto out = target_in_sql(view, words, sql_query(words), i, model_of(view, spot));
    out.span = moved(out.span, base);
    out.declared = moved(out.declared, base);
    return out;
  }
  return {};
}

namespace {

std::optional<Location> location_of(const View& view, const Place& place) {
  if (!place.known()) return std::nullopt;
  const auto text = view.text_of(place.file);
  return Location{place.file, text ? span_at(*text, place) : Span{}};
}

std::optional<Location> declaration_of_table(const View& view, const std::string& name) {
  if (const auto* model = view.project().model(name)) {
    const auto text = view.text_of(model->file);
    const size_t at = text ? offset_of(*text, model->sql_begin).value_or(0) : 0;
    return Location{model->file, {at, at}};
  }
  if (const auto* source = view.project().source(name)) return location_of(view, source->place);
  const auto table = view.table(name);
  return table ? std::optional(Location{table->file, {}}) : std::nullopt;
}

}  // namespace

std::optional<Location> declaration_of_column(const View& view, const std::string& table,
                                              const std::string& column, int depth) {
  const auto* model = view.project().model(table);
  if (!model) {
    const auto* declared = view.declaration(table, column);
    if (!declared) return declaration_of_table(view, table);
    // Its key, not what stands behind it.
    return location_of(view, declared->place);
  }
  const auto text = view.text_of(model->file);
  if (!text || depth > 16) return std::nullopt;
  const auto parts = parts_of(*text, "model");
  if (!parts.sql) return declaration_of_table(view, table);
  const auto words = sql_words(std::string_view(*text).substr(parts.sql->begin));
  const SqlScope scope(sql_query(words), 0, view.columns_of());
  for (const auto& each : scope.outputs()) {
    if (!same_letters(each.name, column)) continue;
    if (each.item) {
      const Span span = each.item->name_span.size() > 0 ? each.item->name_span : each.item->span;
      return Location{model->file, moved(span, parts.sql->begin)};
    }
    if (const auto from = view.resolve(each.table))
      return declaration_of_column(view, *from, each.column, depth + 1);
  }
  return declaration_of_table(view, table);
}

std::optional<Location> declaration_of(const View& view, const Spot& spot, const Target& target) {
  switch (target.kind) {
    case Kind::table: return declaration_of_table(view, target.table);
    case Kind::column: return declaration_of_column(view, target.table, target.column);
    case Kind::local:
    case Kind::with:
      if (target.declared.size() == 0) return std::nullopt;
      return Location{spot.path, target.declared};
    case Kind::connection: {
      const auto found = view.project().connections.find(target.name);
      return found == view.project().connections.end() ? std::nullopt
                                                       : location_of(view, found->second.place);
    }
    case Kind::variable: {
      const auto found = view.project().vars.find(target.name);
      return found == view.project().vars.end() ? std::nullopt
                                                : location_of(view, found->second.place);
    }
    default: return std::nullopt;
  }
}

}  // namespace windrow::lsp
