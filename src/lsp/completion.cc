#include "lsp/completion.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "duck/duck.h"
#include "duck/sandbox.h"
#include "lsp/target.h"
#include "sql/sql.h"

namespace windrow::lsp {

using project::Shape;
using Offered = Completion::Kind;

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class Offers {
 public:
  Offers(const View& view, Span replaced) : view_(view), replaced_(replaced) {}

  void add(std::string label, Offered kind, std::string detail = {}, std::string documentation = {},
           std::string text = {}) {
    if (out_.size() >= kCompletionsMax || !seen_.insert({kind, label}).second) return;
    out_.push_back({std::move(label), kind, std::move(detail), std::move(documentation),
                    std::move(text), replaced_});
  }
  void tables(const std::string& layer = {}) {
    for (const auto& table : view_.tables()) {
      if (layer.empty()) {
        add(table.name, Offered::module, table.kind, first_line(table.description));
      } else if (table.name.starts_with(layer + ".")) {
        add(table.name.substr(layer.size() + 1), Offered::module, table.kind,
            first_line(table.description));
      }
    }
  }
  void columns(const std::string& table, const std::string& after = {}) {
    const auto* known = view_.columns(table);
    for (const auto& column : known ? *known : std::vector<Column>{}) {
      const auto* declared = view_.declaration(table, column.name);
      add(column.name, Offered::field, column.type, declared ? declared->description : "",
          after.empty() ? "" : column.name + after);
    }
  }
  void column(const ScopeColumn& column, const std::string& of) {
    const auto table = column.table.empty() ? std::nullopt : view_.resolve(column.table);
    const auto* declared = table ? view_.declaration(*table, column.column) : nullptr;
    std::string detail = column.type;
    if (!of.empty()) detail += (detail.empty() ? "" : ", ") + of;
    add(column.name, Offered::field, detail, declared ? declared->description : "",
        written_name(column.name));
  }
  void connections() {
    for (const auto& [name, connection] : view_.project().connections)
      add(name, Offered::module, connection.type);
  }
  void variables(const std::string& dollar) {
    for (const auto& [name, variable] : view_.project().vars)
      add(dollar + name, Offered::variable, variable.type);
  }
  std::vector<Completion> take() { return std::move(out_); }

 private:
  const View& view_;
  Span replaced_;
  std::vector<Completion> out_;
  std::set<std::pair<Offered, std::string>> seen_;
};

// --- YAML ---

void offer_keys(const std::vector<Shape>& shapes, const std::vector<std::string>& there,
                bool colon_there, Offers& offers) {
  for (const bool required : {true, false}) {
    for (const auto& shape : shapes) {
      for (const auto& key : shape.keys) {
        if (key.required != required ||
            std::find(there.begin(), there.end(), key.key) != there.end())
          continue;
        std::string detail = key.shape.name;
        if (required)
          detail += ", required";
        else if (!key.default_value.empty())
          detail += ", default " + key.default_value;
        offers.add(key.key, Offered::property, detail, key.sentence,
                   colon_there ? key.key : key.key + ": ");
      }
    }
  }
}

void offer_names(ValueOf what, const View& view, const std::string& table, const std::string& after,
                 Offers& offers) {
  switch (what) {
    case ValueOf::table:
      for (const auto& each : view.tables())
        offers.add(each.name, Offered::module, each.kind, first_line(each.description),
                   after.empty() ? "" : each.name + after);
      return;
    case ValueOf::asset:
      for (const auto& asset : view.study().workspace->graph.assets)
        offers.add(asset.name, Offered::module, std::string(graph::name_of(asset.kind)));
      return;
    case ValueOf::connection: return offers.connections();
    case ValueOf::column: return offers.columns(table, after);
    case ValueOf::variable:
      for (const auto& [name, variable] : view.project().vars)
        offers.add(name, Offered::variable, variable.type, "", after.empty() ? "" : name + after);
      return;
    case ValueOf::tag:
      for (const auto& tag : view.tags()) offers.add(tag, Offered::value, "tag");
      return;
    case ValueOf::nothing: return;
  }
}

void offer_words(const std::vector<Shape>& shapes, Offers& offers) {
  for (const auto& shape : shapes) {
    for (const auto& word : shape.words) offers.add(word, Offered::value, shape.name);
    if (shape.form == Shape::Form::boolean)
      for (const char* word : {"true", "false"}) offers.add(word, Offered::value);
  }
}

std::vector<Completion> in_yaml(const View& view, const Spot& spot) {
  const size_t base = spot.parts.yaml->begin;
  const auto words = yaml_words(spot.yaml(), spot.at - base);
  const auto& cursor = words.cursor;
  using At = YamlCursor::At;
  if (cursor.at == At::none) return {};
  Offers offers(view, {cursor.word.begin + base, cursor.word.end + base});
  const auto shapes = shapes_at(spot.kind, cursor.path, words);
  auto there = words.keys_of(cursor.path);
  const auto written = spot.text.substr(cursor.word.begin + base, cursor.word.size());
  if (cursor.at == At::key)
    there.erase(std::remove(there.begin(), there.end(), written), there.end());
  size_t behind = cursor.word.end + base;
  while (behind < spot.text.size() && spot.text[behind] == ' ') ++behind;
  const bool colon_there = behind < spot.text.size() && spot.text[behind] == ':';
  const auto table = table_around(view, spot, cursor.path, words);
  if (cursor.at == At::key || cursor.at == At::begin) {
    offer_keys(shapes, there, colon_there, offers);
    offer_names(key_kind(spot, cursor.path, shapes), view, table, colon_there ? "" : ": ", offers);
  }
  if (cursor.at == At::value || cursor.at == At::begin) {
    offer_words(shapes, offers);
    offer_names(value_kind(spot, cursor.path, shapes), view, table, "", offers);
  }
  return offers.take();
}

// --- SQL ---

class InSql {
 public:
  InSql(const View& view, const Spot& spot)
      : view_(view),
        spot_(spot),
        base_(spot.parts.sql->begin),
        at_(spot.at - base_),
        words_(sql_words(spot.sql())),
        scope_(sql_query(words_), at_, view.columns_of()) {
    while (next_ < words_.size() && words_[next_].span.end < at_) ++next_;
    // The word that is being written, else nothing at the cursor.
    prefix_ = {at_, at_};
    if (next_ < words_.size() && words_[next_].span.begin < at_ && written_here(words_[next_]))
      prefix_ = words_[next_].span;
    else
      while (next_ < words_.size() && words_[next_].span.end <= at_) ++next_;
  }

  std::vector<Completion> offer() {
    if (in_comment_or_text(spot_.sql(), at_)) return {};
    Offers offers(view_, {prefix_.begin + base_, prefix_.end + base_});
    if (next_ < words_.size() && prefix_.size() > 0 &&
        words_[next_].kind == SqlWord::Kind::parameter) {
      parameters(offers);
    } else if (next_ > 0 && words_[next_ - 1].is('.')) {
      qualified(offers);
    } else if (table_expected()) {
      for (const auto* with : scope_.withs())
        offers.add(with->name, Offered::module, "WITH clause", "", written_name(with->name));
      offers.tables();
    } else {
      anything(offers);
    }
    return offers.take();
  }

 private:
  static bool written_here(const SqlWord& word) {
    return word.is_name() || word.kind == SqlWord::Kind::parameter;
  }

  void parameters(Offers& offers) {
    const auto* model = view_.project().model(model_of(view_, spot_));
    if (model && model->build.kind == project::BuildKind::interval) {
      offers.add("$start", Offered::variable, "timestamp", "Where the interval begins.");
      offers.add("$end", Offered::variable, "timestamp", "Where the interval ends; not in it.");
    }
    if (!model || model->build.kind != project::BuildKind::view)
      offers.add("$run_time", Offered::variable, "timestamp", "When the run began.");
    offers.variables("$");
  }

  void qualified(Offers& offers) {
    if (next_ < 2 || !words_[next_ - 2].is_name()) return;
    const std::string& before = words_[next_ - 2].text;
    const auto* relation = scope_.relation(before);
    // A table's name that is being written is the layer so far.
    if (relation && relation->table_span.begin != words_[next_ - 2].span.begin) {
      for (const auto& column : scope_.columns(*relation)) offers.column(column, before);
      return;
    }
    offers.tables(before);
  }

  bool table_expected() const {
    if (next_ == 0) return false;
    const auto& before = words_[next_ - 1];
    return before.is("FROM") || before.is("JOIN") || (before.is(',') && scope_.in_from());
  }

  void anything(Offers& offers) {
    for (const auto* relation : scope_.relations())
      for (const auto& column : scope_.columns(*relation)) offers.column(column, relation->alias);
    for (const auto* relation : scope_.relations())
      if (!relation->alias.empty())
        offers.add(relation->alias, Offered::module,
                   relation->table.empty() ? "sub-query" : relation->table);
    if (scope_.select()) {
      for (const auto& item : scope_.select()->items)
        if (!item.name.empty() && !item.bare && !item.span.holds(at_))
          offers.add(item.name, Offered::field, "of this SELECT");
    }
    parameters(offers);
    for (const auto& function : view_.functions())
      offers.add(function.name, Offered::function, function.signature, function.description);
  }

  const View& view_;
  const Spot& spot_;
  size_t base_, at_;
  std::vector<SqlWord> words_;
  SqlScope scope_;
  size_t next_ = 0;  ///< the word at the cursor, or the first behind it
  Span prefix_;
};

bool is_plain_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Those that give something else in every run: what parsing them says.
std::set<size_t> refused(duck::Database& database, const std::vector<std::string>& names) {
  std::string select = "SELECT";
  for (size_t i = 0; i < names.size(); ++i)
    select += (i == 0 ? "\n\"" : ",\n\"") + names[i] + "\"()";
  std::set<size_t> out;
  try {
    duck::Connection connection(database);
    sql::parse_select(connection, select, {"functions", 1, 1});
  } catch (const Error& error) {
    for (const auto& problem : error.problems())
      if (problem.place.line > 1) out.insert(static_cast<size_t>(problem.place.line) - 2);
  }
  return out;
}

}  // namespace

std::vector<Completion> completions(const View& view, const Spot& spot) {
  if (spot.in_yaml()) return in_yaml(view, spot);
  if (spot.in_sql()) return InSql(view, spot).offer();
  return {};
}

std::vector<Function> functions_of(duck::Database& database) {
  std::vector<std::string> names;
  for (auto& name : duck::computing_functions())
    if (is_plain_name(name) && !name.starts_with("__")) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  const auto out_of_bounds = refused(database, names);
  std::vector<Function> out;
  for (size_t i = 0; i < names.size(); ++i)
    if (!out_of_bounds.contains(i)) out.push_back({names[i], "", ""});
  duck::Connection connection(database);
  const auto rows = connection.query(
      "SELECT function_name, any_value(function_name || '(' || array_to_string(parameters, ', ') "
      "|| "
      "')' || coalesce(' → ' || return_type, '')), coalesce(any_value(description), '') "
      "FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro') GROUP BY 1 "
      "ORDER BY 1");
  for (const auto& row : rows.rows) {
    const std::string name = cell_text(row[0]);
    const auto at =
        std::lower_bound(out.begin(), out.end(), name,
                         [](const Function& f, const std::string& n) { return f.name < n; });
    if (at == out.end() || at->name != name) continue;
    at->signature = cell_text(row[1]);
    at->description = cell_text(row[2]);
  }
  return out;
}

}  // namespace windrow::lsp
