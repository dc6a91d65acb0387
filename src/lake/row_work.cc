#include "lake/row_work.h"

#include "duck/batches.h"
#include "duck/duck.h"
#include "duck/parquet_writer.h"
#include "duck/quoting.h"

namespace windrow::lake {

std::vector<Column> DuckRows::describe(const Relation& select, const Parameters& parameters) {
  return connection_.describe(duck_sql(select), parameters);
}

Rows DuckRows::query(const Relation& select, const Parameters& parameters) {
  return connection_.query(duck_sql(select), parameters);
}

std::string DuckRows::keep(const std::string& name, const Relation& select,
                           const Parameters& parameters) {
  const std::string quoted = duck::quote_name(name);
  connection_.query("CREATE OR REPLACE TEMP TABLE " + quoted + " AS " + duck_sql(select),
                    parameters);
  return "temp." + quoted;
}

std::string DuckRows::keep(const std::string& name, columns::BatchReader& rows) {
  const duck::ReaderTable table(connection_, rows);
  return keep(name, "SELECT * FROM " + table.sql(), {});
}

std::unique_ptr<columns::BatchReader> DuckRows::read(const Relation& select,
                                                     const Parameters& parameters) {
  return duck::read_batches(connection_.beside(), duck_sql(select), parameters);
}

void DuckRows::drop(const std::string& name) {
  connection_.execute("DROP TABLE IF EXISTS temp." + duck::quote_name(name));
}

std::vector<columns::WrittenFile> DuckRows::write(const Relation& select,
                                                  const Parameters& parameters,
                                                  const columns::WriteOptions& options,
                                                  const ProgressSink& progress) {
  return duck::write_parquet(connection_, duck_sql(select), parameters, options, progress);
}

}  // namespace windrow::lake
