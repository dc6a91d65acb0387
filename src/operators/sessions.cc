#include "operators/beside.h"
#include "operators/operators.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchReader;
using columns::Column;
using columns::Field;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Kind = columns::Type::Kind;

constexpr const char* kId = "session_id";
constexpr const char* kStart = "session_start";
constexpr int64_t kMicrosOfDay = 86'400'000'000;

/// The bytes of a value, so that equal values have equal ones.
void append_value(std::string& out, const Column& column, const Type& type, int64_t row) {
  if (column.null(row)) {
    out += '\0';
    return;
  }
  out += '\1';
  const auto raw = [&](const auto& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  switch (type.kind) {
    case Kind::string:
    case Kind::binary: {
      const auto text = column.text(row);
      raw(text.size());
      out += text;
      break;
    }
    case Kind::boolean: raw(column.truth(row)); break;
    case Kind::float_:
    case Kind::double_: raw(column.real(row)); break;
    case Kind::decimal: raw(column.decimal(row)); break;
    default: raw(column.integer(row));
  }
}

class SessionReader final : public BesideReader {
 public:
  SessionReader(std::unique_ptr<BatchReader> input, const Schema& output, const Settings& settings)
      : BesideReader(std::move(input), output, 2), gap_(settings.micros("gap")) {
    for (const auto& name : settings.texts("key")) key_.push_back(position(name));
    time_ = position(settings.text("time"));
    micros_of_unit_ = schema().fields[time_].type.kind == Kind::date ? kMicrosOfDay : 1;
  }

 private:
  void fill(const Batch& batch, columns::BatchBuilder& builder) override {
    const Column time = batch.column(time_);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (time.null(row)) {
        builder.null(0);
        builder.null(1);
        continue;
      }
      take(batch, row, time.integer(row));
      builder.integer(0, session_);
      builder.integer(1, start_);
    }
  }

  void take(const Batch& batch, int64_t row, int64_t time) {
    std::string key;
    for (const size_t i : key_)
      append_value(key, batch.column(i), batch.schema().fields[i].type, row);
    if (!begun_ || key != last_key_) {
      session_ = 0;
      last_key_ = std::move(key);
    }
    // Infinite times are the ends of 64 bits.
    if (session_ == 0 || (__int128(time) - last_) * micros_of_unit_ > gap_) {
      ++session_;
      start_ = time;
    }
    last_ = time;
    begun_ = true;
  }

  int64_t gap_;
  std::vector<size_t> key_;
  size_t time_ = 0;
  int64_t micros_of_unit_ = 1;
  bool begun_ = false;
  std::string last_key_;
  int64_t session_ = 0, start_ = 0, last_ = 0;
};

class Sessions final : public columns::Operator {
 public:
  std::string name() const override { return "sessions"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {
        {"key", P::Kind::texts, "", true, "Columns of whose values each has sessions of its own."},
        {"time", P::Kind::text, "", true, "The DATE or TIMESTAMP column that rows are ordered by."},
        {"gap", P::Kind::duration, "30m", false, "A longer time without a row ends a session."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    for (const auto& key : settings.texts("key")) {
      const Field* field = columns.named("key", key);
      if (field && !field->type.fields.empty()) columns.wrong("key", *field, "a key is one value");
    }
    const Field* time = columns.named("time", settings.text("time"));
    if (time && time->type.kind != Kind::date && time->type.kind != Kind::timestamp &&
        time->type.kind != Kind::timestamp_ntz)
      columns.wrong("time", *time, "it must be a DATE, TIMESTAMP or TIMESTAMPTZ");
    return columns.with({{kId, Type{Kind::long_}}, {kStart, time ? time->type : Type{}}});
  }

  std::vector<std::string> order(const Settings& settings) const override {
    auto out = settings.texts("key");
    out.push_back(settings.text("time"));
    return out;
  }

  std::unique_ptr<BatchReader> run(std::unique_ptr<BatchReader> input,
                                   const Settings& settings) const override {
    const Schema schema = output(input->layout()->schema(), settings);
    return std::make_unique<SessionReader>(std::move(input), schema, settings);
  }
};

}  // namespace

const columns::Operator& sessions() {
  static const Sessions operator_;
  return operator_;
}

}  // namespace windrow::operators
