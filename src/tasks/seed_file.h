#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "lake/row_work.h"
#include "project/project.h"
#include "tasks/context.h"

/// How a seed's CSV file is read: as the engine finds it, or as its declaration says.
namespace windrow::tasks {

/// One column of the file. Where a type is declared, it is read as text, so that no value becomes
/// another one on its way.
struct SeedColumn {
  Column column;  ///< with the type that the engine found; VARCHAR where one is declared
  const project::ColumnDeclaration* declared = nullptr;  ///< with a type; nothing: none
};

/// The columns of the file, in its order. What it declares and the file has not goes into
/// `problems`, each with its place. Error where the file is no CSV.
std::vector<SeedColumn> columns_of(const project::Seed& seed, lake::RowWork& rows,
                                   Problems& problems);

/// What stands for the file in FROM, with these columns.
std::string seed_relation(const project::Seed& seed, const std::vector<SeedColumn>& columns);

/// Error(data) with each value that does not fit the type of its column, or would not stay what it
/// is there: line, column, value; at most kMisfitsTold of them.
void check_values(const Context& context, const project::Seed& seed,
                  const std::vector<SeedColumn>& columns, lake::DuckRows& rows, Cancel& cancel);
inline constexpr int kMisfitsTold = 20;

}  // namespace windrow::tasks
