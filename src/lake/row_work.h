#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/rows.h"
#include "columns/forward.h"
#include "duck/forward.h"
#include "lake/relation.h"

/// The work on rows that staging a change, checking it and saying what it touched ask of an engine.
namespace windrow::lake {

/// A session of an engine. One thread at a time. Errors in SQL are SqlError.
class RowWork {
 public:
  virtual ~RowWork() = default;

  /// Names and types of the columns, without running anything. Throws where it does not bind; the
  /// error's position is in the whole text.
  virtual std::vector<Column> describe(const Relation& select,
                                       const Parameters& parameters = {}) = 0;
  /// A small result, whole.
  virtual Rows query(const Relation& select, const Parameters& parameters = {}) = 0;
  /// Computes the rows once and keeps them, in bounded memory, under a name of this session's own;
  /// what was kept under it before is gone. Gives what stands for them in FROM.
  virtual std::string keep(const std::string& name, const Relation& select,
                           const Parameters& parameters = {}) = 0;
  virtual std::string keep(const std::string& name, columns::BatchReader& rows) = 0;
  virtual void drop(const std::string& name) = 0;
  /// The rows in order, as batches, in bounded memory. Other work may go on meanwhile.
  virtual std::unique_ptr<columns::BatchReader> read(const Relation& select,
                                                     const Parameters& parameters = {}) = 0;
  /// Streams the rows into new Parquet files; see duck::write_parquet.
  virtual std::vector<columns::WrittenFile> write(const Relation& select,
                                                  const Parameters& parameters,
                                                  const columns::WriteOptions& options,
                                                  const ProgressSink& progress) = 0;

  /// One cell of a one-row, one-column result.
  Cell value(const Relation& select, const Parameters& parameters = {}) {
    return query(select, parameters).rows.at(0).at(0);
  }
};

/// On a connection of DuckDB's, whose database is attached. Where it is asked for by its own name,
/// the work runs inside this process, whatever engine builds the models.
class DuckRows : public RowWork {
 public:
  explicit DuckRows(duck::Connection& connection) : connection_(connection) {}

  std::vector<Column> describe(const Relation& select, const Parameters& parameters = {}) override;
  Rows query(const Relation& select, const Parameters& parameters = {}) override;
  std::string keep(const std::string& name, const Relation& select,
                   const Parameters& parameters = {}) override;
  std::string keep(const std::string& name, columns::BatchReader& rows) override;
  void drop(const std::string& name) override;
  std::unique_ptr<columns::BatchReader> read(const Relation& select,
                                             const Parameters& parameters = {}) override;
  std::vector<columns::WrittenFile> write(const Relation& select, const Parameters& parameters,
                                          const columns::WriteOptions& options,
                                          const ProgressSink& progress) override;

  duck::Connection& connection() const { return connection_; }

 private:
  duck::Connection& connection_;
};

}  // namespace windrow::lake
