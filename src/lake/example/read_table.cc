// The lake room as a library: prints a Delta table's columns, files and first rows.
//   read_table FOLDER [VERSION]
#include <cstdio>
#include <optional>
#include <string>

#include "base/error.h"
#include "duck/duck.h"
#include "lake/relation.h"
#include "lake/table.h"
#include "storage/file_system.h"

using namespace windrow;

int main(int count, char** arguments) try {
  if (count < 2) {
    std::fprintf(stderr, "usage: read_table FOLDER [VERSION]\n");
    return 2;
  }
  std::optional<int64_t> version;
  if (count > 2) version = std::stoll(arguments[2]);

  const auto files = storage::local_file_system();
  duck::Database database{duck::Options{}};
  lake::attach(database, *files);
  duck::Connection connection(database);

  const lake::Table table(*files, arguments[1]);
  const lake::Snapshot snapshot = table.snapshot(version, &connection);
  std::printf("version %lld: %lld rows in %zu files\n", static_cast<long long>(snapshot.version),
              static_cast<long long>(snapshot.rows()), snapshot.files.size());
  for (const auto& field : snapshot.schema.fields)
    std::printf("  %s %s\n", field.name.c_str(), field.type.text().c_str());
  for (const auto& row : connection.query(lake::duck_sql(lake::scan(snapshot)) + " LIMIT 5").rows) {
    for (const auto& cell : row) std::printf("%s\t", cell_text(cell).c_str());
    std::printf("\n");
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.problem().message.c_str());
  return 1;
}
