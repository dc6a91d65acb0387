#include "columns/batch.h"

#include <array>

#include "base/error.h"

namespace windrow::columns {
namespace {

using Kind = Type::Kind;

struct ReleaseArray {
  void operator()(ArrowArray* array) const {
    if (array->release != nullptr) array->release(array);
    delete array;
  }
};

/// What an array of a struct that we give out holds on to.
struct Shared {
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
  const void* no_validity = nullptr;
};

void release_shared(ArrowArray* array) {
  for (int64_t i = 0; i < array->n_children; ++i) {
    ArrowArray* child = array->children[i];
    if (child->release != nullptr) child->release(child);
  }
  delete static_cast<Shared*>(array->private_data);
  array->release = nullptr;
}

/// As one array of a struct, which owns what `shared` holds.
void give_out(Shared* shared, int64_t rows, ArrowArray& out) {
  out = {};
  out.length = rows;
  out.n_buffers = 1;
  out.buffers = &shared->no_validity;
  for (auto& child : shared->children) shared->pointers.push_back(&child);
  out.n_children = int64_t(shared->pointers.size());
  out.children = shared->pointers.data();
  out.release = release_shared;
  out.private_data = shared;
}

void release_column(ArrowArray* array) {
  delete static_cast<std::shared_ptr<const ArrowArray>*>(array->private_data);
  array->release = nullptr;
}

/// The buffers of a column that was built here.
struct Built {
  std::vector<uint8_t> valid, bytes;
  std::vector<int64_t> offsets;
  std::array<const void*, 3> buffers{};
};

void release_built(ArrowArray* array) {
  delete static_cast<Built*>(array->private_data);
  array->release = nullptr;
}

bool is_text(Kind kind) { return kind == Kind::string || kind == Kind::binary; }

}  // namespace

Batch::Batch(std::shared_ptr<const Layout> layout, ArrowArray& array)
    : layout_(std::move(layout)), rows_(array.length) {
  const std::shared_ptr<ArrowArray> root(new ArrowArray(array), ReleaseArray());
  array.release = nullptr;
  if (root->offset != 0 || root->n_children != layout_->arrow().n_children)
    throw Error(Code::corrupt, "a batch of columns is not laid out as it says");
  for (int64_t i = 0; i < root->n_children; ++i) {
    if (root->children[i]->length < rows_)
      throw Error(Code::corrupt, "a batch of columns has a column that is too short");
    columns_.emplace_back(root, root->children[i]);
  }
}

Batch Batch::beside(const Batch& more, std::shared_ptr<const Layout> layout) const {
  WINDROW_INVARIANT(rows_ == more.rows_);
  Batch out;
  out.layout_ = std::move(layout);
  out.columns_ = columns_;
  out.columns_.insert(out.columns_.end(), more.columns_.begin(), more.columns_.end());
  out.rows_ = rows_;
  return out;
}

void Batch::share_with(ArrowArray& out) const {
  auto* shared = new Shared;
  shared->children.reserve(columns_.size());
  for (const auto& column : columns_) {
    // The values stay where they are; who moves the child out keeps them alive by it.
    auto& child = shared->children.emplace_back(*column);
    child.release = release_column;
    child.private_data = new std::shared_ptr<const ArrowArray>(column);
  }
  give_out(shared, rows_, out);
}

BatchBuilder::BatchBuilder(std::shared_ptr<const Layout> layout)
    : layout_(std::move(layout)), columns_(layout_->schema().fields.size()) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Type& type = layout_->schema().fields[i].type;
    WINDROW_INVARIANT(type.kind != Kind::decimal && type.fields.empty());
    if (is_text(type.kind)) columns_[i].offsets.push_back(0);
  }
}

void BatchBuilder::mark(Values& values, bool valid) {
  if (values.rows % 8 == 0) values.valid.push_back(0);
  if (valid)
    values.valid.back() |= uint8_t(1 << (values.rows % 8));
  else
    ++values.nulls;
  ++values.rows;
}

template <typename T>
void BatchBuilder::put(Values& values, T value) {
  const size_t at = values.bytes.size();
  values.bytes.resize(at + sizeof value);
  std::memcpy(values.bytes.data() + at, &value, sizeof value);
}

void BatchBuilder::null(size_t column) {
  auto& values = columns_[column];
  const auto kind = layout_->schema().fields[column].type.kind;
  if (is_text(kind)) {
    text(column, {});
  } else if (kind == Kind::boolean) {
    truth(column, false);
  } else if (kind == Kind::double_ || kind == Kind::float_) {
    real(column, 0);
  } else {
    integer(column, 0);
  }
  const int64_t row = values.rows - 1;
  values.valid.back() &= uint8_t(~(1 << (row % 8)));
  ++values.nulls;
}

void BatchBuilder::integer(size_t column, int64_t value) {
  auto& values = columns_[column];
  switch (layout_->schema().fields[column].type.kind) {
    case Kind::integer:
    case Kind::date: put(values, int32_t(value)); break;
    case Kind::short_: put(values, int16_t(value)); break;
    case Kind::byte: put(values, int8_t(value)); break;
    default: put(values, value);
  }
  mark(values, true);
}

void BatchBuilder::real(size_t column, double value) {
  auto& values = columns_[column];
  if (layout_->schema().fields[column].type.kind == Kind::float_)
    put(values, float(value));
  else
    put(values, value);
  mark(values, true);
}

void BatchBuilder::truth(size_t column, bool value) {
  auto& values = columns_[column];
  if (values.rows % 8 == 0) values.bytes.push_back(0);
  if (value) values.bytes.back() |= uint8_t(1 << (values.rows % 8));
  mark(values, true);
}

void BatchBuilder::text(size_t column, std::string_view value) {
  auto& values = columns_[column];
  values.bytes.insert(values.bytes.end(), value.begin(), value.end());
  values.offsets.push_back(int64_t(values.bytes.size()));
  mark(values, true);
}

void BatchBuilder::copy(size_t column, const Column& from, int64_t row) {
  if (from.null(row)) return null(column);
  switch (layout_->schema().fields[column].type.kind) {
    case Kind::string:
    case Kind::binary: return text(column, from.text(row));
    case Kind::boolean: return truth(column, from.truth(row));
    case Kind::float_:
    case Kind::double_: return real(column, from.real(row));
    default: return integer(column, from.integer(row));
  }
}

Batch BatchBuilder::finish() {
  const int64_t rows = columns_.empty() ? 0 : columns_.front().rows;
  auto* shared = new Shared;
  shared->children.reserve(columns_.size());
  for (auto& values : columns_) {
    WINDROW_INVARIANT(values.rows == rows);
    auto* built =
        new Built{std::move(values.valid), std::move(values.bytes), std::move(values.offsets), {}};
    const bool text = !built->offsets.empty();
    if (built->bytes.empty()) built->bytes.push_back(0);  // a buffer of nothing has a place, too
    built->buffers = {values.nulls == 0 ? nullptr : built->valid.data(),
                      text ? static_cast<const void*>(built->offsets.data()) : built->bytes.data(),
                      text ? built->bytes.data() : nullptr};
    auto& child = shared->children.emplace_back();
    child.length = rows;
    child.null_count = values.nulls;
    child.n_buffers = text ? 3 : 2;
    child.buffers = built->buffers.data();
    child.release = release_built;
    child.private_data = built;
    values = {};
    if (text) values.offsets.push_back(0);
  }
  ArrowArray out{};
  give_out(shared, rows, out);
  return Batch(layout_, out);
}

}  // namespace windrow::columns
