#pragma once

#include <string>
#include <vector>

#include "duck/forward.h"
#include "publish/files/report.h"

namespace windrow::publish {

/// Writes an Excel file on local disk, row by row in constant memory; gives the rows. Numbers of up
/// to fifteen digits and times are cells of their kind, everything else is text. Error(data) where
/// there are more rows than a sheet takes.
int64_t write_excel(const std::string& path, const ViewBatch& view,
                    const std::vector<ReportColumn>& columns, duck::Connection& connection);

}  // namespace windrow::publish
