#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "app/app.h"
#include "base/clock.h"
#include "duck/duck.h"

/// For tests of app/: projects on disk.
namespace windrow::app {

class ProjectTest : public testing::Test {
 protected:
  ProjectTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "windrow app ü XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ProjectTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& path, const std::string& text) const {
    const auto file = folder_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::unique_ptr<App> open(const std::string& project, const Clock& clock) {
    Options options;
    options.folder = (folder_ / project).string();
    return App::open(options, secrets_, clock);
  }
  /// What the one cell of a query says.
  static std::string ask(App& app, const std::string& sql) {
    const auto query = app.query({});
    query->prepare(sql);
    return cell_text(query->connection().value(sql));
  }

  std::filesystem::path folder_;
  Secrets secrets_;
};

inline RunOptions selected(const std::string& select) {
  RunOptions out;
  out.plan.select = select;
  out.jobs = 2;
  return out;
}

}  // namespace windrow::app
