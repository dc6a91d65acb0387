#pragma once

#include <memory>
#include <string>

#include "columns/batch.h"
#include "duck/duck.h"

/// Results and rows as batches of columns.
namespace windrow::duck {

template <typename T>
class Keyed;

/// Runs a SELECT on a connection of its own and gives its rows in order, in bounded memory. What
/// `next` throws is as Connection::query throws it. `stop`, where it is given, ends with the
/// reader.
std::unique_ptr<columns::BatchReader> read_batches(std::unique_ptr<Connection> connection,
                                                   const std::string& select,
                                                   const Parameters& parameters,
                                                   Cancel::Registration stop = {});

/// While it lives, `sql()` is what one SELECT on this connection may stand FROM, once. Values of
/// plain types are not copied. An Error of the reader comes out of the statement with its own code
/// and hint.
class ReaderTable {
 public:
  ReaderTable(Connection& connection, columns::BatchReader& reader);
  ~ReaderTable();
  ReaderTable(const ReaderTable&) = delete;
  ReaderTable& operator=(const ReaderTable&) = delete;
  const std::string& sql() const { return sql_; }

 private:
  std::shared_ptr<Keyed<columns::BatchReader>> catalog_;
  uint64_t key_ = 0;
  std::string sql_;
};

}  // namespace windrow::duck
