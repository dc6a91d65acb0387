#pragma once

#include <string_view>

/// Private to sources/files: values of which the bytes alone say that they are of a type.
namespace windrow::sources {

/// What a field of a column may look like, so that no reader has to be asked. What has another form
/// may still be of the type.
enum class CsvForm { any, empty, whole, real, boolean, date, timestamp, moment, time };

/// Whether a field, without quotes around it, has the form. Empty ones have each.
bool has_form(std::string_view field, CsvForm form);

}  // namespace windrow::sources
