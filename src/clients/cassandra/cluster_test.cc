#include "clients/cassandra/cluster.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

/// Against a real Cassandra where there is one: `eval "$(./dev servers up cassandra)"`, also
/// `cassandra-secure` and `cassandra-ring`. tests/integration/cassandra_test.py runs them.
namespace windrow::clients::cassandra {
namespace {

ClusterOptions options_of(const char* variable) {
  const char* text = std::getenv(variable);
  ClusterOptions out;
  if (text == nullptr) return out;
  const std::string at = text;
  out.contacts = {{at.substr(0, at.rfind(':')), std::stoi(at.substr(at.rfind(':') + 1))}};
  out.consistency = Consistency::one;
  return out;
}

#define CASSANDRA_OR_SKIP(options, variable)     \
  ClusterOptions options = options_of(variable); \
  if (options.contacts.empty()) GTEST_SKIP() << variable << " is not set"

constexpr const char* kKeyspace =
    "CREATE KEYSPACE IF NOT EXISTS windrow_unit WITH replication = {'class': 'SimpleStrategy', "
    "'replication_factor': 1}";

TEST(CassandraLive, EveryTypeInBothVersions) {
  CASSANDRA_OR_SKIP(options, "WINDROW_TEST_CASSANDRA");
  const std::vector<std::pair<std::string, std::string>> all = {
      {"ascii", "abc"},
      {"bigint", "-9223372036854775808"},
      {"blob", "0x00ff"},
      {"boolean", "true"},
      {"decimal", "-12.340"},
      {"double", "1.5"},
      {"float", "-0.25"},
      {"int", "-2147483648"},
      {"timestamp", "2025-10-17T14:00:00.123Z"},
      {"uuid", "0e6dd6f5-9f0a-4c4b-9d5e-000000000001"},
      {"text", "Zoë"},
      {"varint", "-170141183460469231731687303715884105729"},
      {"timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f"},
      {"inet", "2001:db8::1"},
      {"date", "1969-12-31"},
      {"time", "23:59:59.123456789"},
      {"smallint", "-32768"},
      {"tinyint", "127"}};
  for (const int version : {4, 5}) {
    for (const auto compression : {Compression::none, Compression::lz4}) {
      options.connection.version = version;
      options.connection.compression = compression;
      Cluster cluster(options);
      ASSERT_EQ(cluster.protocol(), version);
      cluster.change(kKeyspace);
      cluster.change("DROP TABLE IF EXISTS windrow_unit.types");
      std::string columns, names, marks;
      for (const auto& [type, value] : all) {
        columns += "c_" + type + " " + type + ", ";
        names += "c_" + type + ", ";
        marks += "?, ";
      }
      cluster.change("CREATE TABLE windrow_unit.types (k int PRIMARY KEY, " + columns +
                     "c_list frozen<list<int>>, c_duration duration)");
      const auto insert = cluster.prepare("INSERT INTO windrow_unit.types (" + names +
                                          "k, c_list, c_duration) VALUES (" + marks + "?, ?, ?)");
      ASSERT_EQ(insert->partition, std::vector<uint16_t>{uint16_t(all.size())});
      Values values;
      for (size_t i = 0; i < all.size(); ++i)
        values.bytes(from_text(insert->columns[i].type, all[i].second));
      values.integer(int32_t(1));
      std::string list;
      put_big_endian(list, int32_t(2));
      for (const int32_t element : {7, 8}) {
        put_big_endian(list, int32_t(4));
        put_big_endian(list, element);
      }
      values.bytes(list);
      values.bytes(duration_bytes(1, 2, 3000));
      cluster.write(*insert, values, 1000);
      cluster.finish();
      const auto rows = cluster.query("SELECT * FROM windrow_unit.types WHERE k = 1");
      ASSERT_EQ(rows.rows.size(), 1u);
      for (const auto& [type, value] : all) EXPECT_EQ(rows.text(0, "c_" + type), value) << type;
      EXPECT_EQ(rows.text(0, "c_list"), "[7, 8]");
      EXPECT_EQ(rows.text(0, "c_duration"), "1mo2d3000ns");
    }
  }
}

TEST(CassandraLive, PagesBatchesAndOlderTimestamps) {
  CASSANDRA_OR_SKIP(options, "WINDROW_TEST_CASSANDRA");
  options.in_flight = 16;
  options.page_rows = 100;
  options.connection.compression = Compression::lz4;
  Cluster cluster(options);
  cluster.change(kKeyspace);
  cluster.change("DROP TABLE IF EXISTS windrow_unit.pages");
  cluster.change("CREATE TABLE windrow_unit.pages (a int, b int, words text, PRIMARY KEY (a, b))");
  const auto insert =
      cluster.prepare("INSERT INTO windrow_unit.pages (a, b, words) VALUES (?, ?, ?)");
  std::vector<Values> rows(10);
  for (int32_t a = 0; a < 100; ++a) {
    for (int32_t b = 0; b < 10; ++b) {
      auto& row = rows[size_t(b)];
      row.clear();
      row.integer(a);
      row.integer(b);
      row.text(std::string(200, 'w') + std::to_string(a));
    }
    cluster.write_batch(*insert, rows, rows.size(), 2000);
  }
  Values large;  // more than a segment holds
  large.integer(int32_t(1000));
  large.integer(int32_t(0));
  large.text(std::string(400000, 'L'));
  cluster.write(*insert, large, 2000);
  cluster.finish();
  Values old;  // loses against what is there
  old.integer(int32_t(5));
  old.integer(int32_t(5));
  old.text("old");
  cluster.write(*insert, old, 1999);
  cluster.finish();
  size_t count = 0, pages = 0;
  std::set<std::string> words;
  cluster.stream("SELECT a, b, words FROM windrow_unit.pages", [&](const Rows& page) {
    ++pages;
    count += page.rows.size();
    for (size_t i = 0; i < page.rows.size(); ++i) words.insert(*page.text(i, "words"));
  });
  EXPECT_EQ(count, 1001u);
  EXPECT_GE(pages, 11u);
  EXPECT_EQ(words.size(), 101u);
  EXPECT_EQ(words.count("old"), 0u);
}

TEST(CassandraLive, WrongStatementsAndValuesAreTold) {
  CASSANDRA_OR_SKIP(options, "WINDROW_TEST_CASSANDRA");
  Cluster cluster(options);
  cluster.change(kKeyspace);
  cluster.change("CREATE TABLE IF NOT EXISTS windrow_unit.told (a int PRIMARY KEY, b text)");
  EXPECT_THROW(cluster.query("SELECT * FROM windrow_unit.none"), Error);
  EXPECT_THROW(cluster.prepare("INSERT nonsense"), Error);
  const auto insert = cluster.prepare("INSERT INTO windrow_unit.told (a, b) VALUES (?, ?)");
  Values values;
  values.null();  // the key
  values.text("x");
  EXPECT_THROW(
      {
        cluster.write(*insert, values, 1);
        cluster.finish();
      },
      Error);
  const auto made =
      cluster.conditional("UPDATE windrow_unit.told SET b = 'x' WHERE a = 77 IF b = 'nobody'", {});
  EXPECT_FALSE(made.applied());
  // A statement that the node has thrown out is prepared again.
  cluster.change("ALTER TABLE windrow_unit.told WITH comment = 'again'");
  values.clear();
  values.integer(int32_t(3));
  values.text("y");
  cluster.write(*insert, values, 1);
  cluster.finish();
  EXPECT_EQ(cluster.query("SELECT b FROM windrow_unit.told WHERE a = 3").text(0, "b"), "y");
}

TEST(CassandraLive, CancelEndsTheWait) {
  CASSANDRA_OR_SKIP(options, "WINDROW_TEST_CASSANDRA");
  Cluster cluster(options);
  Cancel cancel;
  cluster.stop_on(&cancel);
  cancel.request();
  EXPECT_THROW(cluster.query("SELECT * FROM system.local"), Error);
}

TEST(CassandraLive, NobodyThere) {
  ClusterOptions options;
  options.contacts = {{"127.0.0.1", 1}};
  try {
    Cluster cluster(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unavailable);
    EXPECT_NE(std::string(error.what()).find("127.0.0.1:1"), std::string::npos);
  }
}

TEST(CassandraLive, PasswordsOverTls) {
  CASSANDRA_OR_SKIP(options, "WINDROW_TEST_CASSANDRA_SECURE");
  options.connection.security = {
      "cassandra", "cassandra", true, true, std::getenv("WINDROW_TEST_CASSANDRA_CA"), "", ""};
  EXPECT_EQ(Cluster(options).query("SELECT key FROM system.local").text(0, "key"), "local");
  auto wrong = options;
  wrong.connection.security.password = "hushhush";
  try {
    Cluster cluster(wrong);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::permission);
    EXPECT_EQ(std::string(error.what()).find("hushhush"), std::string::npos);
  }
  auto nobody = options;
  nobody.connection.security.user = "";
  EXPECT_THROW(Cluster cluster(nobody), Error);
  auto stranger = options;  // an authority that did not sign it
  stranger.connection.security.ca = "";
  EXPECT_THROW(Cluster cluster(stranger), Error);
  auto plain = options;
  plain.connection.security.tls = false;
  plain.connection.connect_timeout = std::chrono::milliseconds(1500);
  EXPECT_THROW(Cluster cluster(plain), Error);
}

TEST(CassandraLive, EachRowGoesToTheNodeThatOwnsIt) {
  CASSANDRA_OR_SKIP(options, "WINDROW_TEST_CASSANDRA_RING");
  Cluster cluster(options);
  ASSERT_EQ(cluster.nodes().size(), 2u);
  cluster.change(kKeyspace);
  cluster.change("CREATE TABLE IF NOT EXISTS windrow_unit.ring (a text, b int, PRIMARY KEY (a))");
  const auto insert = cluster.prepare("INSERT INTO windrow_unit.ring (a, b) VALUES (?, ?)");
  const auto before = cluster.sent();
  Values values;
  for (int i = 0; i < 1000; ++i) {
    values.clear();
    values.text("key " + std::to_string(i));
    values.integer(int32_t(i));
    cluster.write(*insert, values, 1);
  }
  cluster.finish();
  const auto rows = cluster.query("SELECT token(a) AS t FROM windrow_unit.ring");
  std::map<std::string, int64_t> owned;  // the first node's token is the least, the second's 0
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const auto token = std::stoll(*rows.text(i, "t"));
    ++owned[token > -INT64_MAX && token <= 0 ? "127.0.0.2" : "127.0.0.1"];
  }
  for (const auto& node : cluster.nodes()) {
    const auto found = before.find(node.text());
    const auto sent = cluster.sent().at(node.text()) - (found == before.end() ? 0 : found->second);
    EXPECT_NEAR(double(sent), double(owned[node.host]), 3) << node.text();
  }
}

}  // namespace
}  // namespace windrow::clients::cassandra
