#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sources/files/csv_file.h"

/// Private to sources/files: as SQL, which values of a CSV file fit the type of their column.
namespace windrow::sources {

/// The engine's reader makes NULL of a value that is no moment, and says nothing. So it is given
/// these columns as texts, and SQL casts them, which fails.
bool cast_by_sql(const std::string& type);
/// The type that its reader is told.
std::string read_type(const std::string& type);

/// Whether a value of a file is of another type than those of the file that its shape was found
/// in: then the engine's reader is to say what the file's columns are.
/// `decimal`: what stands for the point in numbers; empty: the point.
std::string unlike(const Column& column, const CsvShape& shape, const std::string& decimal);

/// Of each column the form that values have which are not `unlike`, and not all of them have it.
/// `told`: whether the type of a column of this name is told; then nobody asks.
std::vector<CsvForm> forms_of(const CsvShape& shape, const std::string& decimal,
                              const std::function<bool(const std::string& column)>& told);

/// Nothing that the reader takes is a misfit: it casts as SQL does, and finds out by itself in
/// which of many forms a file has its dates.
std::string misfit_of(const std::string& text, const std::string& type, const std::string& decimal);

}  // namespace windrow::sources
