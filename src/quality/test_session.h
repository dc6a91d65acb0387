#pragma once

#include "engine/engine.h"

namespace windrow::quality {

/// For tests: a session that is a bare connection and stages nothing.
class TestSession : public engine::Session {
 public:
  TestSession() : database_(duck::Options{}), connection_(database_) {}
  lake::Staged stage(const std::string&, const duck::Parameters&, const engine::Method&,
                     const engine::Target&) override {
    throw Error(Code::internal, "not in this test");
  }
  duck::Rows query(const std::string& sql, const duck::Parameters& parameters = {}) override {
    return connection_.query(sql, parameters);
  }
  std::vector<duck::Column> describe(const std::string& select,
                                     const duck::Parameters& parameters = {}) override {
    return connection_.describe(select, parameters);
  }
  duck::Connection* connection() override { return &connection_; }

 private:
  duck::Database database_;
  duck::Connection connection_;
};

}  // namespace windrow::quality
