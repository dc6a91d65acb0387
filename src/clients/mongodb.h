#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "clients/transport.h"

/// The one wrapper of libmongoc and libbson.
namespace windrow::clients {

/// A BSON document that is written from its beginning to its end. Keys of arrays are `0`, `1`, ….
class Bson {
 public:
  Bson();
  ~Bson();
  Bson(const Bson&) = delete;
  Bson& operator=(const Bson&) = delete;
  Bson(Bson&& o) noexcept;
  /// From extended JSON; Error(data) where it does not read.
  static Bson from_json(std::string_view json);

  void clear();
  void null(std::string_view key);
  void boolean(std::string_view key, bool value);
  void int32(std::string_view key, int32_t value);
  void int64(std::string_view key, int64_t value);
  void real(std::string_view key, double value);
  void text(std::string_view key, std::string_view value);
  void binary(std::string_view key, std::string_view value);
  void date(std::string_view key, int64_t milliseconds);          ///< since 1970
  bool decimal(std::string_view key, const std::string& digits);  ///< false where it is too long
  void document(std::string_view key, const Bson& value);
  void array(std::string_view key, const Bson& value);
  void begin_document(std::string_view key);
  void end_document();
  void begin_array(std::string_view key);
  void end_array();
  /// The first value of another document.
  void first_of(std::string_view key, const Bson& other);
  size_t size() const;
  /// The bytes behind the value of this key of the outermost document.
  std::string_view body_after(std::string_view key) const;

  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct MongoIndex {
  std::string name;
  std::vector<std::pair<std::string, int>> keys;  ///< 1 upwards, -1 downwards
  bool unique = false;
};

struct MongoOptions {
  std::string url;  ///< `mongodb://user:password@host:port/?…` or `mongodb+srv://…`
  std::string database;
  std::string ca, certificate;  ///< PEM files, for TLS
  std::string tls;              ///< transport.h; empty: verified to any other machine
};

/// Whom a URL names, and how it is spoken to. Error(configuration) where its options are weaker
/// than what is not spelled out by `tls`.
Transport mongo_transport(const MongoOptions& options);

/// One connection; one thread at a time. Writes wait for a majority unless the URL says otherwise.
class Mongo {
 public:
  explicit Mongo(const MongoOptions& options);
  ~Mongo();
  Mongo(const Mongo&) = delete;
  Mongo& operator=(const Mongo&) = delete;

  std::string version();  ///< asks the server
  /// Documents as relaxed extended JSON.
  std::vector<std::string> find(const std::string& collection, const Bson& filter);
  /// Documents that were matched, or made where `upsert` is set.
  int64_t update_one(const std::string& collection, const Bson& filter, const Bson& update,
                     bool upsert);
  int64_t count(const std::string& collection, const Bson& filter);
  int64_t remove(const std::string& collection, const Bson& filter);
  /// Those that are there stay as they are.
  void make_indexes(const std::string& collection, const std::vector<MongoIndex>& indexes);
  /// `work` as one transaction: all of what it writes is there, or nothing. It is called again
  /// where the server says that this helps, so it must begin anew each time. On a server that has
  /// no transactions (one that is no replica set) it is simply called. Error(unavailable) where the
  /// answer to the commit was lost for good: it may stand.
  void in_transaction(const std::function<void()>& work);
  const std::string& address() const;  ///< hosts and database, for messages

  struct Impl;

 private:
  friend class MongoBulk;
  std::unique_ptr<Impl> impl_;
};

/// Documents that replace, or become, those with the same `_id`; in no order, and safe to repeat.
class MongoBulk {
 public:
  MongoBulk(Mongo& mongo, std::string collection);
  ~MongoBulk();
  MongoBulk(const MongoBulk&) = delete;
  MongoBulk& operator=(const MongoBulk&) = delete;
  void upsert(const Bson& id_filter, const Bson& document);
  void flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windrow::clients
