#include "publish/mongodb/kind.h"

#include <fmt/format.h>

#include <limits>

#include "clients/mongodb.h"

namespace windrow::publish {

namespace {

using project::boolean_type;
using project::Keys;
using project::one_or_list_type;
using project::text_type;
using project::Type;

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

std::string as_text(const project::PublishedView& view) {
  const auto& form = document_form(view);
  return fmt::format("|{},{},{}", form.flat, form.view_type + "/" + form.collection,
                     joined({form.top}));
}

void check(const project::PublishedView& view, const project::WrongKey& wrong) {
  const auto& form = document_form(view);
  if (form.flat && !form.top.empty())
    wrong("document", "\"top\" does nothing beside \"flat\": all columns are fields already", "");
}

}  // namespace

const DocumentForm& document_form(const project::PublishedView& view) {
  return project::own_or_default<DocumentForm>(view);
}

StoreKind mongodb_kind() {
  StoreKind out;
  auto& connection = out.connection;
  connection.name = "mongodb";
  connection.keys = {{"url", "`mongodb://user:password@host:port/?authSource=admin`.", true},
                     {"database", "The database of the documents.", true},
                     {"ca", "A file: the authority that signed the server's certificate."},
                     {"certificate", "A file: our certificate, with its key."},
                     {"tls", "`verified`, `unverified` or `off`; verified to any other machine."}};
  connection.exposure = [](const project::Connection& c, const std::string&) {
    return clients::mongo_transport({c.text("url"), c.text("database"), c.text("ca"),
                                     c.text("certificate"), c.text("tls")})
        .exposure();
  };
  connection.store = project::StoreKeys{.keys = {"indexes", "unique", "key", "columns"},
                                        .keeps_at_most = std::numeric_limits<int>::max(),
                                        .keeps_by_default = 1};
  connection.store->own = Keys<project::PublishedView>().bound(
      false, "document", document_type(), "", "Of mongodb: how a row becomes a document.",
      project::as_own);
  connection.store->check = check;
  out.open = mongodb_store;
  out.own_as_text = as_text;
  // Of a document: its own fields, and those below others.
  out.indexes_beside_columns = [](std::string_view name) {
    return name.find('.') != std::string_view::npos || name == "view_type" ||
           name == "computed_at" || name == "batch_run_id";
  };
  return out;
}

}  // namespace windrow::publish
