#include "publish/postgres/kind.h"

#include "clients/postgres_options.h"

namespace windrow::publish {

namespace {

using project::Keys;
using project::Node;
using project::one_or_list_type;
using project::Reading;
using project::text_type;
using project::Type;

Type<MergeView> merge_type() {
  return Keys<MergeView>("merge view")
      .required("view", &MergeView::view, text_type(), "The view's name in the store.")
      .required("speed", &MergeView::speed, text_type(), "The table that the speed layer writes.")
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
}

std::string as_text(const project::PublishedView& view) {
  std::string out;
  if (const auto* merge = project::own<MergeView>(view)) {
    out = "|" + merge->view + "," + merge->speed + "," + merge->time + "," +
          joined({merge->key, merge->sum});
  }
  return out.append(kNothingOfItsOwn);
}

}  // namespace

StoreKind postgres_kind() {
  StoreKind out;
  auto& connection = out.connection;
  connection.name = "postgres";
  connection.keys = {{"url", "`postgresql://user:password@host:port/database`.", true},
                     {"user", "Who logs in, where the URL does not say it."},
                     {"password", "Where the URL does not say it."},
                     {"schema", "The schema of the tables; else the one that the server chooses."},
                     {"tls", "`verified`, `unverified` or `off`; verified to any other machine."},
                     {"ca", "A file: the authority that signed the server's certificate."},
                     {"certificate", "A file: our certificate."},
                     {"certificate_key", "A file: the key of our certificate."},
                     {"application_name", "What the server calls us."}};
  connection.exposure = [](const project::Connection& c, const std::string& root) {
    const auto said = [&](const char* key) { return c.text(key); };
    return clients::postgres_transport(clients::postgres_options(said, root)).exposure();
  };
  connection.store =
      project::StoreKeys{.modes = {"replace", "append", "upsert", "replace_interval"},
                         .keys = {"indexes", "unique", "key", "columns"},
                         .keeps_at_most = 1};
  connection.store->own = Keys<project::PublishedView>().bound(
      false, "merge", merge_type(), "",
      "Of postgres: a view of the batch up to its boundary and a speed layer's rows after it.",
      project::as_own);
  out.open = postgres_store;
  out.own_as_text = as_text;
  return out;
}

}  // namespace windrow::publish
