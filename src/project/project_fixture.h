#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "project/kinds.h"
#include "project/project.h"

namespace windrow::project {

/// Some kinds of connection and source, declared as the rooms above declare theirs.
inline Kinds kinds_for_tests() {
  Kinds out;
  const auto add = [&](const char* name, std::vector<ConnectionKey> keys, bool open = false) {
    out.connections.emplace_back();
    out.connections.back().name = name;
    out.connections.back().keys = std::move(keys);
    out.connections.back().open = open;
  };
  const ConnectionKey settings{"settings", "Further ones.", false, false};
  add("rest", {}, true);
  add("kafka", {{"brokers", "Where.", true}, settings});
  add("sqlite", {{"path", "The file.", true}});
  add("files", {{"path", "The folder.", true}});
  add("postgres", {{"url", "Where.", true}, {"password", "Of the user."}});
  add("mongodb", {{"url", "Where.", true}, {"database", "Which.", true}});
  add("mysql", {}, true);
  out.connections.back().used = false;
  using Said = std::map<std::string, Value>;
  const auto add_source = [&](const char* name, const std::vector<std::string>& more) {
    Keys<Said> keys(name);
    const auto add_key = [&](bool required, const std::string& key) {
      keys.bound(required, key, anything_type(), "", "What is read.",
                 [key](Said& said, Value&& value, const Node&, Reading&) { said[key] = value; });
    };
    add_key(true, name);
    for (const auto& key : more) add_key(false, key);
    out.sources.push_back({name, own_type(keys), {}});
  };
  add_source("files", {"changed"});
  add_source("kafka", {"topic", "group", "start"});
  add_source("rest", {"resources"});
  return out;
}

/// A project in a folder of its own, gone with the test. The folder's name has a blank and is not
/// ASCII.
class ProjectFixture : public ::testing::Test {
 protected:
  explicit ProjectFixture(Kinds kinds = kinds_for_tests()) : kinds_(std::move(kinds)) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "windrow_project_XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    root_ = base_ + "/der Schwad é";
    std::filesystem::create_directories(root_);
  }
  ~ProjectFixture() override { std::filesystem::remove_all(base_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path full = std::filesystem::path(root_) / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
  }
  /// A model whose file is nothing but a SELECT.
  void model(const std::string& name, const std::string& text = "SELECT 1 AS id") {
    write(
        "models/" + name.substr(0, name.find('.')) + "/" + name.substr(name.find('.') + 1) + ".sql",
        text);
  }
  Project load_project() {
    options_.folder = root_;
    return load(options_, kinds_, secrets_);
  }
  /// What is wrong, one problem a line with its hint after ` -- `.
  std::string problems() {
    try {
      load_project();
    } catch (const Error& error) {
      std::string out;
      for (const auto& problem : error.problems()) {
        out += problem.place.text() + ": " + problem.message +
               (problem.hint.empty() ? "" : " -- " + problem.hint) + "\n";
      }
      return out;
    }
    return "";
  }
  std::string notices() {
    std::string out;
    for (const auto& notice : load_project().notices)
      out += notice.place.text() + ": " + notice.message + "\n";
    return out;
  }

  std::string base_, root_;
  Kinds kinds_;
  LoadOptions options_;
  Secrets secrets_;
};

}  // namespace windrow::project
