#pragma once

#include <any>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "project/values.h"

namespace windrow::project {

struct PublishedView {
  Text from;  ///< a table; or empty where `sql` is given
  std::string sql;
  Place sql_begin;
  std::string table;
  std::string mode = "replace";  ///< replace, append, upsert, replace_interval
  std::vector<std::vector<std::string>> indexes, unique;
  std::vector<std::string> key;                ///< of upsert, and of documents
  std::string interval;                        ///< column of replace_interval; empty: the model's
  std::map<std::string, std::string> columns;  ///< column → its type in the store
  std::optional<int> keep;                     ///< former batches that the store keeps
  std::any own;                                ///< kinds.h: what its kind of store alone reads
  Place place;
};

struct Publication {
  std::string name;  ///< asset name is `publish.<name>`
  Common common;
  Text to;  ///< connection
  std::vector<PublishedView> views;
  std::string file;
  Place place;
};

}  // namespace windrow::project
