#include "sources/example/growing_file.h"

#include "duck/duck.h"
#include "lake/row_work.h"
#include "project/project_fixture.h"

namespace windrow::sources {
namespace {

project::Kinds growing_alone() {
  project::Kinds out;
  out.sources = {growing_kind().declared};
  return out;
}

class GrowingFile : public project::ProjectFixture {
 protected:
  GrowingFile() : ProjectFixture(growing_alone()) {
    write("windrow.yaml", "project: logs\n");
    write("sources/lines.yaml",
          "source: bronze.lines\nfrom: {growing: app.log, record_bytes_max: 1kB}\n"
          "columns: {level: varchar}\n");
  }

  /// The rows of the next batch, which is then committed; "nothing" where there is none.
  std::string next() {
    const auto project = load_project();
    const auto reader =
        growing_kind().open(project.sources.at(0), {project, root_, *parse_time("2026-01-01")});
    const auto batch = reader->next(txns_, session_);
    EXPECT_EQ(batch.has_value(), reader->pending(txns_).has_value());
    if (!batch) return "nothing";
    std::string out = texts(batch->select + " ORDER BY begins_at");
    if (!batch->rejected_select.empty()) out += "set aside: " + texts(batch->rejected_select);
    for (const auto& txn : batch->txns) txns_[txn.app_id] = txn;
    return out;
  }
  std::string texts(const std::string& select) {
    std::string out;
    for (const auto& row : session_.query(select).rows) {
      for (const auto& cell : row) out += cell_text(cell) + "|";
      out += "\n";
    }
    return out;
  }

  duck::Database database_{duck::Options{}};
  duck::Connection connection_{database_};
  lake::DuckRows session_{connection_};
  std::map<std::string, lake::Txn> txns_;
};

TEST_F(GrowingFile, EveryLineComesOnce) {
  write("app.log", "");
  EXPECT_EQ(next(), "nothing");
  write("app.log", "{\"level\": \"info\"}\nstarted\n");
  EXPECT_EQ(next(), "{\"level\": \"info\"}|info|0|\nstarted|NULL|18|\n");
  EXPECT_EQ(next(), "nothing");
  write("app.log", "{\"level\": \"info\"}\nstarted\nstopped\n");
  EXPECT_EQ(next(), "stopped|NULL|26|\n");
}

TEST_F(GrowingFile, ALineThatIsStillBeingWrittenWaits) {
  write("app.log", "one\ntw");
  EXPECT_EQ(next().substr(0, 4), "one|");
  write("app.log", "one\ntwo\n");
  EXPECT_EQ(next().substr(0, 4), "two|");
}

TEST_F(GrowingFile, ALongLineIsSetAside) {
  write("app.log", std::string(1001, 'x') + "\nshort\n");
  EXPECT_NE(next().find("set aside: " + root_ + "/app.log|1|it is 1001 bytes long"),
            std::string::npos);
}

TEST_F(GrowingFile, AFileThatWasReplacedIsRefused) {
  write("app.log", "one\ntwo\n");
  next();
  write("app.log", "1\n");
  EXPECT_THROW(next(), Error);
}

TEST_F(GrowingFile, AWrongKeyIsToldWithItsPlace) {
  write("sources/lines.yaml", "source: bronze.lines\nfrom: {growing: app.log, chunk: 1}\n");
  EXPECT_NE(problems().find("lines.yaml:2:"), std::string::npos) << problems();
}

}  // namespace
}  // namespace windrow::sources
