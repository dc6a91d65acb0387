#include "base/text.h"
#include "base/time.h"
#include "project/declarations/files.h"
#include "project/names.h"
#include "project/publication_rules.h"

namespace windrow::project {
namespace {

Type<std::optional<MergeView>> merge_type() {
  auto keys = Keys<MergeView>("merge view")
                  .required("view", &MergeView::view, text_type(), "The view's name in the store.")
                  .required("speed", &MergeView::speed, text_type(),
                            "The table that the speed layer writes.")
                  .required("time", &MergeView::time, text_type(),
                            "The column of both that says when a row is of.")
                  .optional("key", &MergeView::key, one_or_list_type(text_type()), "",
                            "Of aggregates: the columns that a group is known by.")
                  .optional("sum", &MergeView::sum, one_or_list_type(text_type()), "",
                            "Of aggregates: the columns that are added up over both.")
                  .then([](const Node& node, Reading& reading, MergeView& merge) {
                    merge.place = reading.place(node);
                    if (merge.key.empty() != merge.sum.empty())
                      reading.problem(node, "\"key\" and \"sum\" of a merge view go together");
                  })
                  .type();
  return mapped_type<MergeView, std::optional<MergeView>>(
      keys, [](const Node&, Reading&, MergeView&& made, std::optional<MergeView>& value) {
        value = std::move(made);
        return true;
      });
}

Type<DocumentForm> document_type() {
  return Keys<DocumentForm>("document")
      .optional("flat", &DocumentForm::flat, boolean_type(), "false",
                "Columns become fields; else they lie under `data`, beside `view_type`, "
                "`computed_at` and `batch_run_id`.")
      .optional("view_type", &DocumentForm::view_type, text_type(), "the view's name",
                "What `view_type` says.")
      .optional("collection", &DocumentForm::collection, text_type(), "the view's name",
                "Where the documents lie; several views may share one.")
      .optional("top", &DocumentForm::top, one_or_list_type(text_type()), "",
                "Columns that stand beside `data`, not in it.")
      .type();
}

Type<CassandraTable> cassandra_type() {
  return Keys<CassandraTable>("cassandra")
      .optional("partition", &CassandraTable::partition, one_or_list_type(text_type()),
                "the view's key", "Columns that say on which nodes a row lies.")
      .optional("clustering", &CassandraTable::clustering, one_or_list_type(text_type()), "",
                "Columns that order and tell apart the rows of a partition; `-column` downwards.")
      .optional("ttl", &CassandraTable::ttl, text_type(), "",
                "A duration after which rows vanish: `30d`. It begins when they are written.")
      .optional("index", &CassandraTable::index, text_type(),
                "sai; before Cassandra 5 the server's",
                "The kind of the indexes: `sai`, `legacy_local_table`, or a class.")
      .optional("options", &CassandraTable::options, map_type(text_type(), "option"), "",
                "Further options of the table when it is made, as CQL writes them: "
                "`{gc_grace_seconds: 86400}`.")
      .then([](const Node& node, Reading& reading, CassandraTable& table) {
        const auto* ttl = node.find("ttl");
        if (ttl && !table.ttl.empty() && !parse_duration(table.ttl))
          reading.problem(*ttl, "\"" + table.ttl + "\" is not a duration",
                          "for example 30d or 12h");
      })
      .type();
}

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

Type<PublishedView> view_type() {
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
      .optional("key", &PublishedView::key, one_or_list_type(text_type()), "",
                "The columns that a row is known by: of `upsert`, of documents and of cassandra.")
      .optional("interval", &PublishedView::interval, text_type(), "the model's",
                "Of `replace_interval`: the column that holds the rows' time.")
      .optional("columns", &PublishedView::columns, map_type(text_type(), "column"), "",
                "Types in the store, where they are to be other than what follows from the lake's.")
      .optional("keep", &PublishedView::keep, keep_type(), "0; of mongodb 1",
                "Former batches that the store keeps, for a rollback.")
      .optional(
          "merge", &PublishedView::merge, merge_type(), "",
          "Of postgres: a view of the batch up to its boundary and a speed layer's rows after it.")
      .optional("document", &PublishedView::document, document_type(), "",
                "Of mongodb: how a row becomes a document.")
      .optional("cassandra", &PublishedView::cassandra, cassandra_type(), "",
                "Of cassandra: the primary key and how long rows live.")
      .optional("file", &PublishedView::file, report_type(), "",
                "Of files: the format of the delivery.")
      .then([](const Node& node, Reading& reading, PublishedView& view) {
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

Keys<Publication> make() {
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
          true, "views", list_type(view_type()), "", "What is published.",
          [](Publication& publication, std::vector<PublishedView>&& views, const Node& node,
             Reading& reading) {
            publication.views = std::move(views);
            check_view_keys(publication, node, reading);
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

}  // namespace

const Keys<Publication>& publish_file() {
  static const Keys<Publication> keys = make();
  return keys;
}

}  // namespace windrow::project
