#include "sources/rest/extraction.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/url.h"
#include "duck/quoting.h"
#include "sources/rest/json_slices.h"

namespace windrow::sources {

namespace {

using Json = nlohmann::json;

Json json_of(const Tally& t) {
  return {{"requests", t.requests},     {"attempts", t.attempts},
          {"throttled", t.throttled},   {"not_modified", t.not_modified},
          {"missing", t.missing},       {"records", t.records},
          {"promised", t.promised},     {"distinct", t.distinct},
          {"twice", t.twice},           {"extra_passes", t.extra_passes},
          {"incomplete", t.incomplete}, {"short_lists", t.short_lists},
          {"began", micros(t.began)},   {"ended", micros(t.ended)}};
}

Tally tally_from(const Json& j) {
  Tally t;
  t.requests = j.value("requests", 0ll);
  t.attempts = j.value("attempts", 0ll);
  t.throttled = j.value("throttled", 0ll);
  t.not_modified = j.value("not_modified", 0ll);
  t.missing = j.value("missing", 0ll);
  t.records = j.value("records", 0ll);
  t.promised = j.value("promised", 0ll);
  t.distinct = j.value("distinct", 0ll);
  t.twice = j.value("twice", 0ll);
  t.extra_passes = j.value("extra_passes", 0ll);
  t.incomplete = j.value("incomplete", 0ll);
  t.short_lists = j.value("short_lists", "");
  t.began = time_from_micros(j.value("began", 0ll));
  t.ended = time_from_micros(j.value("ended", 0ll));
  return t;
}

Json json_of(const Stream& s) {
  Json out{{"resource", s.resource}};
  if (!s.parent.empty()) out["parent"] = s.parent;
  if (s.next.index == 0 && s.pass == 1) return out;  // not begun: nothing more to know
  out.update({{"by", int(s.paging.by)},
              {"param", s.paging.param},
              {"from", s.paging.from},
              {"total_pages", s.paging.total_pages},
              {"size", s.paging.size},
              {"index", s.next.index},
              {"number", s.next.number},
              {"token", s.next.token},
              {"pages", s.pages},
              {"pass", s.pass},
              {"moved", s.moved},
              {"received", s.received},
              {"promised", s.promised},
              {"shown_total", s.shown_total}});
  if (s.records) out["records"] = *s.records;
  return out;
}

Stream stream_from(const Json& j) {
  Stream s;
  s.resource = j.value("resource", size_t(0));
  s.parent = j.value("parent", "");
  if (!j.contains("by")) return s;
  s.found = true;
  s.keys_whole = false;
  s.paging.by = Paging::By(j.value("by", 0));
  s.paging.param = j.value("param", "");
  s.paging.from = j.value("from", "");
  s.paging.total_pages = j.value("total_pages", "");
  s.paging.size = j.value("size", 0ll);
  s.next = {j.value("index", 0ll), j.value("number", 0ll), j.value("token", "")};
  s.pages = j.value("pages", -1ll);
  s.pass = j.value("pass", 1);
  s.moved = j.value("moved", false);
  s.received = j.value("received", 0ll);
  s.promised = j.value("promised", -1ll);
  s.shown_total = j.value("shown_total", -1ll);
  if (j.contains("records")) s.records = j["records"].get<std::string>();
  return s;
}

template <class T, class Make>
Json json_of_map(const std::map<std::string, T>& map, const Make& make) {
  Json out = Json::object();
  for (const auto& [name, value] : map) out[name] = make(value);
  return out;
}

/// `a.b` → `$."a"."b"`
std::string duck_path(const std::string& path) {
  std::string out = "$";
  for (size_t i = 0; i <= path.size();) {
    const size_t end = std::min(path.find('.', i), path.size());
    out += ".\"" + path.substr(i, end - i) + "\"";
    i = end + 1;
  }
  return out;
}

}  // namespace

std::string to_json(const Progress& p) {
  const auto same = [](const std::string& text) { return Json(text); };
  const auto tally = [](const Tally& t) { return json_of(t); };
  Json out{{"format", 1},
           {"sequence", p.sequence},
           {"extraction", p.extraction},
           {"complete", p.complete},
           {"level", p.level},
           {"parents_resource", p.parents_resource},
           {"parents_after", p.parents_after},
           {"cursors", json_of_map(p.cursors, same)},
           {"marks", json_of_map(p.marks, same)},
           {"tallies", json_of_map(p.tallies, tally)},
           {"logged", json_of_map(p.logged, tally)},
           {"streams", Json::array()}};
  for (const auto& stream : p.streams) {
    if (!stream.done) out["streams"].push_back(json_of(stream));
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string parents_select(const RestResource& resource, const RestResource& parent,
                           const std::string& rows_sql, const std::string& raw,
                           const Progress& progress) {
  using duck::quote_text;
  std::string object, whole;
  for (const auto& field : resource.parent_fields) {
    const std::string value =
        "json_extract(" + duck::quote_name(raw) + ", " + quote_text(duck_path(field)) + ")";
    object += (object.empty() ? "" : ", ") + quote_text(field) + ", " + value;
    whole += " AND " + value + " IS NOT NULL AND json_type(" + value + ") <> 'NULL'";
  }
  // Answers that have not changed (304) stay what they were: then the last extraction that has them
  // counts for each request.
  const std::string these = parent.conditional
                                ? "(request, extraction) IN (SELECT (request, max(extraction)) "
                                  "FROM rows WHERE endpoint = " +
                                      quote_text(parent.name) + " GROUP BY request)"
                                : "extraction = " + quote_text(progress.extraction);
  return "WITH rows AS (" + rows_sql + ") SELECT parent FROM (SELECT DISTINCT CAST(json_object(" +
         object + ") AS VARCHAR) AS parent FROM rows WHERE endpoint = " + quote_text(parent.name) +
         " AND " + these + whole + ") WHERE parent > " + quote_text(progress.parents_after) +
         " ORDER BY parent";
}

std::string log_select(const Progress& progress) {
  const auto time = [](Time at) { return "TIMESTAMPTZ " + duck::quote_text(iso(at)); };
  std::string rows;
  for (const auto& [name, t] : progress.logged) {
    rows += (rows.empty() ? "" : ", ") +
            fmt::format(
                "({}, {}, {}, {}, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, "
                "{}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, {}::BIGINT, "
                "{}::BIGINT, {}, {})",
                duck::quote_text(progress.extraction), duck::quote_text(name), time(t.began),
                time(t.ended), t.requests, t.attempts, t.throttled, t.not_modified, t.missing,
                t.records, t.promised, t.distinct, t.twice, t.extra_passes, t.incomplete,
                t.incomplete == 0, duck::quote_text(t.short_lists));
  }
  return "SELECT * FROM (VALUES " + rows +
         ") AS log(extraction, endpoint, started_at, ended_at, requests, attempts, throttled, "
         "not_modified, missing, records, promised, distinct_keys, seen_twice, extra_passes, "
         "incomplete_lists, complete, note)";
}

Progress progress_from_json(const std::string& text) {
  Progress p;
  if (text.empty()) return p;
  try {
    const Json j = Json::parse(text);
    if (j.value("format", 0) != 1) {
      throw Error(Code::unsupported, "the progress of a REST source is of a newer format",
                  "use the newer windrow that wrote it");
    }
    p.sequence = j.value("sequence", 0ll);
    p.extraction = j.value("extraction", "");
    p.complete = j.value("complete", false);
    p.level = j.value("level", 0);
    p.parents_resource = j.value("parents_resource", size_t(0));
    p.parents_after = j.value("parents_after", "");
    for (const auto& [name, value] : j.at("cursors").items()) p.cursors[name] = value;
    for (const auto& [name, value] : j.at("marks").items()) p.marks[name] = value;
    for (const auto& [name, value] : j.at("tallies").items()) p.tallies[name] = tally_from(value);
    for (const auto& [name, value] : j.at("logged").items()) p.logged[name] = tally_from(value);
    for (const auto& stream : j.at("streams")) p.streams.push_back(stream_from(stream));
  } catch (const Json::exception& error) {
    throw Error(Code::corrupt,
                std::string("the progress of a REST source does not read back: ") + error.what());
  }
  return p;
}

namespace {

std::map<std::string, std::string> values_of(const std::string& parent) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : json_members(parent)) {
    if (const auto text = json_text(value)) out[name] = *text;
  }
  return out;
}

void add_param(std::string& url, const std::string& name, const std::string& value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += percent_encoded(name) + "=" + percent_encoded(value);
}

}  // namespace

std::string url_of(const RestConfig& config, const RestResource& resource, const Stream& stream,
                   const PageAt& at, const std::string& cursor) {
  using By = Paging::By;
  if (stream.paging.by == By::link || stream.paging.by == By::header) {
    if (!at.token.empty()) return at.token;
  }
  const auto values = values_of(stream.parent);
  std::string path = filled(resource.path, values, true);
  std::string url = path.starts_with("http")
                        ? path
                        : config.server.url + (path.starts_with('/') ? "" : "/") + path;
  for (const auto& [name, value] : resource.params)
    add_param(url, name, filled(value, values, false));
  if (!resource.cursor_param.empty()) {
    const std::string from = cursor.empty() ? resource.start : with_overlap(resource, cursor);
    if (!from.empty()) add_param(url, resource.cursor_param, from);
  }
  const auto& paging = stream.paging;
  const bool counts = paging.by == By::page || paging.by == By::offset;
  if (paging.size > 0 && !paging.size_param.empty())
    add_param(url, paging.size_param, std::to_string(paging.size));
  // Where the way of paging is still to be found out, the first page is asked for without a number.
  if (counts) add_param(url, paging.param, std::to_string(at.number));
  if (paging.by == By::cursor && !at.token.empty()) add_param(url, paging.param, at.token);
  return url;
}

namespace {

const char* const kTotals[] = {
    "total_results",     "total_count", "totalCount", "total_records",    "totalResults",
    "totalElements",     "total",       "meta.total", "meta.total_count", "pagination.total",
    "page.totalElements"};
const char* const kPages[] = {"total_pages",
                              "totalPages",
                              "page_count",
                              "last_page",
                              "meta.total_pages",
                              "meta.last_page",
                              "pagination.total_pages",
                              "pagination.pages",
                              "page.totalPages"};
const char* const kLinks[] = {
    "next",        "links.next", "links.next.href", "_links.next.href", "_links.next",
    "paging.next", "next_url",   "next_page_url",   "@odata.nextLink",  "pagination.next_url",
    "info.next"};
const std::pair<const char*, const char*> kCursors[] = {{"next_cursor", "cursor"},
                                                        {"nextCursor", "cursor"},
                                                        {"meta.next_cursor", "cursor"},
                                                        {"response_metadata.next_cursor", "cursor"},
                                                        {"pagination.next_cursor", "cursor"},
                                                        {"next_page_token", "page_token"},
                                                        {"nextPageToken", "pageToken"},
                                                        {"paging.cursors.after", "after"}};
const char* const kLists[] = {"results", "data",   "items",   "records", "entries",
                              "value",   "values", "content", "rows"};

std::optional<int64_t> integer_at(std::string_view body, std::string_view path) {
  const auto found = json_at(body, path);
  return found ? json_integer(*found) : std::nullopt;
}
std::optional<std::string> text_at(std::string_view body, std::string_view path) {
  const auto found = json_at(body, path);
  return found ? json_text(*found) : std::nullopt;
}

/// `Link: <…>; rel="next"`
std::string link_header(const Answer& answer) {
  std::string_view all = answer.header("Link");
  while (!all.empty()) {
    const size_t begin = all.find('<'), end = all.find('>');
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
    const std::string_view link = all.substr(begin + 1, end - begin - 1);
    all = all.substr(end + 1);
    const std::string_view parameters = all.substr(0, all.find('<'));
    if (parameters.find("rel=\"next\"") != std::string_view::npos ||
        parameters.find("rel=next") != std::string_view::npos)
      return std::string(link);
  }
  return {};
}

bool looks_like_link(const std::optional<std::string>& text) {
  return text && (text->starts_with("http") || text->starts_with("/") || text->starts_with("?"));
}

/// At the first answer of a list: how it goes on.
void find_paging(const Answer& answer, Stream& stream) {
  using By = Paging::By;
  auto& paging = stream.paging;
  if (!link_header(answer).empty()) {
    paging.by = By::header;
    return;
  }
  for (const char* path : kLinks) {
    if (!looks_like_link(text_at(answer.body, path))) continue;
    paging.by = By::link;
    paging.from = path;
    return;
  }
  for (const auto& [path, param] : kCursors) {
    const auto text = text_at(answer.body, path);
    if (!text || text->empty()) continue;
    paging.by = By::cursor;
    paging.from = path;
    if (paging.param.empty()) paging.param = param;
    return;
  }
  for (const char* path : kPages) {
    if (!integer_at(answer.body, path)) continue;
    paging.by = By::page;
    if (paging.param.empty()) paging.param = "page";
    paging.total_pages = path;
    paging.first = integer_at(answer.body, "page").value_or(1);
    return;
  }
  paging.by = By::none;
}

/// Which part of an answer is the list of records; nothing: the answer is one record.
std::optional<std::string> find_records(const RestResource& resource, const Answer& answer,
                                        const Stream& stream) {
  if (json_elements(answer.body)) return "$";
  // A list of one page says so by a link or cursor that is null.
  bool envelope = stream.paging.by != Paging::By::none;
  for (const char* path : kTotals) envelope = envelope || json_at(answer.body, path);
  for (const char* path : kLinks) envelope = envelope || json_at(answer.body, path);
  for (const auto& [path, param] : kCursors) envelope = envelope || json_at(answer.body, path);
  for (const char* name : kLists) {
    const auto found = json_at(answer.body, name);
    const auto elements = found ? json_elements(*found) : std::nullopt;
    if (!elements) continue;
    // Without any sign of paging, the key tells which of the two is the record.
    if (envelope || (!resource.key.empty() && !key_of(resource, answer.body) &&
                     (elements->empty() || key_of(resource, elements->front()))))
      return name;
  }
  return {};
}

void read_totals(const RestResource& resource, const Answer& answer, Stream& stream) {
  std::optional<int64_t> total;
  if (!resource.total.empty()) {
    total = integer_at(answer.body, resource.total);
  } else {
    for (const char* path : kTotals) {
      if ((total = integer_at(answer.body, path))) break;
    }
    const auto& paging = stream.paging;
    if (!total && paging.by == Paging::By::link && json_at(answer.body, "next"))
      total = integer_at(answer.body, "count");
    if (!total) total = json_integer(answer.header("X-Total-Count"));
  }
  if (total) {
    if (stream.shown_total >= 0 && *total != stream.shown_total) stream.moved = true;
    stream.shown_total = stream.promised = *total;
  }
  std::optional<int64_t> pages;
  if (!stream.paging.total_pages.empty()) {
    pages = integer_at(answer.body, stream.paging.total_pages);
  } else if (stream.paging.by == Paging::By::page) {
    for (const char* path : kPages) {
      if ((pages = integer_at(answer.body, path))) break;
    }
  }
  if (pages) stream.pages = *pages;
}

PageAt after(const PageAt& at, int64_t step) { return {at.index + 1, at.number + step, {}}; }

/// What follows a page of a list that is counted.
std::optional<PageAt> next_counted(const PageAt& at, size_t records, Stream& stream) {
  const auto& paging = stream.paging;
  if (paging.by == Paging::By::page) {
    if (stream.pages >= 0)
      return at.index + 1 < stream.pages ? std::optional(after(at, 1)) : std::nullopt;
    if (records == 0 || (paging.size > 0 && int64_t(records) < paging.size)) return {};
    return after(at, 1);
  }
  if (records == 0) return {};
  const int64_t step = paging.size > 0 ? paging.size : int64_t(records);
  if (stream.promised >= 0) {
    stream.pages = (stream.promised + step - 1) / step;
    if (at.number + step >= stream.promised) return {};
  } else if (int64_t(records) < step) {
    return {};
  }
  return after(at, step);
}

}  // namespace

PageRead read_page(const RestResource& resource, const PageAt& at, const Answer& answer,
                   const Requester& requester, Stream& stream) {
  using By = Paging::By;
  if (!stream.found) {
    if (stream.paging.by == By::automatic) find_paging(answer, stream);
    stream.records = resource.records ? resource.records : find_records(resource, answer, stream);
    stream.found = true;
  }
  PageRead out;
  if (stream.records) {
    const auto list = json_at(answer.body, *stream.records);
    const auto elements = list ? json_elements(*list) : std::nullopt;
    if (elements) {
      out.records = *elements;
    } else if (list && *list != "null") {
      out.records.push_back(*list);
    } else if (!list && answer.body != "null") {
      throw Error(
          Code::data,
          "the answer of " + clients::shown_url(answer.url) + " has no \"" + *stream.records + "\"",
          "check `records` of resource \"" + resource.name + "\"", resource.place);
    }
  } else if (answer.body != "null") {
    out.records.push_back(*json_at(answer.body, "$"));
  }
  read_totals(resource, answer, stream);
  PageAt here = at;
  if (stream.paging.by == By::page && at.index == 0 && here.number == 0)
    here.number = stream.paging.first;
  if (at.index + 1 >= resource.paging.pages_max) return out;
  std::string token;
  switch (stream.paging.by) {
    case By::page:
    case By::offset: out.next = next_counted(here, out.records.size(), stream); return out;
    case By::header: token = link_header(answer); break;
    case By::link:
    case By::cursor: {
      const std::string from = stream.paging.from.empty()
                                   ? (stream.paging.by == By::link ? "next" : "next_cursor")
                                   : stream.paging.from;
      token = text_at(answer.body, from).value_or("");
      break;
    }
    default: return out;
  }
  if (token.empty() || token == "false") return out;
  if (stream.paging.by != By::cursor)
    token = requester.resolved(token, answer.url, resource.secret_params);
  if (token == at.token) {
    throw Error(Code::data,
                "resource \"" + resource.name + "\": a page names itself as the next one",
                "check `paginate` of the resource", resource.place);
  }
  out.next = PageAt{at.index + 1, 0, token};
  return out;
}

std::optional<std::string> key_of(const RestResource& resource, std::string_view record) {
  if (resource.key.empty()) return {};
  std::string out;
  for (const auto& path : resource.key) {
    const auto value = json_at(record, path);
    if (!value || *value == "null") return {};
    if (resource.key.size() == 1) return json_text(*value).value_or(std::string(*value));
    out += (out.empty() ? "[" : ",") + std::string(*value);
  }
  return out + "]";
}

namespace {

std::optional<double> number(const std::string& text) {
  double out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

}  // namespace

std::string later_cursor(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a.empty() ? b : a;
  const auto x = number(a), y = number(b);
  if (x && y) return *y > *x ? b : a;
  const auto s = parse_time(a), t = parse_time(b);
  if (s && t) return *t > *s ? b : a;
  return b > a ? b : a;
}

std::string with_overlap(const RestResource& resource, const std::string& cursor) {
  if (resource.overlap.empty()) return cursor;
  const auto time = number(cursor) ? std::nullopt : parse_time(cursor);
  const auto duration = parse_duration(resource.overlap);
  if (time && duration) {
    const std::string text = iso(*time - *duration);
    return cursor.size() == 10 ? text.substr(0, 10) : text;
  }
  int64_t whole = 0, less = 0;
  const auto read = std::from_chars(cursor.data(), cursor.data() + cursor.size(), whole);
  const auto by = std::from_chars(resource.overlap.data(),
                                  resource.overlap.data() + resource.overlap.size(), less);
  const bool plain = read.ec == std::errc{} && read.ptr == cursor.data() + cursor.size();
  if (plain && duration) {  // seconds or milliseconds since 1970
    const int64_t unit = whole > 100'000'000'000 ? 1000 : 1'000'000;
    return std::to_string(whole - duration->count() / unit);
  }
  if (plain && by.ec == std::errc{}) return std::to_string(whole - less);
  throw Error(Code::configuration,
              "overlap \"" + resource.overlap + "\" does not fit the cursor \"" + cursor + "\"",
              "a duration for times, a whole number for numbers", resource.place);
}

}  // namespace windrow::sources
