#include "base/text.h"
#include "project/declarations/files.h"
#include "project/names.h"
#include "project/publication.h"
#include "project/publication_rules.h"

namespace windrow::project {
namespace {

Type<std::optional<int>> keep_type() {
  return mapped_type<int, std::optional<int>>(
      integer_type(0), [](const Node&, Reading&, int&& made, std::optional<int>& value) {
        value = made;
        return true;
      });
}

void check_mode(const Node& node, Reading& reading, const PublishedView& view) {
  if (view.mode == "upsert" && view.key.empty())
    reading.problem(node, "mode \"upsert\" needs a \"key\"", "name the columns: key: [id]");
  if ((view.mode == "append" || view.mode == "replace_interval") && !view.sql.empty())
    reading.problem(node, "mode \"" + view.mode + "\" goes with \"from\", not with \"sql\"",
                    "make the SELECT a model and publish that, or use mode replace");
  if (view.mode != "replace" && view.keep.value_or(0) > 0)
    reading.problem(node, "\"keep\" goes with mode \"replace\" alone");
}

/// `0; of mongodb 1`.
std::string kept_by_default(const Kinds& kinds) {
  std::string text = "0";
  for (const auto& kind : kinds.connections) {
    if (kind.store && kind.store->keeps_by_default > 0)
      text += "; of " + kind.name + " " + std::to_string(kind.store->keeps_by_default);
  }
  return text;
}

Type<PublishedView> view_type(const Kinds& kinds) {
  Keys<PublishedView> keys("view");
  keys.optional("from", &PublishedView::from, placed_table_name_type(), "",
                "The table it shows; or write `sql`.")
      .bound(false, "sql", sql_type(), "", "The SELECT it shows; or write `from`.",
             [](PublishedView& view, Text&& sql, const Node&, Reading&) {
               view.sql = std::move(sql.value);
               view.sql_begin = std::move(sql.place);
             })
      .required("table", &PublishedView::table, identifier_type(),
                "Its name in the serving store; of files: of the delivery.")
      .optional(
          "mode", &PublishedView::mode,
          word_type({"replace", "append", "upsert", "replace_interval"}), "replace",
          "`replace`: swapped whole. `append`: rows that are new since the last batch. `upsert`: "
          "changed rows by `key`. `replace_interval`: the intervals that changed.")
      .optional("indexes", &PublishedView::indexes, list_type(one_or_list_type(text_type())), "",
                "Indexes in the serving store: each a column or a list of columns.")
      .optional("unique", &PublishedView::unique, list_type(one_or_list_type(text_type())), "",
                "Unique indexes: each a column or a list of columns.")
      .optional(
          "key", &PublishedView::key, one_or_list_type(text_type()), "",
          "The columns that a row is known by: of `upsert`, and where the store keeps rows by key.")
      .optional("interval", &PublishedView::interval, text_type(), "the model's",
                "Of `replace_interval`: the column that holds the rows' time.")
      .optional("columns", &PublishedView::columns, map_type(text_type(), "column"), "",
                "Types in the store, where they are to be other than what follows from the lake's.")
      .optional("keep", &PublishedView::keep, keep_type(), kept_by_default(kinds),
                "Former batches that the store keeps, for a rollback.");
  for (const auto& kind : kinds.connections)
    if (kind.store && kind.store->own) keys.include(*kind.store->own);
  keys.then([](const Node& node, Reading& reading, PublishedView& view) {
    view.place = reading.place(node);
    check_mode(node, reading, view);
    const bool from = node.find("from") != nullptr, sql = node.find("sql") != nullptr;
    if (from == sql && node.kind == Node::Kind::map) {
      reading.problem(node, from ? "a view has \"from\" or \"sql\", not both"
                                 : "a view needs \"from\" or \"sql\"");
    }
  });
  return keys.type();
}

}  // namespace

Keys<Publication> publish_file(const Kinds& kinds) {
  Keys<Publication> keys("publication");
  keys.bound(true, "publish", label_type(), "",
             "The publication's name; as an asset it is `publish.NAME`.",
             [](Publication& publication, std::string&& name, const Node& node, Reading& reading) {
               publication.name = std::move(name);
               publication.place = reading.place(node);
             })
      .required("to", &Publication::to, placed_text_type(), "The connection that the views go to.")
      .include(common_keys(), &Publication::common)
      .bound(
          true, "views", list_type(view_type(kinds)), "", "What is published.",
          [&kinds](Publication& publication, std::vector<PublishedView>&& views, const Node& node,
                   Reading& reading) {
            publication.views = std::move(views);
            check_view_keys(publication, kinds, node, reading);
            if (node.kind == Node::Kind::null ||
                (node.kind == Node::Kind::list && node.items.empty())) {
              reading.expected(node, "at least one view");
            }
            for (size_t i = 0; i < publication.views.size(); ++i) {
              for (size_t k = 0; k < i; ++k) {
                const auto& view = publication.views[i];
                if (!view.table.empty() && lower(view.table) == lower(publication.views[k].table)) {
                  reading.problems.add(Code::configuration,
                                       "table " + in_quotes(view.table) + " is published twice", "",
                                       view.place);
                }
              }
            }
          });
  return keys;
}

}  // namespace windrow::project
