#include "clients/transport.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "clients/mongodb.h"
#include "clients/postgres_options.h"

namespace windrow::clients {
namespace {

TEST(Transport, IsVerifiedToAnyOtherMachineUnlessLessIsSpelledOut) {
  EXPECT_EQ(transport_of("", {"db.example"}, false).protection, Protection::verified);
  EXPECT_EQ(transport_of("", {"localhost", "db.example"}, false).protection, Protection::verified);
  EXPECT_EQ(transport_of("", {}, false).protection, Protection::verified);
  EXPECT_EQ(transport_of("", {"127.0.0.1", "::1"}, false).protection, std::nullopt);
  EXPECT_EQ(transport_of("", {"localhost"}, true).protection, Protection::verified);
  EXPECT_EQ(transport_of("true", {"localhost"}, false).protection, Protection::verified);
  EXPECT_EQ(transport_of("require", {"db"}, false).protection, Protection::verified);
  EXPECT_EQ(transport_of("unverified", {"db"}, false).protection, Protection::unverified);
  EXPECT_EQ(transport_of("off", {"db"}, false).protection, Protection::off);
  for (const char* word : {"prefer", "allow", "verify-ca", "yes"})
    EXPECT_THROW(transport_of(word, {"db"}, false), Error) << word;
}

TEST(Transport, SaysWhatOthersOnTheWayCanDo) {
  EXPECT_EQ(transport_of("", {"db"}, false).exposure(), "");
  EXPECT_NE(transport_of("unverified", {"db"}, false).exposure().find("not verified"),
            std::string::npos);
  EXPECT_NE(transport_of("off", {"127.0.0.1", "db"}, false).exposure().find("TLS is off"),
            std::string::npos);
  EXPECT_EQ(transport_of("off", {"127.0.0.1"}, false).exposure(), "");
  EXPECT_NE(http_exposure("http://api.example/x"), "");
  EXPECT_EQ(http_exposure("http://localhost:80/x"), "");
  EXPECT_EQ(http_exposure("https://api.example/x"), "");
  EXPECT_EQ(http_exposure(""), "");
}

std::string mode_of(const std::string& url, const std::string& tls = "",
                    const std::string& ca = "") {
  PostgresOptions options{.url = url, .tls = tls};
  if (!ca.empty()) options.settings["sslrootcert"] = ca;
  const auto all = protected_settings(options);
  const auto found = all.find("sslmode");
  return found == all.end() ? "" : found->second;
}

TEST(PostgresTransport, FollowsTheHostsThatLibpqWouldTake) {
  ::unsetenv("PGHOST");
  const std::string ca = "/ca.pem";
  EXPECT_EQ(mode_of("postgresql://db.example/x", "", ca), "verify-full");
  EXPECT_EQ(mode_of("host=db.example dbname=x", "", ca), "verify-full");
  EXPECT_EQ(mode_of("postgresql://localhost,db.example/x", "", ca), "verify-full");
  EXPECT_EQ(mode_of("postgresql://localhost/x?hostaddr=10.0.0.1", "", ca), "verify-full");
  EXPECT_EQ(mode_of("postgresql:///x?service=prod", "", ca), "verify-full");
  EXPECT_EQ(mode_of("postgresql://127.0.0.1/x"), "");
  EXPECT_EQ(mode_of("postgresql:///x?host=/run/postgresql"), "");
  EXPECT_EQ(mode_of("postgresql:///x"), "");
  EXPECT_EQ(mode_of("postgresql://localhost/x?sslmode=require"), "");
  EXPECT_EQ(mode_of("postgresql://db.example/x", "unverified"), "require");
  EXPECT_EQ(mode_of("postgresql://db.example/x", "off"), "disable");
  EXPECT_EQ(mode_of("postgresql://db.example/x?sslmode=disable", "require", ca), "verify-full");
  ::setenv("PGHOST", "db.example", 1);
  EXPECT_EQ(mode_of("postgresql:///x", "", ca), "verify-full");
  ::unsetenv("PGHOST");
}

TEST(PostgresTransport, TakesNoWeakerModeFromTheUrl) {
  for (const char* mode : {"disable", "allow", "prefer", "require", "verify-ca"})
    EXPECT_THROW(mode_of(std::string("postgresql://db.example/x?sslmode=") + mode), Error) << mode;
  EXPECT_EQ(mode_of("postgresql://db.example/x?sslmode=verify-full&sslrootcert=/ca"),
            "verify-full");
}

std::optional<Protection> mongo(const std::string& url, const std::string& tls = "") {
  return mongo_transport({url, "d", "", "", tls}).protection;
}

TEST(MongoTransport, IsThatOfTheOthers) {
  EXPECT_EQ(mongo("mongodb://db.example/"), Protection::verified);
  EXPECT_EQ(mongo("mongodb://localhost,db.example/"), Protection::verified);
  EXPECT_EQ(mongo("mongodb+srv://films.db.example/"), Protection::verified);
  EXPECT_EQ(mongo("mongodb://127.0.0.1:27017/"), std::nullopt);
  EXPECT_EQ(mongo("mongodb://db.example/?tls=false", "off"), Protection::off);
  EXPECT_EQ(mongo("mongodb://db.example/?tlsInsecure=true", "unverified"), Protection::unverified);
  EXPECT_THROW(mongo("mongodb://db.example/?tls=false"), Error);
  EXPECT_THROW(mongo("mongodb://db.example/?tls=true&tlsInsecure=true"), Error);
  EXPECT_THROW(mongo("mongodb://db.example/?tls=true&tlsAllowInvalidHostnames=true"), Error);
}

}  // namespace
}  // namespace windrow::clients
