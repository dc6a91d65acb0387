#include <algorithm>

#include "base/text.h"
#include "lsp/rename.h"
#include "project/names.h"

namespace windrow::lsp {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '/';
}

class TableRenaming {
 public:
  TableRenaming(const View& view, const std::string& from, std::string to)
      : view_(view), from_(from), to_(std::move(to)), model_(*view.project().model(from)) {}

  Renaming make() {
    move_file();
    for (const auto& file : project_texts(view_)) {
      const auto parts = parts_of(file.text, file.kind);
      if (parts.sql) in_sql(file, *parts.sql);
      if (parts.yaml) in_yaml(file, *parts.yaml);
      if (file.path == model_.file) keep_history(file, parts);
    }
    return std::move(out_);
  }

 private:
  std::string layer_of(const std::string& name) const { return name.substr(0, name.find('.')); }
  std::string bare(const std::string& name) const { return name.substr(name.find('.') + 1); }
  void edit(const std::string& path, Span span, std::string text) {
    out_.edits[path].push_back({span, std::move(text)});
  }

  /// `models/LAYER/…/TABLE.sql`: the folders between stay.
  void move_file() {
    const std::string& old = model_.file;
    const size_t layer = old.find('/') + 1, rest = old.find('/', layer), name = old.rfind('/') + 1;
    out_.old_path = old;
    out_.new_path = old.substr(0, layer) + layer_of(to_) + old.substr(rest, name - rest) +
                    bare(to_) + old.substr(old.rfind('.'));
    if (view_.text_of(out_.new_path)) refuse("there is a file " + out_.new_path + " already");
  }

  void in_sql(const ProjectText& file, Span part) {
    const auto words = sql_words(std::string_view(file.text).substr(part.begin, part.size()));
    const auto query = sql_query(words);
    std::vector<Span> named;
    each_select(*query, [&](const SqlSelect& select) {
      for (const auto& relation : select.relations) {
        if (relation.table.empty() || view_.resolve(relation.table) != from_) continue;
        const SqlScope scope(query, relation.table_span.begin, view_.columns_of());
        if (scope.with(relation.table)) continue;
        named.push_back(relation.table_span);
        const bool was_bare = relation.table.find('.') == std::string::npos;
        edit(file.path, moved(relation.table_span, part.begin),
             was_bare ? written_name(bare(to_)) : written(to_));
      }
    });
    for (size_t i = 0; i + 2 < words.size(); ++i) {
      const bool inside = std::any_of(named.begin(), named.end(),
                                      [&](Span span) { return span.holds(words[i].span.begin); });
      if (inside || !words[i].is_name() || !words[i + 1].is('.') || !words[i + 2].is_name() ||
          (i > 0 && words[i - 1].is('.')))
        continue;
      qualifier(file, part, words, i, query);
    }
  }

  /// `movies.title` and `silver.movies.title`, where the table has no alias.
  void qualifier(const ProjectText& file, Span part, const std::vector<SqlWord>& words, size_t i,
                 const std::shared_ptr<const SqlQuery>& query) {
    if (i + 4 < words.size() && words[i + 3].is('.') &&
        words[i].text + "." + words[i + 2].text == from_) {
      edit(file.path, moved({words[i].span.begin, words[i + 2].span.end}, part.begin),
           written(to_));
      return;
    }
    const SqlScope scope(query, words[i].span.begin, view_.columns_of());
    const auto* relation = scope.relation(words[i].text);
    if (!relation || relation->alias_span.size() > 0 || relation->table.empty() ||
        scope.with(relation->table) || view_.resolve(relation->table) != from_)
      return;
    edit(file.path, moved(words[i].span, part.begin), written_name(bare(to_)));
  }

  void in_yaml(const ProjectText& file, Span part) {
    const auto text = std::string_view(file.text).substr(part.begin, part.size());
    const auto words = yaml_words(text, std::string_view::npos);
    Spot spot{file.path, file.kind, file.text, part.begin, parts_of(file.text, file.kind)};
    for (const auto& word : words.words) {
      if (word.text.find(from_) == std::string::npos) continue;
      if (word.key) {
        const auto shapes = shapes_at(file.kind, word.path, words);
        if (word.text == from_ && key_kind(spot, word.path, shapes) == ValueOf::table)
          edit(file.path, moved(word.span, part.begin), to_);
        continue;
      }
      const bool prose = !word.path.empty() && word.path.back().key == "description";
      const bool its_own = file.path == model_.file && word.path == YamlPath{{"renamed_from", -1}};
      if (!prose && !its_own) everywhere_in(file, part, word);
    }
  }

  /// The name as a whole word: in selectors, in SQL that stands in YAML, or alone.
  void everywhere_in(const ProjectText& file, Span part, const YamlWord& word) {
    const std::string& text = file.text;
    const Span span = moved(word.span, part.begin);
    for (size_t at = text.find(from_, span.begin); at < span.end; at = text.find(from_, at + 1)) {
      const size_t end = at + from_.size();
      const bool begins = at == span.begin || !is_name_character(text[at - 1]);
      // `silver.movies.title` names the table, `silver.movies_old` another one.
      const bool ends = end >= text.size() || text[end] == '.' || !is_name_character(text[end]);
      if (begins && ends) edit(file.path, {at, end}, to_);
    }
  }

  /// `renamed_from:` in the header, so that the table goes on with what it has.
  void keep_history(const ProjectText& file, const Parts& parts) {
    if (model_.build.kind == project::BuildKind::view) return;  // it keeps no table
    if (!parts.yaml) {
      edit(file.path, {0, 0}, "/* windrow\nrenamed_from: " + from_ + "\n*/\n");
      return;
    }
    const auto text = std::string_view(file.text).substr(parts.yaml->begin, parts.yaml->size());
    const auto words = yaml_words(text, std::string_view::npos);
    if (!model_.renamed_from.empty()) return renamed_again(file, parts, words);
    const auto first = std::find_if(words.words.begin(), words.words.end(),
                                    [](const auto& word) { return word.key && word.path.empty(); });
    if (first == words.words.end()) {
      edit(file.path, {parts.yaml->begin, parts.yaml->begin}, "\nrenamed_from: " + from_ + "\n");
      return;
    }
    const size_t at = first->span.begin + parts.yaml->begin;
    const size_t line = file.text.rfind('\n', at) + 1;
    const auto before = file.text.substr(line, at - line);
    const bool own_line = before.find_first_not_of(' ') == std::string::npos;
    if (!own_line)
      refuse("the header of " + file.path + " is written in one line, and renamed_from needs one",
             "write each key of the header on a line of its own");
    edit(file.path, {at, at}, "renamed_from: " + from_ + "\n" + before);
  }

  /// The table still lies under the name before, or was moved by a run meanwhile.
  void renamed_again(const ProjectText& file, const Parts& parts, const YamlWords& words) {
    const bool has_moved = [&] {
      try {
        return view_.study().asset(from_).version.has_value();
      } catch (const Error&) {
        return false;
      }
    }();
    for (const auto& word : words.words) {
      if (word.path != YamlPath{{"renamed_from", -1}} || word.key) continue;
      const Span span = moved(word.span, parts.yaml->begin);
      if (model_.renamed_from == to_) {
        const size_t line = file.text.rfind('\n', span.begin) + 1;
        edit(file.path, {line, std::min(file.text.find('\n', span.end) + 1, file.text.size())}, "");
      } else if (has_moved) {
        edit(file.path, span, from_);
      }
    }
  }

  static Span moved(Span span, size_t by) { return {span.begin + by, span.end + by}; }
  std::string written(const std::string& name) const {
    return written_name(layer_of(name)) + "." + written_name(bare(name));
  }

  const View& view_;
  const std::string& from_;
  const std::string to_;
  const project::Model& model_;
  Renaming out_;
};

}  // namespace

Renaming rename_table(const View& view, const std::string& table, const std::string& name) {
  const std::string to =
      name.find('.') == std::string::npos ? table.substr(0, table.find('.') + 1) + name : name;
  if (!project::is_table_name(to))
    refuse("\"" + name + "\" cannot be the name of a table",
           "write TABLE or LAYER.TABLE, of letters, digits and underscores");
  if (to == table) refuse("\"" + to + "\" is its name already");
  for (const auto& other : view.tables()) {
    if (same_letters(other.name, to) && other.name != table)
      refuse("there is a table \"" + other.name + "\" already");
  }
  return TableRenaming(view, table, to).make();
}

}  // namespace windrow::lsp
