#include "tasks/publication.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/local_time.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/changes.h"
#include "lake/row_removal.h"
#include "tasks/boundary.h"
#include "tasks/model_facts.h"

namespace windrow::tasks {

namespace {

/// Everything that the store's rows, tables or files depend on, as one text.
std::string settings_of(const project::PublishedView& view, const std::string& select,
                        const publish::StoreKind& store) {
  using publish::joined;
  std::string out = view.mode + ";" + select + ";" + joined(view.indexes) + "|" +
                    joined(view.unique) + "|" + joined({view.key}) + "|" + view.interval + "|";
  for (const auto& [column, type] : view.columns) out += column + ":" + type + ",";
  return out + store.fingerprint(view) + store.layout;
}

/// The version of a table that a batch was made from; nothing where it was not made from this one
/// table.
std::optional<int64_t> version_before(const std::string& inputs, const std::string& begin) {
  if (!inputs.starts_with(begin) || inputs.find(';') + 1 != inputs.size()) return {};
  return std::stoll(inputs.substr(begin.size()));
}

/// That rows which a batch may hold were erased from the tables that it was made from.
bool erased_since(const Context& context, const publish::Manifest& there) {
  for (size_t at = 0, end; (end = there.inputs.find(';', at)) != std::string::npos; at = end + 1) {
    const std::string one = there.inputs.substr(at, end - at);
    const size_t version = one.rfind('@');
    const size_t id = version == std::string::npos ? version : one.rfind('@', version - 1);
    if (id == std::string::npos) continue;
    const std::string name = one.substr(0, id);
    if (!context.tables.exists(name)) continue;
    const auto now = context.tables.version(name);
    if (one.substr(id + 1, version - id - 1) != now.table_id) continue;
    if (lake::rows_erased(context.tables.table(name), std::stoll(one.substr(version + 1)),
                          now.version))
      return true;
  }
  return false;
}

void narrow_to_intervals(const Context& context, const std::string& table, int64_t from, int64_t to,
                         duck::Connection& connection, publish::ViewBatch& batch) {
  const auto* model = context.project.model(table);
  const bool by_interval = model && model->build.kind == project::BuildKind::interval;
  const auto grain =
      Grain::parse(by_interval ? model->build.grain : "day", context.project.zone).value();
  auto& change = batch.change;
  std::string type;
  for (const auto& column : connection.describe(batch.select))
    if (column.name == change.interval_column) type = column.type;
  if (type != "DATE" && !type.starts_with("TIMESTAMP")) {
    throw Error(
        Code::configuration,
        fmt::format("view \"{}\": the interval column \"{}\" is {}", batch.table,
                    change.interval_column, type.empty() ? "not there" : "of the type " + type),
        "name a column that holds dates or times", batch.settings.place);
  }
  change.local_times = type != "TIMESTAMP WITH TIME ZONE";
  change.zone = context.project.zone;
  const auto changed =
      context.tables.changes(table, from, to, duck::quote_name(change.interval_column), grain);
  if (changed.everything) return;
  change.whole = false;
  std::string where;
  const std::string column = duck::quote_name(change.interval_column);
  for (const auto& part : changed.intervals.parts()) {
    const auto place = [&](Time t) {
      return type == "DATE"       ? date_boundary(t, change.zone)
             : change.local_times ? local_boundary(t, change.zone)
                                  : t;
    };
    const Interval interval{place(part.start), place(part.end)};
    change.intervals.push_back(interval);
    const auto bound = [&](const char* than, Time t, Time none) {
      if (t == none) return std::string("TRUE");
      std::string text = iso(t);
      if (change.local_times) text.pop_back();
      if (type == "DATE") text.resize(10);
      const char* literal = type == "DATE"       ? "DATE "
                            : change.local_times ? "TIMESTAMP "
                                                 : "TIMESTAMPTZ ";
      return column + than + literal + duck::quote_text(text);
    };
    where += (where.empty() ? "(" : " OR (") + bound(" >= ", interval.start, kEver) + " AND " +
             bound(" < ", interval.end, kNever) + ")";
  }
  batch.select =
      "SELECT * FROM (\n" + batch.select + "\n) WHERE " + (where.empty() ? "false" : where);
}

bool is_view(const Context& context, const std::string& read) {
  const auto* model = context.project.model(context.graph.resolve(read)->name);
  return model && model->build.kind == project::BuildKind::view;
}

/// The tables behind a name, once each.
void add_tables(const Context& context, const std::string& read, std::vector<std::string>& tables) {
  const auto& name = context.graph.resolve(read)->name;
  if (is_view(context, name)) {
    for (const auto& inner : context.graph.selects.at(name).table_names())
      add_tables(context, inner, tables);
  } else if (std::find(tables.begin(), tables.end(), name) == tables.end()) {
    tables.push_back(name);
  }
}

const project::Connection& connection_of(const Context& context,
                                         const project::Publication& publication) {
  const auto found = context.project.connections.find(publication.to.value);
  WINDROW_INVARIANT(found != context.project.connections.end());
  return found->second;
}

/// What the views between are, with tables called as they were before.
std::string views_behind(const Context& context, const std::string& read,
                         const FormerNames& former) {
  const auto& name = context.graph.resolve(read)->name;
  if (!is_view(context, name)) return "";
  const auto& select = context.graph.selects.at(name);
  std::string print;
  if (former.empty()) {
    print = sql::fingerprint(select, {}, {});
  } else {
    duck::Connection connection(context.database);
    const auto text = under_former_names(context.graph, select, former);
    print = sql::fingerprint(sql::parse_select(connection, text, select.begin), {}, {});
  }
  std::string out = "|" + name + "=" + print;
  for (const auto& inner : select.table_names()) out += views_behind(context, inner, former);
  return out;
}

/// The tables and views that a view of a publication names.
std::set<std::string> named_by(const Context& context, const project::Publication& publication,
                               const project::PublishedView& view) {
  if (view.sql.empty()) return {view.from.value};
  return context.graph.selects.at("publish." + publication.name + "/" + view.table).table_names();
}

/// The SELECT of a view: its text, or what it means where macros are in it, whose text is not the
/// publication's own.
std::string select_of(const Context& context, const std::string& key, const FormerNames& former) {
  const auto& select = context.graph.selects.at(key);
  const auto text =
      former.empty() ? select.text : under_former_names(context.graph, select, former);
  if (select.pieces.empty()) return text;
  if (former.empty()) return select.meaning;
  duck::Connection connection(context.database);
  return sql::parse_select(connection, text, select.begin).meaning;
}

std::string definition_of(const Context& context, const project::Publication& publication,
                          const project::PublishedView& view, const publish::StoreKind& store,
                          const FormerNames& former) {
  const std::string select =
      view.sql.empty()
          ? "SELECT * FROM " + under_former_name(context.graph, view.from.value, former)
          : select_of(context, "publish." + publication.name + "/" + view.table, former);
  std::string views;
  for (const auto& name : named_by(context, publication, view))
    views += views_behind(context, name, former);
  return sha256(settings_of(view, select, store) + views).substr(0, 32);
}

/// `silver.m@id@3;`, `silver.m, silver.k`: names that stand at the beginning of an item.
std::string with_names_of_now(std::string items, const Candidate& c, const std::string& between,
                              const std::string& after) {
  for (const auto& [now, then] : c.former) {
    for (size_t at = 0; at < items.size();) {
      if (items.compare(at, then.size(), then) == 0 &&
          (at + then.size() == items.size() ||
           items.compare(at + then.size(), after.size(), after) == 0))
        items.replace(at, then.size(), now);
      const size_t next = items.find(between, at);
      at = next == std::string::npos ? items.size() : next + between.size();
    }
  }
  return items;
}

void in_names_of_now(const Candidate& c, publish::Manifest& there) {
  // It may have been sent after one of them was renamed, and before another was.
  FormerNames then;
  for (const auto& names : c.former) {
    if ((";" + there.inputs).find(";" + names.second + "@") != std::string::npos)
      then.insert(names);
  }
  if (!then.empty() && there.definition == c.definition_under(then))
    there.definition = c.definition;
  there.inputs = with_names_of_now(there.inputs, c, ";", "@");
  there.source_table = with_names_of_now(there.source_table, c, ", ", ",");
}

}  // namespace

std::vector<Candidate> candidates_of(const Context& context,
                                     const project::Publication& publication) {
  std::vector<Candidate> out;
  const auto& store = context.stores->of(connection_of(context, publication));
  for (const auto& view : publication.views) {
    Candidate c;
    c.view = &view;
    std::vector<std::string> tables;
    for (const auto& name : named_by(context, publication, view)) add_tables(context, name, tables);
    bool there = true;
    for (const auto& name : tables) {
      if (!context.tables.exists(name)) {
        there = false;
        continue;
      }
      const auto version = context.tables.version(name);
      c.source += (c.source.empty() ? "" : ", ") + name;
      c.version = std::max(c.version, version.version);
      c.tables.push_back(name);
      c.inputs += name + "@" + version.table_id + "@" + std::to_string(version.version) + ";";
      // Of several tables the least; one that is not dated (a lookup) does not count.
      const auto boundary = boundary_of(context, name);
      if (boundary && (!c.boundary || *boundary < *c.boundary)) c.boundary = boundary;
    }
    if (!there) continue;  // not built yet
    c.select =
        view.sql.empty()
            ? "SELECT * FROM " + view.from.value
            : context.graph.selects.at("publish." + publication.name + "/" + view.table).text;
    c.definition = definition_of(context, publication, view, store, {});
    for (const auto& names : former_names(context.project)) {
      if (std::find(tables.begin(), tables.end(), names.first) != tables.end())
        c.former.insert(names);
    }
    c.definition_under = [&context, &publication, &view, &store](const FormerNames& former) {
      return definition_of(context, publication, view, store, former);
    };
    out.push_back(std::move(c));
  }
  return out;
}

std::map<std::string, publish::Manifest> manifests_of(publish::Store& store,
                                                      const std::vector<Candidate>& candidates) {
  auto out = store.manifests();
  for (const auto& c : candidates) {
    const auto found = out.find(c.view->table);
    if (found != out.end() && !c.former.empty()) in_names_of_now(c, found->second);
  }
  return out;
}

Due due(const Candidate& c, const publish::Manifest* there) {
  if (!there) return Due::yes;
  if (there->rejected == c.definition + " " + c.inputs) return Due::rejected;
  if (there->definition == c.definition && there->inputs == c.inputs)
    return c.boundary && there->boundary != c.boundary ? Due::boundary : Due::no;
  if (there->source_table == c.source && there->source_version > c.version) return Due::newer;
  return Due::yes;
}

std::string reason_of(const Candidate& c, const publish::Manifest* there) {
  if (!there) return "new: " + c.view->table;
  if (there->inputs == c.inputs) return "definition of " + c.view->table + " changed";
  return fmt::format("input {} {} → {}", c.source, there->source_version, c.version);
}

void narrow(const Context& context, const Candidate& c, const publish::Manifest* there,
            duck::Connection& connection, publish::ViewBatch& batch) {
  const auto& view = *c.view;
  if (view.mode == "replace_interval") {
    const auto* model = context.project.model(c.source);
    batch.change.interval_column = !view.interval.empty() ? view.interval
                                   : model                ? model->build.column
                                                          : "";
  }
  batch.change.erased = there && view.mode != "append" && erased_since(context, *there);
  if (!there || view.mode == "replace" || !view.sql.empty()) return;
  if (is_view(context, view.from.value)) {
    if (view.mode != "append") return;  // which of its rows changed is not known
    throw Error(Code::unsupported,
                fmt::format("view \"{}\" of mode append: {} is a view, whose new rows nobody knows",
                            view.table, view.from.value),
                "publish a table, or use mode replace", view.place);
  }
  // What was erased is not known any more, so all is sent, and what is not among it goes.
  if (batch.change.erased) return;
  if (there->definition != c.definition) {
    if (view.mode != "append") return;
    throw Error(Code::data,
                fmt::format("view \"{}\" of mode append: its definition has changed since its rows "
                            "were sent",
                            view.table),
                "publish it as another table, or remove its row from windrow_publications and "
                "empty the table",
                view.place);
  }
  const std::string name = c.source;
  const auto now = context.tables.version(name);
  const auto before = version_before(there->inputs, name + "@" + now.table_id + "@");
  if (!before) {
    if (view.mode != "append") return;
    throw Error(
        Code::data,
        fmt::format("view \"{}\" of mode append: {} is another table than the one whose rows "
                    "were sent",
                    view.table, name),
        "publish it as another table, or use mode replace", view.place);
  }
  if (view.mode == "replace_interval")
    return narrow_to_intervals(context, name, *before, now.version, connection, batch);
  const auto changes =
      lake::row_changes(context.tables.table(name), *before, now.version, connection);
  if (view.mode == "append" && !changes.clean) {
    throw Error(Code::data,
                fmt::format("view \"{}\" of mode append: rows of {} were changed or removed since "
                            "version {}",
                            view.table, name, *before),
                "use mode upsert with a key, or replace", view.place);
  }
  batch.change.whole = false;
  batch.select = lake::duck_sql(changes.added);
  if (changes.clean) return;
  std::string keys;
  for (const auto& key : view.key) keys += (keys.empty() ? "" : ", ") + duck::quote_name(key);
  batch.change.removed = fmt::format("SELECT {0} FROM (\n{1}\n) EXCEPT SELECT {0} FROM (\n{2}\n)",
                                     keys, lake::duck_sql(changes.removed), c.select);
}

std::unique_ptr<publish::Store> store_of(const Context& context,
                                         const project::Publication& publication) {
  return context.stores->open(connection_of(context, publication),
                              {context.project.root, context.files, context.clock});
}

}  // namespace windrow::tasks
