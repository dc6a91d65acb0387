#include "publish/cassandra/manifests.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

namespace windrow::publish {

namespace {

using clients::cassandra::Cluster;
using clients::cassandra::Consistency;
using clients::cassandra::Rows;
using clients::cassandra::Values;

constexpr int kLeaseSeconds = 30;
constexpr std::chrono::seconds kRenewAfter{8};
constexpr std::chrono::milliseconds kLookAgain{300};
constexpr int kLooksForTable = 20;
constexpr std::chrono::minutes kWaitAtMost{10};
constexpr const char* kReplace = " replace";

std::optional<Time> time_of(const std::optional<std::string>& text) {
  return text ? parse_time(*text) : std::nullopt;
}
int64_t milliseconds(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

/// A table that another publication is just making is told of before it can be asked.
template <typename Ask>
auto as_soon_as_it_is_there(const Ask& ask) {
  for (int look = 0;; ++look) {
    try {
      return ask();
    } catch (const Error& error) {
      if (look == kLooksForTable ||
          error.problem().message.find("does not exist") == std::string::npos)
        throw;
      std::this_thread::sleep_for(kLookAgain);
    }
  }
}

/// When a process began, as the kernel counts; empty where there is none.
std::string began(const std::string& process) {
  std::ifstream file("/proc/" + process + "/stat");
  std::stringstream whole;
  whole << file.rdbuf();
  const std::string text = whole.str();
  const size_t name = text.rfind(')');
  if (name == std::string::npos) return "";
  std::istringstream fields(text.substr(name + 1));
  std::string field;
  constexpr int kStartTime = 20;
  for (int i = 0; i < kStartTime; ++i) fields >> field;
  return field;
}

std::string host() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

std::string cassandra_writer() {
  const std::string process = std::to_string(getpid());
  return host() + " " + process + " " + began(process);
}

bool cassandra_writer_is_dead(const std::string& writer) {
  std::istringstream words(writer);
  std::string name, process, begin;
  words >> name >> process >> begin;
  return name == host() && !process.empty() && began(process) != begin;
}

std::string CassandraManifests::create(const CassandraPlace& place, const char* table) {
  return "CREATE TABLE IF NOT EXISTS " + place.qualified(table) +
         " (\"view\" text PRIMARY KEY, batch_id text, source_table text, source_version bigint, "
         "definition text, boundary timestamp, rows bigint, checksum text, started timestamp, "
         "published timestamp, inputs text, writer text, changing text, stamp bigint, rejected "
         "text)";
}

void CassandraManifests::evolve(Cluster& cluster, const CassandraPlace& place) {
  const auto there = cluster.query(
      fmt::format("SELECT column_name FROM system_schema.columns WHERE keyspace_name = {} AND "
                  "table_name = 'windrow_publications' AND column_name = 'rejected'",
                  cassandra_text(place.keyspace)));
  if (there.rows.empty())
    cluster.change("ALTER TABLE " + place.qualified("windrow_publications") + " ADD rejected text");
}

std::map<std::string, Manifest> CassandraManifests::all() {
  return as_soon_as_it_is_there([&] { return read_all(); });
}

std::map<std::string, Manifest> CassandraManifests::read_all() {
  std::map<std::string, Manifest> out;
  cluster_.stream("SELECT * FROM " + table_, [&](const Rows& page) {
    for (size_t i = 0; i < page.rows.size(); ++i) {
      const auto text = [&](const char* column) { return page.text(i, column).value_or(""); };
      const auto number = [&](const char* column) {
        const auto found = page.text(i, column);
        return found ? std::stoll(*found) : -1;
      };
      if (text("batch_id").empty()) continue;  // begun, and never whole
      Manifest manifest{text("view"),
                        text("batch_id"),
                        text("source_table"),
                        number("source_version"),
                        text("definition"),
                        time_of(page.text(i, "boundary")),
                        number("rows"),
                        text("checksum"),
                        time_of(page.text(i, "started")).value_or(Time{}),
                        time_of(page.text(i, "published")).value_or(Time{}),
                        text("inputs"),
                        text("rejected")};
      if (text("changing").ends_with(kReplace)) {
        manifest.definition.clear();
        manifest.inputs.clear();
        manifest.source_version = -1;
      }
      out[manifest.view] = std::move(manifest);
    }
  });
  return out;
}

Rows CassandraManifests::row(const std::string& view) {
  Values values;
  values.text(view);
  return as_soon_as_it_is_there([&] {
    return cluster_.query("SELECT * FROM " + table_ + " WHERE \"view\" = ?", values, true, {},
                          Consistency::serial);
  });
}

bool CassandraManifests::apply(const std::string& cql, const Values& values) {
  return cluster_.conditional("UPDATE " + table_ + " " + cql, values).applied();
}

CassandraManifests::Turn CassandraManifests::take(const ViewBatch& view, Time now, Cancel& cancel) {
  Turn turn{view.table, cassandra_writer() + " " + view.manifest.batch_id, 0, false, {}};
  const auto until = std::chrono::steady_clock::now() + kWaitAtMost;
  for (;;) {
    cancel.check();
    const auto there = row(view.table);
    const auto text = [&](const char* column) {
      return there.rows.empty() ? std::nullopt : there.text(0, column);
    };
    refuse_outrun(view, text("batch_id").value_or(""));
    const auto holder = text("writer");
    if (!holder || cassandra_writer_is_dead(*holder)) {
      Values values;
      values.text(turn.writer);
      values.text(view.table);
      if (holder) {
        values.text(*holder);
      } else {
        values.null();
      }
      if (apply(fmt::format("USING TTL {} SET writer = ? WHERE \"view\" = ? IF writer = ?",
                            kLeaseSeconds),
                values)) {
        const auto stamp = text("stamp");
        turn.first = !stamp;
        turn.timestamp = std::max<int64_t>(micros(now), stamp ? std::stoll(*stamp) + 1 : 0);
        break;
      }
    } else if (std::chrono::steady_clock::now() > until) {
      throw Error(Code::unavailable,
                  fmt::format("view \"{}\" is being published by another run ({})", view.table,
                              holder->substr(0, holder->rfind(' '))));
    }
    if (holder) cancel.wait_for(kLookAgain);
  }
  // What was read above may have changed before the view was ours.
  const auto mine = row(view.table);
  const auto stamp = mine.text(0, "stamp");
  turn.first = !stamp;
  turn.whole = mine.text(0, "batch_id") && !mine.text(0, "changing");
  turn.timestamp = std::max<int64_t>(turn.timestamp, stamp ? std::stoll(*stamp) + 1 : 0);
  if (view.after && mine.text(0, "batch_id").value_or("") != *view.after) {
    release(turn);
    outrun(view.table);
  }
  Values values;
  values.text(view.manifest.batch_id + " " + view.mode);
  values.integer(turn.timestamp);
  values.text(view.table);
  values.text(turn.writer);
  if (!apply("SET changing = ?, stamp = ? WHERE \"view\" = ? IF writer = ?", values))
    throw Error(Code::conflict, fmt::format("view \"{}\" was taken by another run", view.table));
  turn.renewed = std::chrono::steady_clock::now();
  return turn;
}

void CassandraManifests::renew(Turn& turn) {
  const auto now = std::chrono::steady_clock::now();
  if (now - turn.renewed < kRenewAfter) return;
  Values values;
  values.text(turn.writer);
  values.text(turn.view);
  values.text(turn.writer);
  if (!apply(fmt::format("USING TTL {} SET writer = ? WHERE \"view\" = ? IF writer = ?",
                         kLeaseSeconds),
             values)) {
    throw Error(Code::conflict,
                fmt::format("view \"{}\" was taken by another run, as this one stood still for "
                            "more than {} seconds",
                            turn.view, kLeaseSeconds));
  }
  turn.renewed = now;
}

namespace {

/// What a batch is, in the order of `kBatch`.
void put_batch(const Manifest& m, Values& values) {
  values.text(m.batch_id);
  values.text(m.source_table);
  values.integer(m.source_version);
  values.text(m.definition);
  if (m.boundary) {
    values.integer(milliseconds(*m.boundary));
  } else {
    values.null();
  }
  values.integer(m.rows);
  values.text(m.checksum);
  values.integer(milliseconds(m.started));
  values.integer(milliseconds(m.published));
  values.text(m.inputs);
  if (m.rejected.empty()) {
    values.null();
  } else {
    values.text(m.rejected);
  }
}
constexpr const char* kBatch =
    "SET batch_id = ?, source_table = ?, source_version = ?, definition = ?, boundary = ?, rows = "
    "?, checksum = ?, started = ?, published = ?, inputs = ?, rejected = ?";

}  // namespace

void CassandraManifests::finish(const Turn& turn, const Manifest& m) {
  Values values;
  put_batch(m, values);
  values.text(turn.view);
  values.text(turn.writer);
  if (!apply(
          std::string(kBatch) + ", writer = null, changing = null WHERE \"view\" = ? IF writer = ?",
          values))
    throw Error(
        Code::conflict,
        fmt::format("view \"{}\" was taken by another run before its batch was whole", turn.view));
}

void CassandraManifests::put(const Manifest& m) {
  Values values;
  put_batch(m, values);
  values.text(m.view);
  cluster_.query("UPDATE " + table_ + " " + kBatch + " WHERE \"view\" = ?", values);
}

void CassandraManifests::release(const Turn& turn) {
  try {
    cluster_.stop_on(nullptr);  // also after a cancel
    Values values;
    values.text(turn.view);
    values.text(turn.writer);
    apply("SET writer = null WHERE \"view\" = ? IF writer = ?", values);
  } catch (const Error&) {
    // It vanishes by itself.
  }
}

void CassandraManifests::move_boundary(const std::string& view, Time boundary) {
  Values values;
  values.integer(milliseconds(boundary));
  values.text(view);
  apply("SET boundary = ? WHERE \"view\" = ? IF EXISTS", values);
}

}  // namespace windrow::publish
