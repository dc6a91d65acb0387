#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lake/row_work.h"
#include "sources/files/file_bytes.h"
#include "sources/files/found_file.h"
#include "sources/files/record_split.h"
#include "sources/files/shapes.h"
#include "sources/record_rows.h"

/// Private to sources/files: files of JSON and of lines, looked at byte by byte before the engine
/// reads them. Its readers trim, stumble over, or drop what is longer, deeper or other than they
/// expect; so the records are counted and told from what is none here, and the engine sees good
/// records alone: in the file itself, or where something is bad in a copy without it.
namespace windrow::sources {

enum class JsonLayout { lines, array, objects };

/// What stands for `\n` and `\r` where a record of several lines lies on one: no JSON has them.
inline constexpr std::string_view kFolded = "\x1d\x1c";

struct Counted {
  FoundFile readable;                     ///< the file, or a copy with a good record a line, which
                                          ///< may lie behind the number of its line
  JsonLayout layout = JsonLayout::lines;  ///< of `readable`
  bool folded = false;                    ///< `readable` has kFolded for ends of lines in records
  int64_t records = 0;                    ///< of the file, also those that are bad or passed over
  int64_t bad = 0, passed_over = 0;
  uint64_t longest = 0;  ///< of the good ones
  /// Not empty: no record could be told, and the file is set aside whole. `head` is its beginning.
  std::string why, head;
};

/// Fields whose names differ by case only cannot both be columns: of each such name the spelling
/// that is told or seen first is taken, and a record with another one is bad. A field without a
/// name is bad too.
class Spellings {
 public:
  void tell(const std::string& name);
  /// Names that were found to clash, in lower case.
  void add(const std::set<std::string>& clashing);
  bool empty() const { return clashing_.empty(); }
  /// Why a record with this field is bad; empty: it is not.
  std::string judge(std::string_view name);

 private:
  std::map<std::string, std::string> clashing_, told_;  ///< in lower case → spelling
};

/// What is bad of some files, and how it is told.
class Census {
 public:
  /// `numbered`: `readable` is a copy in any case, with each record behind the number of its line
  /// (text_lines).
  Census(const Outside& outside, lake::DuckRows& session, bool numbered = false);
  ~Census();
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;

  Counted json(const FoundFile& file, Spellings* spellings = nullptr);
  /// Lines of text; the first `skip` of them are passed over.
  Counted text(const FoundFile& file, int64_t skip);

  /// Of the good records of JSON.
  const Shapes& shapes() const { return shapes_; }

  /// SELECT origin, position, error, content of what is bad; empty: nothing is. Good for as long as
  /// this lives.
  std::string rejected();
  /// SQL of `found` (SELECT of origin, position, error, content), whose positions count good
  /// records alone, with positions that count all.
  std::string with_all_positions(const std::string& found);

 private:
  class Look;
  Counted look(const FoundFile& file, JsonLayout layout, bool stripped, Spellings* spellings,
               std::string& broken);
  void copy(Counted& counted, const FoundFile& file, JsonLayout layout, bool stripped,
            const std::vector<bool>& left_out);
  void add_bad(const std::string& origin, int64_t position, const std::string& error,
               std::string_view content);

  const Outside outside_;
  lake::DuckRows& session_;
  const bool numbered_;
  Spool bad_;
  Shapes shapes_;
};

}  // namespace windrow::sources
