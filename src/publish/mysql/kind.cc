#include "publish/mysql/kind.h"

#include "clients/mysql.h"

namespace windrow::publish {

StoreKind mysql_kind() {
  StoreKind out;
  auto& connection = out.connection;
  connection.name = "mysql";
  connection.keys = {{"url", "`mysql://user:password@host:port/database`.", true},
                     {"user", "Who logs in, where the URL does not say it."},
                     {"password", "Where the URL does not say it."},
                     {"tls", "`verified`, `unverified` or `off`; verified to any other machine."},
                     {"ca", "A file: the authority that signed the server's certificate."},
                     {"certificate", "A file: our certificate."},
                     {"certificate_key", "A file: the key of our certificate."}};
  connection.exposure = [](const project::Connection& c, const std::string& root) {
    return clients::mysql_options([&](const char* key) { return c.text(key); },
                                  [&](const char* key) { return c.file(key, root); })
        .transport.exposure();
  };
  connection.store =
      project::StoreKeys{.modes = {"replace", "append", "upsert", "replace_interval"},
                         .keys = {"indexes", "unique", "key", "columns"},
                         .keeps_at_most = 1};
  out.open = mysql_store;
  return out;
}

}  // namespace windrow::publish
