#include "sources/files/census.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "duck/row_buffer.h"
#include "sources/rest/json_slices.h"

namespace windrow::sources {

namespace {

namespace dom = simdjson::dom;

constexpr size_t kDoubtfulMax = 10'000;
constexpr size_t kDoubtfulBytes = 16 << 20;
constexpr size_t kArrayHeadBytes = 4096;
constexpr const char* kNotJson = "not JSON, or more than one record on a line";
/// What the engine's reader of lines is told to take for a delimiter and for NULL.
constexpr std::string_view kDelimiter = "\x1e\x1f\x1e", kNull = "\x1f\x1e\x1f";

std::unique_ptr<RecordSplitter> splitter(JsonLayout layout, bool stripped, uint64_t most,
                                         OnRecord take) {
  if (stripped) return std::make_unique<ElementLineSplitter>(most, std::move(take));
  if (layout == JsonLayout::lines) return std::make_unique<LineSplitter>(most, std::move(take));
  return std::make_unique<ValueSplitter>(layout == JsonLayout::array, most, std::move(take));
}

void split(const FoundFile& file, const Outside& outside, RecordSplitter& records) {
  read_bytes(file, outside, [&](std::string_view piece) {
    records.feed(piece);
    return records.broken().empty();
  });
  records.end();
}

/// How the file begins: enough to see what it is, and to keep of one that is none.
std::string head_of(const FoundFile& file, const Outside& outside, size_t most) {
  std::string head;
  read_bytes(file, outside, [&](std::string_view piece) {
    head += piece;
    return head.size() < most;
  });
  head.resize(std::min(head.size(), most));
  return head;
}

bool begins_as_array(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  head = without_blanks(head);
  return head.starts_with('[');
}

}  // namespace

// --- spellings

void Spellings::tell(const std::string& name) { told_.emplace(lower(name), name); }

void Spellings::add(const std::set<std::string>& clashing) {
  for (const auto& name : clashing) {
    const auto told = told_.find(name);
    clashing_.emplace(name, told == told_.end() ? std::string() : told->second);
  }
}

std::string Spellings::judge(std::string_view name) {
  const auto found = clashing_.find(lower(name));
  if (found == clashing_.end()) return {};
  if (name.empty()) return "a field has no name";
  if (found->second.empty()) found->second = name;
  if (found->second == name) return {};
  return fmt::format("field \"{}\" differs from \"{}\" only by case", name, found->second);
}

// --- one look at one file

/// Judges records one by one. What a strict parser does not take is left to the engine, whose own
/// rules are wider (NaN, a comma too many): a good many at a time.
class Census::Look {
 public:
  Look(Census& census, const FoundFile& file, Spellings* spellings)
      : census_(census), name_(file.name), spellings_(spellings) {}

  void json(const RecordText& record) {
    const std::string why = strict(record);
    if (why == kDoubtful)
      doubt(record);
    else if (!why.empty())
      bad(record.position, why, record.text);
    else
      good(record.bytes);
  }

  void text(const RecordText& record) {
    if (!record.whole)
      bad(record.position, too_long_words(record.bytes, census_.outside_.record_bytes_max),
          record.text);
    else if (!simdjson::validate_utf8(record.text.data(), record.text.size()))
      bad(record.position, "not UTF-8 text", record.text);
    else if (record.text == kNull || record.text.find(kDelimiter) != std::string_view::npos)
      bad(record.position, "it holds the bytes 1e 1f 1e, which are no text", record.text);
    else
      good(record.bytes);
  }

  void pass_over(int64_t position) { leave_out(position); }

  /// Has the engine judge what is left.
  void settle() {
    if (doubtful_.empty()) return;
    duck::RowBuffer rows;
    rows.add_column("raw", duck::BufferKind::text);
    rows.add_column("place", duck::BufferKind::integer);
    for (size_t i = 0; i < doubtful_.size(); ++i) {
      const size_t row = rows.add_row();
      rows.column(0).set_text(row, doubtful_[i].text);
      rows.column(1).set_integer(row, int64_t(i));
    }
    const duck::BufferTable table(census_.session_.connection(), rows);
    const auto found = census_.session_.query(
        "SELECT CASE WHEN NOT json_valid(raw) THEN 'broken' WHEN json_type(raw) <> 'OBJECT' THEN "
        "'other' ELSE CAST(to_json(json_keys(raw)) AS VARCHAR) END FROM " +
        table.sql() + " ORDER BY place");
    for (size_t i = 0; i < doubtful_.size(); ++i) {
      const auto& [position, text] = doubtful_[i];
      const std::string judged = cell_text(found.rows.at(i)[0]);
      std::string why = judged == "broken" ? kNotJson : judged == "other" ? "not an object" : "";
      if (why.empty() && spellings_ != nullptr) {
        for (const auto& name : nlohmann::json::parse(judged)) {
          if (why.empty()) why = spellings_->judge(name.get<std::string>());
        }
      }
      if (why.empty()) {
        census_.shapes_.add_unread(text);
        good(text.size());
      } else {
        bad(position, why, text);
      }
    }
    doubtful_.clear();
    doubtful_bytes_ = 0;
  }

  int64_t bad_records() const { return bad_; }
  uint64_t longest() const { return longest_; }
  /// By position.
  const std::vector<bool>& left_out() const { return left_out_; }

 private:
  static constexpr const char* kDoubtful = "doubtful";
  struct Doubtful {
    int64_t position;
    std::string text;
  };

  /// Why the record is bad; empty: it is good.
  std::string strict(const RecordText& record) {
    if (!record.whole) return too_long_words(record.bytes, census_.outside_.record_bytes_max);
    dom::element element;
    const auto error = parser_.parse(record.text.data(), record.text.size(), false).get(element);
    if (error == simdjson::DEPTH_ERROR) return too_deep_words();
    if (error == simdjson::UTF8_ERROR) return "not UTF-8 text";
    if (error) {
      if (!simdjson::validate_utf8(record.text.data(), record.text.size())) return "not UTF-8 text";
      return json_depth(record.text) > kRecordDepthMax ? too_deep_words() : kDoubtful;
    }
    if (!element.is_object()) return "not an object";
    for (const auto field : dom::object(element)) {
      if (field.key.find('\0') != std::string_view::npos) return "a field's name holds a NUL";
    }
    if (spellings_ != nullptr) {
      for (const auto field : dom::object(element)) {
        if (auto why = spellings_->judge(field.key); !why.empty()) return why;
      }
    }
    census_.shapes_.add(element, record.text);
    return {};
  }

  void doubt(const RecordText& record) {
    doubtful_.push_back({record.position, std::string(record.text)});
    doubtful_bytes_ += record.text.size();
    if (doubtful_.size() >= kDoubtfulMax || doubtful_bytes_ >= kDoubtfulBytes) settle();
  }
  void good(uint64_t bytes) { longest_ = std::max(longest_, bytes); }
  void bad(int64_t position, const std::string& why, std::string_view text) {
    census_.add_bad(name_, position, why, text);
    ++bad_;
    leave_out(position);
  }
  void leave_out(int64_t position) {
    if (size_t(position) >= left_out_.size())
      left_out_.resize(std::max(size_t(position) + 1, 2 * left_out_.size()));
    left_out_[size_t(position)] = true;
  }

  Census& census_;
  const std::string name_;
  Spellings* spellings_;
  dom::parser parser_ = depth_bound();
  std::vector<Doubtful> doubtful_;
  size_t doubtful_bytes_ = 0;
  std::vector<bool> left_out_;
  int64_t bad_ = 0;
  uint64_t longest_ = 0;

  static dom::parser depth_bound() {
    dom::parser out;
    const auto error = out.allocate(1 << 20, kRecordDepthMax + 1);
    if (error) throw Error(Code::internal, "a parser of JSON does not start");
    return out;
  }
};

// --- files

Census::Census(const Outside& outside, lake::DuckRows& session, bool numbered)
    : outside_(outside),
      session_(session),
      numbered_(numbered),
      bad_(std::filesystem::path(outside.copies->path("bad")).parent_path().string(),
           {{"origin", "VARCHAR"},
            {"position", "BIGINT"},
            {"error", "VARCHAR"},
            {"content", "VARCHAR"}}) {}

Census::~Census() = default;

void Census::add_bad(const std::string& origin, int64_t position, const std::string& error,
                     std::string_view content) {
  bad_.add(
      {json_quoted(origin), std::to_string(position), json_quoted(error), json_quoted(content)});
}

Counted Census::look(const FoundFile& file, JsonLayout layout, bool stripped, Spellings* spellings,
                     std::string& broken) {
  Counted out;
  out.readable = file;
  out.layout = layout;
  Look judge(*this, file, spellings);
  const auto records = splitter(layout, stripped, outside_.record_bytes_max,
                                [&](const RecordText& record) { judge.json(record); });
  split(file, outside_, *records);
  broken = records->broken();
  if (!broken.empty()) return out;
  judge.settle();
  out.records = records->records();
  out.bad = judge.bad_records();
  out.longest = judge.longest();
  if (numbered_ || stripped || out.bad > 0 || records->irregular())
    copy(out, file, layout, stripped, judge.left_out());
  return out;
}

/// Good records, one a line. A record of several lines has ends of lines only between its values:
/// they come back only where the copy is made for the sake of numbers, and not of bad records.
void Census::copy(Counted& counted, const FoundFile& file, JsonLayout layout, bool stripped,
                  const std::vector<bool>& left_out) {
  const std::string path =
      numbered_ ? outside_.copies->path("numbered/" + file.name)
                : outside_.copies->path("good/" + file.name + (file.packed() ? ".lines" : ""));
  std::ofstream to(path, std::ios::binary | std::ios::trunc);
  std::string flat;
  const auto records =
      splitter(layout, stripped, outside_.record_bytes_max, [&](const RecordText& record) {
        if (size_t(record.position) < left_out.size() && left_out[size_t(record.position)]) return;
        if (numbered_) to << record.line << kDelimiter;
        if (layout == JsonLayout::lines) {
          to << record.text << '\n';
          return;
        }
        flat = record.text;
        for (char& c : flat) {
          if (c != '\n' && c != '\r') continue;
          counted.folded = numbered_;
          c = !numbered_ ? ' ' : c == '\n' ? kFolded[0] : kFolded[1];
        }
        to << flat << '\n';
      });
  if (numbered_) records->count_lines();
  split(file, outside_, *records);
  to.close();
  if (!to) throw system_error(errno, "write", path);
  counted.readable.path = path;
  counted.readable.size = std::filesystem::file_size(path);
  counted.layout = JsonLayout::lines;
}

Counted Census::json(const FoundFile& file, Spellings* spellings) {
  std::string broken;
  const auto before = bad_.mark();
  const Shapes shapes = shapes_;
  const auto look_again = [&] {
    bad_.rewind(before);
    shapes_ = shapes;
  };
  if (begins_as_array(head_of(file, outside_, kArrayHeadBytes))) {
    auto out = look(file, JsonLayout::array, false, spellings, broken);
    if (broken.empty()) return out;
    look_again();
    std::string ignored;
    out = look(file, JsonLayout::lines, true, spellings, ignored);
    if (out.bad < out.records) return out;
    look_again();
    out = Counted{};
    out.readable = file;
    out.why = "broken array, and no line of it is a record: " + broken;
    out.head = head_of(file, outside_, kKeptContent);
    return out;
  }
  const auto lines = look(file, JsonLayout::lines, false, spellings, broken);
  if (lines.records == 0 || lines.bad < lines.records) return lines;
  // No line is a record: objects over several lines, or none at all.
  look_again();
  auto objects = look(file, JsonLayout::objects, false, spellings, broken);
  if (broken.empty() && objects.bad < objects.records) return objects;
  look_again();
  return look(file, JsonLayout::lines, false, spellings, broken);
}

Counted Census::text(const FoundFile& file, int64_t skip) {
  Counted out;
  out.readable = file;
  Look judge(*this, file, nullptr);
  LineSplitter lines(outside_.record_bytes_max, [&](const RecordText& record) {
    if (record.position <= skip)
      judge.pass_over(record.position);
    else
      judge.text(record);
  });
  split(file, outside_, lines);
  out.records = lines.records();
  out.passed_over = std::min(skip, out.records);
  out.bad = judge.bad_records();
  out.longest = judge.longest();
  if (numbered_ || out.bad > 0 || out.passed_over > 0 || lines.irregular())
    copy(out, file, JsonLayout::lines, false, judge.left_out());
  return out;
}

// --- what is bad

std::string Census::rejected() {
  if (bad_.rows() == 0) return {};
  return "SELECT origin, position, error, content FROM " + bad_.relation();
}

std::string Census::with_all_positions(const std::string& found) {
  if (bad_.rows() == 0 || found.empty()) return found;
  // The i-th bad record (of b) lies before the k-th good one where b - i < k.
  const std::string nth = "row_number() OVER (PARTITION BY origin ORDER BY position)";
  return "SELECT f.origin AS origin, f.position + coalesce(b.nth, 0) AS position, f.error AS "
         "error, "
         "f.content AS content FROM (" +
         found +
         ") AS f ASOF LEFT JOIN (SELECT origin, before, max(nth) AS nth FROM (SELECT origin, " +
         nth + " AS nth, position - " + nth + " + 1 AS before FROM " + bad_.relation() +
         ") GROUP BY ALL) AS b ON f.origin = b.origin AND f.position >= b.before";
}

}  // namespace windrow::sources
