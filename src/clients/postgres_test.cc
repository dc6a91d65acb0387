#include "clients/postgres.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace windrow::clients {
namespace {

TEST(PostgresUrl, ThatDoesNotReadIsNotShown) {
  try {
    Postgres database({.url = "postgresql://me:hush%zz@host:1/db"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::configuration);
    EXPECT_EQ(std::string(error.what()).find("hush"), std::string::npos);
  }
}

TEST(PostgresUrl, OfNobodyIsUnavailableAndKeepsThePassword) {
  try {
    Postgres database({.url = "postgresql://me:hushhush@127.0.0.1:1/db"});
    FAIL();
  } catch (const PostgresError& error) {
    EXPECT_EQ(error.code(), Code::unavailable);
    EXPECT_EQ(std::string(error.what()).find("hushhush"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("127.0.0.1:1/db"), std::string::npos);
  }
}

TEST(PostgresQuoting, Doubles) {
  EXPECT_EQ(postgres_name("a\"b c"), "\"a\"\"b c\"");
  EXPECT_EQ(postgres_literal("it's"), "'it''s'");
  EXPECT_EQ(postgres_literal("a\\'"), " E'a\\\\'''");
  EXPECT_THROW(postgres_name(std::string("a\0b", 3)), Error);
}

/// Against a real server: `./dev servers up postgres`.
class PostgresReal : public testing::Test {
 protected:
  void SetUp() override {
    const char* url = std::getenv("WINDROW_TEST_POSTGRES");
    if (!url) GTEST_SKIP() << "WINDROW_TEST_POSTGRES is not set";
    database = std::make_unique<Postgres>(PostgresOptions{.url = url});
    database->execute(
        "DROP TABLE IF EXISTS clients_test; CREATE TABLE clients_test (a int PRIMARY "
        "KEY, b text)");
  }
  std::unique_ptr<Postgres> database;
};

TEST_F(PostgresReal, ValuesGoAndCome) {
  const auto rows = database->query("SELECT $1::text, $2::text, 7 AS n", {"it's \\ ü", {}});
  ASSERT_EQ(rows.rows.size(), 1u);
  EXPECT_EQ(rows.rows[0][0], "it's \\ ü");
  EXPECT_FALSE(rows.rows[0][1]);
  EXPECT_EQ(rows.columns[2].name, "n");
  EXPECT_EQ(rows.columns[2].type, 23u);
  EXPECT_EQ(
      database->query("INSERT INTO clients_test SELECT g FROM generate_series(1, 5) g").affected,
      5);
  EXPECT_EQ(database->value("SELECT 1 WHERE false"), std::nullopt);
  EXPECT_EQ(database->value("SELECT " + postgres_literal("a\\b'c")), "a\\b'c");
}

TEST_F(PostgresReal, ErrorsHaveTheirCodes) {
  const auto code = [&](const std::string& sql) {
    try {
      database->execute(sql);
    } catch (const PostgresError& error) {
      return error.code();
    }
    return Code::internal;
  };
  EXPECT_EQ(code("SELECT * FROM no_such_table"), Code::not_found);
  EXPECT_EQ(code("INSERT INTO clients_test VALUES (1), (1)"), Code::data);
  EXPECT_EQ(code("SELECT 1/0"), Code::data);
  EXPECT_EQ(code("SELEC"), Code::configuration);
  EXPECT_EQ(code("SELECT pg_read_file('/etc/passwd')"), Code::permission);
  EXPECT_EQ(code("SET statement_timeout = 20; SELECT pg_sleep(5)"), Code::timeout);
}

TEST_F(PostgresReal, CopyInAndOut) {
  PostgresCopyIn in(*database, "COPY clients_test FROM STDIN");
  for (int i = 0; i < 20000; ++i)
    in.write(std::to_string(i) + "\tzeile ü " + std::to_string(i) + "\n");
  EXPECT_EQ(in.finish(), 20000);
  int64_t rows = 0;
  database->copy_out("COPY clients_test TO STDOUT", [&](std::string_view) { return ++rows > 0; });
  EXPECT_EQ(rows, 20000);
  rows = 0;
  database->copy_out("COPY clients_test TO STDOUT", [&](std::string_view) { return ++rows < 3; });
  EXPECT_EQ(rows, 3);
  rows = 0;
  database->stream("SELECT a FROM clients_test WHERE a < $1", {"100"}, {},
                   [&](const Postgres::Texts&) { return ++rows > 0; });
  EXPECT_EQ(rows, 100);
  EXPECT_EQ(database->value("SELECT count(*) FROM clients_test"), "20000");
}

TEST_F(PostgresReal, CopyThatIsGivenUpLeavesNothing) {
  {
    PostgresCopyIn in(*database, "COPY clients_test FROM STDIN");
    in.write("1\tx\n");
  }
  EXPECT_EQ(database->value("SELECT count(*) FROM clients_test"), "0");
  PostgresCopyIn in(*database, "COPY clients_test FROM STDIN");
  in.write("1\tx\nno number\tx\n");
  EXPECT_THROW(in.finish(), PostgresError);
  EXPECT_EQ(database->value("SELECT count(*) FROM clients_test"), "0");
}

TEST_F(PostgresReal, TransactionsAreRolledBack) {
  {
    PostgresTransaction transaction(*database);
    database->execute("INSERT INTO clients_test VALUES (1)");
    EXPECT_TRUE(database->in_transaction());
  }
  EXPECT_FALSE(database->in_transaction());
  EXPECT_EQ(database->value("SELECT count(*) FROM clients_test"), "0");
  {
    PostgresTransaction transaction(*database);
    EXPECT_THROW(database->execute("SELECT 1/0"), Error);
    EXPECT_THROW(transaction.commit(), Error);
  }
}

TEST_F(PostgresReal, CancelStopsAStatement) {
  Cancel cancel;
  const auto stop = database->stop_on(cancel);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel.request();
  });
  try {
    database->execute("SELECT pg_sleep(30)");
    ADD_FAILURE();
  } catch (const PostgresError& error) {
    EXPECT_EQ(error.code(), Code::canceled);
  }
  later.join();
  EXPECT_EQ(database->value("SELECT 1"), "1");
}

TEST_F(PostgresReal, AConnectionThatIsKilledIsLost) {
  Postgres other({.url = std::getenv("WINDROW_TEST_POSTGRES")});
  other.query("SELECT pg_terminate_backend($1::int)", {database->value("SELECT pg_backend_pid()")});
  try {
    database->execute("SELECT 1");
    ADD_FAILURE();
  } catch (const PostgresError& error) {
    EXPECT_TRUE(error.lost());
    EXPECT_EQ(error.code(), Code::unavailable);
  }
}

TEST_F(PostgresReal, WrongPasswordAndTls) {
  const std::string url = std::getenv("WINDROW_TEST_POSTGRES");
  try {
    Postgres other({.url = url, .settings = {{"password", "not-the-one"}}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::permission);
    EXPECT_EQ(std::string(error.what()).find("not-the-one"), std::string::npos);
  }
  const char* authority = std::getenv("WINDROW_TEST_POSTGRES_CA");
  if (!authority) return;
  Postgres other(
      {.url = url, .settings = {{"sslmode", "verify-full"}, {"sslrootcert", authority}}});
  EXPECT_TRUE(other.encrypted());
  EXPECT_THROW(
      Postgres(
          {.url = url, .settings = {{"sslmode", "verify-full"}, {"sslrootcert", "/etc/hostname"}}}),
      Error);
}

}  // namespace
}  // namespace windrow::clients
