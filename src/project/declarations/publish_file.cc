#include "project/declarations/files.h"
#include "project/names.h"

namespace windrow::project {
namespace {

Type<PublishedView> view_type() {
  Keys<PublishedView> keys("view");
  keys.optional("from", &PublishedView::from, placed_table_name_type(), "",
                "The table it shows; or write `sql`.")
      .bound(false, "sql", sql_type(), "", "The SELECT it shows; or write `from`.",
             [](PublishedView& view, Text&& sql, const Node&, Reading&) {
               view.sql = std::move(sql.value);
               view.sql_begin = std::move(sql.place);
             })
      .required("table", &PublishedView::table, identifier_type(), "Its name in the serving store.")
      .optional("mode", &PublishedView::mode, word_type({"replace"}), "replace",
                "The view is swapped whole.")
      .optional("indexes", &PublishedView::indexes, list_type(one_or_list_type(text_type())), "",
                "Indexes in the serving store: each a column or a list of columns.")
      .then([](const Node& node, Reading& reading, PublishedView& view) {
        view.place = reading.place(node);
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
