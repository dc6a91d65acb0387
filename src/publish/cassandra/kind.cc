#include "publish/cassandra/kind.h"

#include "base/url.h"
#include "clients/transport.h"

namespace windrow::publish {

namespace {

using project::Keys;
using project::map_type;
using project::Node;
using project::one_or_list_type;
using project::Reading;
using project::text_type;

project::Type<CassandraTable> cassandra_type() {
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

std::string as_text(const project::PublishedView& view) {
  const auto& table = cassandra_declared(view);
  std::string out(kNothingOfItsOwn);
  if (table.partition.empty() && table.clustering.empty() && table.ttl.empty() &&
      table.index.empty() && table.options.empty())
    return out;
  out += "|" + joined({table.partition, table.clustering}) + table.ttl + "," + table.index;
  for (const auto& [option, value] : table.options) out += "," + option + "=" + value;
  return out;
}

void check(const project::PublishedView& view, const project::WrongKey& wrong) {
  const auto& table = cassandra_declared(view);
  if (!table.index.empty() && view.indexes.empty())
    wrong("cassandra", "\"index\" does nothing: the view has no \"indexes\"", "");
  if (!table.partition.empty() && view.mode != "upsert")
    wrong("key", "\"key\" does nothing beside the partition of \"cassandra\"", "give one of them");
}

}  // namespace

const CassandraTable& cassandra_declared(const project::PublishedView& view) {
  return project::own_or_default<CassandraTable>(view);
}

StoreKind cassandra_kind() {
  StoreKind out;
  auto& connection = out.connection;
  connection.name = "cassandra";
  connection.keys = {
      {"hosts", "`HOST:PORT`, several with commas.", true},
      {"keyspace", "The keyspace of the tables; made where it is not there.", true},
      {"user", "Who logs in."},
      {"password", "Of the user."},
      {"tls", "`verified`, `unverified` or `off`; verified to any other machine."},
      {"ca", "A file: the authority that signed the server's certificate."},
      {"certificate", "A file: our certificate."},
      {"certificate_key", "A file: the key of our certificate."},
      {"consistency", "Of every write; `local_quorum` where nothing is said."},
      {"replication", "Of a keyspace that is made: `3`, or `{dc1: 3, dc2: 2}`.", false, false},
      {"compression", "`lz4` or `none`."},
      {"data_center", "Whose nodes are written to; else that of the first host that answers."},
      {"protocol", "Version of the native protocol: 5, or 4."},
      {"in_flight", "Requests at once on a connection; 512."},
      {"timeout", "Of one request; `12s`."}};
  connection.exposure = [](const project::Connection& c, const std::string&) {
    return clients::transport_of(c.text("tls"), hosts_of(c.text("hosts")), !c.text("ca").empty())
        .exposure();
  };
  connection.store = project::StoreKeys{.modes = {"replace", "append", "upsert"},
                                        .keys = {"indexes", "key", "columns"},
                                        .keeps_at_most = 1};
  connection.store->own = Keys<project::PublishedView>().bound(
      false, "cassandra", cassandra_type(), "",
      "Of cassandra: the primary key and how long rows live.", project::as_own);
  connection.store->check = check;
  out.open = cassandra_store;
  out.own_as_text = as_text;
  out.own_columns = [](const project::PublishedView& view) {
    const auto& table = cassandra_declared(view);
    auto columns = table.partition;
    columns.insert(columns.end(), table.clustering.begin(), table.clustering.end());
    return columns;
  };
  return out;
}

}  // namespace windrow::publish
