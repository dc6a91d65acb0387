#include "lsp/rename.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace windrow::lsp {

using Kind = Target::Kind;

void refuse(const std::string& reason, const std::string& hint) {
  throw Error(Code::usage, reason, hint);
}

std::vector<ProjectText> project_texts(const View& view) {
  std::set<std::string> paths;
  const auto add = [&](const auto& all) {
    for (const auto& each : all) paths.insert(each.file);
  };
  const auto& project = view.project();
  add(project.sources);
  add(project.models);
  for (const auto& seed : project.seeds)
    if (!seed.declared_in.empty()) paths.insert(seed.declared_in);
  add(project.publications);
  add(project.tasks);
  add(project.tests);
  for (const char* name : {"windrow.yaml", "windrow.yml"})
    if (view.text_of(name)) paths.insert(name);
  std::vector<ProjectText> out;
  for (const auto& path : paths) {
    const auto kind = project::kind_of_path(path);
    auto text = view.text_of(path);
    if (kind && text) out.push_back({path, *kind, std::move(*text)});
  }
  return out;
}

void each_select(const SqlQuery& query, const std::function<void(const SqlSelect&)>& visit) {
  for (const auto& with : query.withs)
    if (with.query) each_select(*with.query, visit);
  for (const auto& select : query.selects) {
    visit(select);
    for (const auto& inner : select.inside) each_select(*inner, visit);
  }
}

Span without_quotes(std::string_view text, Span span) {
  const bool quoted = span.size() > 1 && (text[span.begin] == '"' || text[span.begin] == '\'') &&
                      text[span.end - 1] == text[span.begin];
  return quoted ? Span{span.begin + 1, span.end - 1} : span;
}

namespace {

std::string applied(std::string text, const std::vector<TextEdit>& edits) {
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit)
    text.replace(edit->span.begin, edit->span.size(), edit->text);
  return text;
}

void order(Renaming& renaming) {
  for (auto& [path, edits] : renaming.edits) {
    std::stable_sort(edits.begin(), edits.end(), [](const auto& a, const auto& b) {
      return std::pair(a.span.begin, a.span.end) < std::pair(b.span.begin, b.span.end);
    });
    edits.erase(std::unique(edits.begin(), edits.end(),
                            [](const auto& a, const auto& b) { return a.span == b.span; }),
                edits.end());
  }
}

std::shared_ptr<const app::Study> study_after(const View& view, app::Desk& desk,
                                              const Renaming& renaming, Cancel& cancel) {
  project::Overlay overlay;
  for (const auto& [path, text] : view.texts()) overlay[path] = text;
  for (const auto& [path, edits] : renaming.edits)
    overlay[path] = applied(view.text_of(path).value_or(""), edits);
  if (!renaming.new_path.empty()) {
    const auto moved = overlay.find(renaming.old_path);
    overlay[renaming.new_path] =
        moved != overlay.end() ? moved->second : view.text_of(renaming.old_path);
    overlay[renaming.old_path] = std::nullopt;
  }
  return desk.study(overlay, cancel);
}

/// What names mean after the renaming.
struct Names {
  std::string old_table, new_table, old_column, new_column;  ///< columns: empty where they stay

  std::string table(const std::string& name) const { return name == old_table ? new_table : name; }
  std::string column(const std::string& of, const std::string& name) const {
    return of == old_table && !old_column.empty() && same_letters(name, old_column) ? new_column
                                                                                    : name;
  }
};

using Lines = std::map<std::string, std::set<std::string>>;  ///< a column → what it comes from

Lines lineage_of(const app::Study& study, const std::string& select, const Names* names) {
  Lines out;
  for (const auto& column : study.lineage(select)) {
    const auto& graph = study.workspace->graph;
    const auto text = [&](const char* how, const sql::ColumnSource& from) {
      const auto* asset = graph.resolve(from.table);
      const std::string table = asset ? asset->name : from.table;
      return how + (names ? names->table(table) + "." + names->column(table, from.column)
                          : table + "." + from.column);
    };
    auto& lines = out[names ? names->column(select, column.column) : column.column];
    for (const auto& from : column.from) lines.insert(text("from ", from));
    for (const auto& from : column.filtered_by) lines.insert(text("by ", from));
  }
  return out;
}

/// Every table has the columns that it had, from where they came.
void need_the_same(const app::Study& before, const app::Study& after, const Names& names) {
  for (const auto& [table, columns] : before.columns) {
    const auto now = after.columns.find(names.table(table));
    auto wanted = columns;
    for (auto& column : wanted) column.name = names.column(table, column.name);
    if (now == after.columns.end() || now->second != wanted)
      refuse("\"" + table + "\" would have other columns: it hands the old name on by SELECT *",
             "name the column in its SELECT first");
  }
  for (const auto& [select, parsed] : before.workspace->graph.selects) {
    if (lineage_of(before, select, &names) != lineage_of(after, names.table(select), nullptr))
      refuse("\"" + select + "\" would mean something else afterwards",
             "its SELECT uses the name in a way that is not understood: change it by hand");
  }
}

}  // namespace

Renamable renamable(const View& view, const Target& target) {
  if (target.kind == Kind::table) {
    if (!view.project().model(target.table))
      refuse("\"" + target.table + "\" is not a model: only models and their columns are renamed");
    return {target.span, target.table};
  }
  if (target.kind == Kind::column) {
    if (!view.project().model(target.table))
      refuse("\"" + target.column + "\" is a column of \"" + target.table +
             "\", which is not a model: only models and their columns are renamed");
    return {target.span, target.column};
  }
  refuse("only models and their columns are renamed");
}

Renaming rename(const View& view, app::Desk& desk, const Target& target, const std::string& name,
                Cancel& cancel) {
  renamable(view, target);
  const bool table = target.kind == Kind::table;
  // What is known of the project may be older than its texts.
  const auto before = study_after(view, desk, {}, cancel);
  if (!before->problems.empty())
    refuse("the project has problems, and what they hide would be missed: " +
               before->problems.front().message,
           "mend what `windrow check` tells first");
  auto out = table ? rename_table(view, target.table, name)
                   : rename_column(view, target.table, target.column, name);
  order(out);
  cancel.check();
  const auto after = study_after(view, desk, out, cancel);
  if (!after->problems.empty())
    refuse("it would break the project: " + after->problems.front().text(),
           "change that by hand first");
  const std::string new_table =
      table ? (name.find('.') != std::string::npos
                   ? name
                   : target.table.substr(0, target.table.find('.') + 1) + name)
            : target.table;
  need_the_same(*before, *after,
                {target.table, new_table, table ? "" : target.column, table ? "" : name});
  return out;
}

}  // namespace windrow::lsp
