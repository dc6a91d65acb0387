#include <algorithm>

#include "base/text.h"
#include "lsp/rename.h"
#include "project/names.h"

namespace windrow::lsp {

using Kind = Target::Kind;

namespace {

class ColumnRenaming {
 public:
  ColumnRenaming(const View& view, const std::string& table, const std::string& from,
                 const std::string& to)
      : view_(view), table_(table), from_(from), to_(to), model_(*view.project().model(table)) {}

  Renaming make() {
    for (const auto& file : project_texts(view_)) {
      const auto parts = parts_of(file.text, file.kind);
      if (parts.sql) {
        if (file.path == model_.file)
          own_select(file, *parts.sql);
        else
          in_sql(file, *parts.sql);
      }
      if (parts.yaml) in_yaml(file, *parts.yaml);
    }
    return std::move(out_);
  }

 private:
  static Span moved(Span span, size_t by) { return {span.begin + by, span.end + by}; }
  void edit(const ProjectText& file, Span span, std::string text) {
    out_.edits[file.path].push_back({span, std::move(text)});
  }
  bool named(const SqlWord& word) const { return word.is_name() && same_letters(word.text, from_); }

  void own_select(const ProjectText& file, Span part) {
    const auto words = sql_words(std::string_view(file.text).substr(part.begin, part.size()));
    const auto query = sql_query(words);
    if (query->selects.size() != 1)
      refuse("the SELECT of \"" + table_ + "\" is put together by UNION or its like",
             "rename the column in each part by hand");
    const auto& select = query->selects.front();
    const auto item = std::find_if(select.items.begin(), select.items.end(), [&](const auto& each) {
      return same_letters(each.name, from_);
    });
    if (item == select.items.end())
      refuse("\"" + from_ + "\" comes into \"" + table_ + "\" by SELECT *",
             "name the column in its SELECT, or rename it where it comes from");
    if (item->bare) {
      edit(file, moved({item->span.end, item->span.end}, part.begin), " AS " + to_);
      return;
    }
    edit(file, moved(item->name_span, part.begin), to_);
    own_uses(file, part, words, query, *item);
  }

  /// Of the alias, in its own SELECT: ORDER BY, GROUP BY, other items.
  void own_uses(const ProjectText& file, Span part, const std::vector<SqlWord>& words,
                const std::shared_ptr<const SqlQuery>& query, const SqlItem& item) {
    const auto* select = &query->selects.front();
    bool ordered = false;
    for (size_t i = 0; i < words.size(); ++i) {
      ordered = ordered || words[i].is("ORDER");
      if (!named(words[i]) || words[i].span == item.name_span) continue;
      if ((i > 0 && words[i - 1].is('.')) || (i + 1 < words.size() && words[i + 1].is('(')))
        continue;
      const SqlScope scope(query, words[i].span.begin, view_.columns_of());
      if (scope.select() != select) continue;
      if (scope.find(from_).empty()) {
        edit(file, moved(words[i].span, part.begin), to_);
      } else if (ordered) {
        refuse("\"" + from_ + "\" is also a column of what \"" + table_ +
                   "\" reads, and ORDER BY may mean either",
               "give the table an alias and write the column with it");
      }
    }
  }

  void in_sql(const ProjectText& file, Span part) {
    const auto words = sql_words(std::string_view(file.text).substr(part.begin, part.size()));
    const auto query = sql_query(words);
    bool read = false;
    std::vector<const SqlItem*> items;
    each_select(*query, [&](const SqlSelect& select) {
      for (const auto& relation : select.relations)
        read = read || (!relation.table.empty() && view_.resolve(relation.table) == table_);
      for (const auto& item : select.items) items.push_back(&item);
    });
    if (!read) return;
    for (size_t i = 0; i < words.size(); ++i) {
      for (const char* word : {"COLUMNS", "PIVOT", "UNPIVOT"}) {
        if (words[i].is(word))
          refuse(file.path + " reads \"" + table_ + "\" and says " + word +
                     ": which columns it means is not written there",
                 "rename the column by hand");
      }
      if (!named(words[i])) continue;
      const auto target = target_in_sql(view_, words, query, i, "");
      if (target.kind != Kind::column || target.table != table_ ||
          !same_letters(target.column, from_))
        continue;
      const bool item = std::any_of(items.begin(), items.end(), [&](const SqlItem* each) {
        return each->bare && each->name_span == words[i].span;
      });
      // What the SELECT calls it stays.
      edit(file, moved(words[i].span, part.begin), item ? to_ + " AS " + words[i].text : to_);
    }
  }

  void in_yaml(const ProjectText& file, Span part) {
    const auto text = std::string_view(file.text).substr(part.begin, part.size());
    const auto words = yaml_words(text, std::string_view::npos);
    const Spot spot{file.path, file.kind, file.text, part.begin, parts_of(file.text, file.kind)};
    for (const auto& word : words.words) {
      if (word.text.find(from_) == std::string::npos) continue;
      const auto shapes = shapes_at(file.kind, word.path, words);
      if (word.key) {
        if (word.text == from_ && key_kind(spot, word.path, shapes) == ValueOf::column &&
            table_around(view_, spot, word.path, words) == table_)
          edit(file, moved(word.span, part.begin), to_);
      } else {
        value(file, part, spot, word, words, shapes);
      }
    }
  }

  void value(const ProjectText& file, Span part, const Spot& spot, const YamlWord& word,
             const YamlWords& words, const std::vector<project::Shape>& shapes) {
    const Span span = moved(without_quotes(file.text, moved(word.span, part.begin)), 0);
    const std::string key = word.path.empty() ? "" : word.path.back().key;
    if (value_kind(spot, word.path, shapes) == ValueOf::column) {
      const bool downwards = word.text == "-" + from_;
      if ((word.text == from_ || downwards) &&
          table_around(view_, spot, word.path, words) == table_)
        edit(file, span, downwards ? "-" + to_ : to_);
      return;
    }
    if (file.kind == "publish" && key == "sql") return in_sql(file, span);
    if (file.path == model_.file && (key == "sql" || key == "expression"))
      in_expression(file, span);
  }

  /// A condition over the table's own columns.
  void in_expression(const ProjectText& file, Span span) {
    const auto words = sql_words(std::string_view(file.text).substr(span.begin, span.size()));
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i].is("FROM"))
        refuse("a check of \"" + table_ + "\" has a sub-query", "rename the column by hand");
      const bool part_of_name =
          (i > 0 && words[i - 1].is('.')) || (i + 1 < words.size() && words[i + 1].is('('));
      if (named(words[i]) && !part_of_name) edit(file, moved(words[i].span, span.begin), to_);
    }
  }

  const View& view_;
  const std::string &table_, &from_, &to_;
  const project::Model& model_;
  Renaming out_;
};

}  // namespace

Renaming rename_column(const View& view, const std::string& table, const std::string& column,
                       const std::string& name) {
  if (!project::is_identifier(name) || written_name(name) != name)
    refuse("\"" + name + "\" cannot be the name of a column here",
           "take letters, digits and underscores, and no word of SQL");
  const auto* columns = view.columns(table);
  if (!columns) refuse("the columns of \"" + table + "\" are not known");
  for (const auto& other : *columns) {
    if (same_letters(other.name, name))
      refuse("\"" + table + "\" has a column \"" + other.name + "\" already");
  }
  const bool there = std::any_of(columns->begin(), columns->end(),
                                 [&](const auto& each) { return each.name == column; });
  if (!there) refuse("\"" + table + "\" has no column \"" + column + "\"");
  return ColumnRenaming(view, table, column, name).make();
}

}  // namespace windrow::lsp
