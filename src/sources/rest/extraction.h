#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sources/rest/requester.h"
#include "sources/rest/rest_config.h"

/// Private to sources/rest: how far an extraction has come. Values and decisions, no IO.
namespace windrow::sources {

/// One request of a list.
struct PageAt {
  int64_t index = 0;   ///< counts from 0 within a pass
  int64_t number = 0;  ///< page number or offset
  std::string token;   ///< cursor, or the absolute URL of a link
};

/// One list of a resource (or its single answer), for one parent.
struct Stream {
  size_t resource = 0;                 ///< position in RestConfig::resources
  std::string parent;                  ///< JSON object of the parent's fields; empty: none
  Paging paging;                       ///< as it was found
  bool found = false;                  ///< `paging` and `records` are decided
  std::optional<std::string> records;  ///< path of the list; nothing: the answer is the record
  PageAt next;                         ///< the next to be taken
  int64_t pages = -1;                  ///< known number of pages; -1: not known
  int pass = 1;
  bool done = false, moved = false;
  int64_t received = 0;  ///< records of this pass
  int64_t promised = -1;
  int64_t shown_total = -1;    ///< of the page before
  std::vector<uint64_t> keys;  ///< hashes of this pass; not kept over a restart
  bool keys_whole = true;      ///< false: a restart or a bound lost some of them

  // while it runs
  uint64_t id = 0, generation = 0;
  std::set<int64_t> flying;
  std::map<int64_t, Answer> waiting;
};

/// What came of a resource in one extraction.
struct Tally {
  int64_t requests = 0, attempts = 0, throttled = 0, not_modified = 0, missing = 0;
  int64_t records = 0, promised = 0, distinct = 0, twice = 0, extra_passes = 0;
  int64_t incomplete = 0;   ///< lists that are short of what was promised
  std::string short_lists;  ///< some of them, in words
  Time began, ended;
};

/// Everything that a restart has to know; JSON in the commit's record.
struct Progress {
  int64_t sequence = 0;    ///< commits of this source so far
  std::string extraction;  ///< when it began: its name; empty: none yet
  bool complete = false;
  int level = 0;
  size_t parents_resource = 0;  ///< children: up to where parents were handed out
  std::string parents_after;
  std::vector<Stream> streams;  ///< begun or handed out, not done
  std::map<std::string, std::string>
      cursors;  ///< resource → greatest value of complete extractions
  std::map<std::string, std::string> marks;  ///< the same of this extraction so far
  std::map<std::string, Tally> tallies;      ///< of the levels under way
  std::map<std::string, Tally> logged;       ///< of the level that ended with this commit
};
std::string to_json(const Progress& progress);
/// SELECT of the parents of a resource's lists, as JSON objects in their order, behind the last one
/// that was handed out; `rows_sql`: those of the table, `raw`: its column of whole records.
std::string parents_select(const RestResource& resource, const RestResource& parent,
                           const std::string& rows_sql, const std::string& raw,
                           const Progress& progress);
/// SELECT of what came of the resources of the level that ended, a row each.
std::string log_select(const Progress& progress);
Progress progress_from_json(const std::string& text);

/// The URL of a page of a stream, without keys.
std::string url_of(const RestConfig& config, const RestResource& resource, const Stream& stream,
                   const PageAt& at, const std::string& cursor);

/// What one answer says.
struct PageRead {
  std::vector<std::string_view> records;
  std::optional<PageAt> next;  ///< nothing: the list ends here
};
/// Decides on the way of paging at the first answer, takes down totals, and says what comes next.
PageRead read_page(const RestResource& resource, const PageAt& at, const Answer& answer,
                   const Requester& requester, Stream& stream);

/// The text of a record's key; nothing where a part is missing.
std::optional<std::string> key_of(const RestResource& resource, std::string_view record);
/// The later of two cursor values: numbers, times or texts.
std::string later_cursor(const std::string& a, const std::string& b);
/// `cursor` less the overlap, written as `cursor` is.
std::string with_overlap(const RestResource& resource, const std::string& cursor);

}  // namespace windrow::sources
