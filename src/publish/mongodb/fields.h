#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "base/time.h"
#include "clients/mongodb.h"
#include "duck/vectors.h"
#include "publish/store.h"

/// Private to publish/mongodb: values of a view's columns as BSON.
namespace windrow::publish {

enum class BsonKind { boolean, integer, real, decimal, text, json, bytes, date, time };

/// A column: how its values become BSON, and the SQL that yields them.
struct BsonField {
  std::string name;
  BsonKind kind = BsonKind::text;
  bool list = false, top = false;
  std::string sql;
};

/// Error(configuration) where the view declares a type that is none of BSON's.
BsonField bson_field(const Column& column, const ViewBatch& view);
void put_bson(const BsonField& field, const duck::Vector& vector, size_t row, clients::Bson& out);

/// BSON's dates.
int64_t bson_milliseconds(Time time);

/// Fields beside the document's own, which they must not hide, and whose names a document takes
/// nowhere but inside `data`.
void refuse_odd_top_level(const std::vector<BsonField>& fields, const ViewBatch& view);

/// `$in` of all that the text may stand for: MongoDB compares numbers of all types, but no text
/// with a number.
void put_bson_values(const std::string& value, clients::Bson& out);

}  // namespace windrow::publish
