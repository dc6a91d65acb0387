#include "clients/mongodb.h"

#include <mongoc/mongoc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <mutex>
#include <thread>

namespace windrow::clients {

namespace {

void unlink_counters() {
  char name[32];
  std::snprintf(name, sizeof name, "/mongoc-%d", int(getpid()));
  shm_unlink(name);
}

/// A process that was killed while it was loaded has left its file, and its number may be ours now:
/// libmongoc would complain of it. It has to go before any library is set up.
void forget_counters_of_the_dead(int, char**, char**) { unlink_counters(); }
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const kFirst)(int, char**, char**) = forget_counters_of_the_dead;

/// From the moment it is loaded, libmongoc keeps counters in a file of shared memory, and removes
/// it where a process ends as processes usually do: not by a signal, nor by _exit as ours. Without
/// its name the file ends with the process, however that ends.
[[gnu::constructor]] void forget_counters_name() { unlink_counters(); }

// One message; the driver splits at the server's own limits.
constexpr size_t kBulkDocuments = 1000;
constexpr size_t kBulkBytes = 8 << 20;
constexpr int kServerSelectionMs = 10000;

Code code_of(const bson_error_t& error) {
  switch (error.domain) {
    case MONGOC_ERROR_SERVER_SELECTION:
      // No server could be chosen because none showed a certificate that is trusted.
      return std::strstr(error.message, "ertificate") ? Code::permission : Code::unavailable;
    case MONGOC_ERROR_WRITE_CONCERN:
    case MONGOC_ERROR_STREAM: return Code::unavailable;
    case MONGOC_ERROR_CLIENT:
      return error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE ? Code::permission : Code::unavailable;
    default: break;
  }
  switch (error.code) {
    case 13:                           // Unauthorized
    case 18: return Code::permission;  // AuthenticationFailed
    case 11000: return Code::data;     // DuplicateKey
    case 112:                          // WriteConflict
    case 251: return Code::conflict;   // NoSuchTransaction
    case 14031: return Code::full;     // OutOfDiskSpace
    case 50:
    case 262:
      return Code::timeout;  // MaxTimeMSExpired, ExceededTimeLimit
    // Nodes that cannot be reached, elections, servers that step down or shut down.
    case 6:
    case 7:
    case 64:  // WriteConcernFailed: not on so many nodes in time; what was written is repeated
    case 89:
    case 9001:
    case 11602:
    case 91:
    case 189:
    case 10107:
    case 11600:
    case 13435:
    case 13436: return Code::unavailable;
    default: return Code::internal;
  }
}

[[noreturn]] void fail(const bson_error_t& error, const std::string& doing,
                       const std::string& address) {
  const Code code = code_of(error);
  std::string hint;
  if (code == Code::unavailable)
    hint =
        "look whether the server runs and can be reached, and speaks TLS (`tls: off` where it does "
        "not), then run again";
  if (code == Code::permission)
    hint = error.domain == MONGOC_ERROR_SERVER_SELECTION
               ? "name the authority that signed the server's certificate: ca: FILE.pem"
               : "check the user, its password and its roles";
  if (code == Code::full) hint = "free some space on the server and run again";
  throw Error(code, doing + " at " + address + ": " + error.message, hint);
}

int length(std::string_view text) { return int(text.size()); }

}  // namespace

struct Bson::Impl {
  bson_t root = BSON_INITIALIZER;
  // Documents that are being written, innermost last; their addresses must stay.
  struct Child {
    bson_t bson;
  };
  std::vector<std::unique_ptr<Child>> open;
  bson_t* at() { return open.empty() ? &root : &open.back()->bson; }
  ~Impl() { bson_destroy(&root); }
};

Bson::Bson() : impl_(std::make_unique<Impl>()) {}
Bson::~Bson() = default;
Bson::Bson(Bson&& o) noexcept = default;

Bson Bson::from_json(std::string_view json) {
  bson_error_t error;
  Bson out;
  bson_destroy(&out.impl_->root);
  if (!bson_init_from_json(&out.impl_->root, json.data(), ssize_t(json.size()), &error)) {
    bson_init(&out.impl_->root);
    throw Error(Code::data, std::string("not a document: ") + error.message);
  }
  return out;
}

void Bson::clear() {
  impl_->open.clear();
  bson_reinit(&impl_->root);
}
void Bson::null(std::string_view key) { bson_append_null(impl_->at(), key.data(), length(key)); }
void Bson::boolean(std::string_view key, bool value) {
  bson_append_bool(impl_->at(), key.data(), length(key), value);
}
void Bson::int32(std::string_view key, int32_t value) {
  bson_append_int32(impl_->at(), key.data(), length(key), value);
}
void Bson::int64(std::string_view key, int64_t value) {
  bson_append_int64(impl_->at(), key.data(), length(key), value);
}
void Bson::real(std::string_view key, double value) {
  bson_append_double(impl_->at(), key.data(), length(key), value);
}
void Bson::text(std::string_view key, std::string_view value) {
  bson_append_utf8(impl_->at(), key.data(), length(key), value.data() ? value.data() : "",
                   length(value));
}
void Bson::binary(std::string_view key, std::string_view value) {
  bson_append_binary(impl_->at(), key.data(), length(key), BSON_SUBTYPE_BINARY,
                     reinterpret_cast<const uint8_t*>(value.data() ? value.data() : ""),
                     uint32_t(value.size()));
}
void Bson::date(std::string_view key, int64_t milliseconds) {
  bson_append_date_time(impl_->at(), key.data(), length(key), milliseconds);
}
bool Bson::decimal(std::string_view key, const std::string& digits) {
  bson_decimal128_t value;
  if (!bson_decimal128_from_string(digits.c_str(), &value)) return false;
  return bson_append_decimal128(impl_->at(), key.data(), length(key), &value);
}
void Bson::document(std::string_view key, const Bson& value) {
  bson_append_document(impl_->at(), key.data(), length(key), &value.impl_->root);
}
void Bson::array(std::string_view key, const Bson& value) {
  bson_append_array(impl_->at(), key.data(), length(key), &value.impl_->root);
}
void Bson::begin_document(std::string_view key) {
  auto child = std::make_unique<Impl::Child>();
  bson_append_document_begin(impl_->at(), key.data(), length(key), &child->bson);
  impl_->open.push_back(std::move(child));
}
void Bson::end_document() {
  const auto child = std::move(impl_->open.back());
  impl_->open.pop_back();
  bson_append_document_end(impl_->at(), &child->bson);
}
void Bson::begin_array(std::string_view key) {
  auto child = std::make_unique<Impl::Child>();
  bson_append_array_begin(impl_->at(), key.data(), length(key), &child->bson);
  impl_->open.push_back(std::move(child));
}
void Bson::end_array() {
  const auto child = std::move(impl_->open.back());
  impl_->open.pop_back();
  bson_append_array_end(impl_->at(), &child->bson);
}
void Bson::first_of(std::string_view key, const Bson& other) {
  bson_iter_t at;
  if (bson_iter_init(&at, &other.impl_->root) && bson_iter_next(&at))
    bson_append_iter(impl_->at(), key.data(), length(key), &at);
}
std::string_view Bson::body_after(std::string_view key) const {
  bson_iter_t at;
  const auto* bytes = reinterpret_cast<const char*>(bson_get_data(&impl_->root));
  if (!bson_iter_init_find_w_len(&at, &impl_->root, key.data(), length(key)) ||
      !bson_iter_next(&at))
    return {};
  const uint32_t begin = bson_iter_offset(&at);
  return {bytes + begin, impl_->root.len - begin};
}
size_t Bson::size() const { return impl_->root.len; }

struct Mongo::Impl {
  mongoc_client_t* client = nullptr;
  mongoc_client_session_t* session = nullptr;  ///< while a transaction is under way
  bool transient = false;                      ///< the last failure in it: the same may succeed now
  std::string database, address;
  ~Impl() { mongoc_client_destroy(client); }

  /// To options of an operation: that it is of the transaction.
  void take_part(Bson& options) const {
    bson_error_t error;
    if (session && !mongoc_client_session_append(session, &options.impl().root, &error))
      fail(error, "cannot take part in a transaction", address);
  }
  void note(const bson_t* reply) {
    transient = reply && mongoc_error_has_label(reply, "TransientTransactionError");
  }

  struct Collection {
    mongoc_collection_t* raw;
    ~Collection() { mongoc_collection_destroy(raw); }
  };
  Collection collection(const std::string& name) const {
    return {mongoc_client_get_collection(client, database.c_str(), name.c_str())};
  }
};

namespace {

/// Options of a URL by which whoever answers is believed.
constexpr const char* kCredulous[] = {MONGOC_URI_TLSINSECURE,
                                      MONGOC_URI_TLSALLOWINVALIDCERTIFICATES,
                                      MONGOC_URI_TLSALLOWINVALIDHOSTNAMES};

bool is_credulous(const mongoc_uri_t* uri) {
  return std::any_of(std::begin(kCredulous), std::end(kCredulous), [&](const char* option) {
    return mongoc_uri_get_option_as_bool(uri, option, false);
  });
}

void protect(mongoc_uri_t* uri, const Transport& transport) {
  if (!transport.protection) return;  // on this machine: as the URL says
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLS, transport.encrypted());
  if (transport.protection == Protection::unverified && !is_credulous(uri))
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLSINSECURE, true);
}

}  // namespace

Transport mongo_transport(const MongoOptions& options) {
  mongoc_log_set_handler(nullptr, nullptr);  // its words may hold the URL
  bson_error_t error;
  const std::unique_ptr<mongoc_uri_t, decltype(&mongoc_uri_destroy)> uri(
      mongoc_uri_new_with_error(options.url.c_str(), &error), mongoc_uri_destroy);
  std::vector<std::string> hosts;
  if (!uri) return {};  // told where it is opened
  for (const auto* host = mongoc_uri_get_hosts(uri.get()); host; host = host->next)
    hosts.emplace_back(host->host);
  if (hosts.empty())
    hosts.emplace_back("the service's host");  // mongodb+srv://: of the name service
  auto out = transport_of(options.tls, hosts, !options.ca.empty() || !options.certificate.empty());
  const bool off = (mongoc_uri_has_option(uri.get(), MONGOC_URI_TLS) ||
                    mongoc_uri_has_option(uri.get(), "ssl")) &&
                   !mongoc_uri_get_tls(uri.get());
  if (out.protection == Protection::verified && (off || is_credulous(uri.get()))) {
    throw Error(Code::configuration,
                "an option of the url lets others on the way listen in: `" +
                    std::string(off ? "tls=false" : "tlsInsecure") + "` or the like",
                "leave it out (then the certificate is verified), or write `tls: unverified` or "
                "`tls: off` beside the url");
  }
  return out;
}

Mongo::Mongo(const MongoOptions& options) : impl_(std::make_unique<Impl>()) {
  static std::once_flag once;
  std::call_once(once, [] {
    mongoc_init();
    mongoc_log_set_handler(nullptr, nullptr);  // what goes wrong is in our errors
  });
  bson_error_t error;
  mongoc_uri_t* uri = mongoc_uri_new_with_error(options.url.c_str(), &error);
  if (!uri) {
    // Its words may hold the URL, and that the password.
    throw Error(Code::configuration, "the url of the MongoDB connection does not read as one",
                "write mongodb://user:password@host:port/; special characters of the password are "
                "percent-encoded");
  }
  impl_->database = options.database;
  for (const auto* host = mongoc_uri_get_hosts(uri); host; host = host->next)
    impl_->address += (impl_->address.empty() ? "" : ",") + std::string(host->host_and_port);
  impl_->address += "/" + options.database;
  if (mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 0) == 0)
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, kServerSelectionMs);
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false);
  try {
    protect(uri, mongo_transport(options));
  } catch (...) {
    mongoc_uri_destroy(uri);
    throw;
  }
  if (!options.ca.empty()) {
    mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, options.ca.c_str());
  }
  if (!options.certificate.empty()) {
    mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE,
                                  options.certificate.c_str());
  }
  const bool own_concern = mongoc_uri_has_option(uri, MONGOC_URI_W);
  impl_->client = mongoc_client_new_from_uri_with_error(uri, &error);
  mongoc_uri_destroy(uri);
  if (!impl_->client) fail(error, "cannot open MongoDB", impl_->address);
  mongoc_client_set_error_api(impl_->client, MONGOC_ERROR_API_VERSION_2);
  mongoc_client_set_appname(impl_->client, "windrow");
  if (!own_concern) {
    auto* concern = mongoc_write_concern_new();
    mongoc_write_concern_set_w(concern, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_client_set_write_concern(impl_->client, concern);
    mongoc_write_concern_destroy(concern);
  }
}

Mongo::~Mongo() = default;

const std::string& Mongo::address() const { return impl_->address; }

std::string Mongo::version() {
  bson_error_t error;
  Bson command;
  command.int32("buildInfo", 1);
  bson_t reply;
  const bool done = mongoc_client_command_simple(impl_->client, impl_->database.c_str(),
                                                 &command.impl().root, nullptr, &reply, &error);
  std::string out;
  bson_iter_t at;
  if (done && bson_iter_init_find(&at, &reply, "version")) out = bson_iter_utf8(&at, nullptr);
  bson_destroy(&reply);
  if (!done) fail(error, "cannot reach MongoDB", impl_->address);
  return out;
}

std::vector<std::string> Mongo::find(const std::string& collection, const Bson& filter) {
  const auto from = impl_->collection(collection);
  Bson options;
  impl_->take_part(options);
  auto* cursor = mongoc_collection_find_with_opts(from.raw, &filter.impl().root,
                                                  &options.impl().root, nullptr);
  std::vector<std::string> out;
  const bson_t* document = nullptr;
  while (mongoc_cursor_next(cursor, &document)) {
    char* json = bson_as_relaxed_extended_json(document, nullptr);
    out.emplace_back(json);
    bson_free(json);
  }
  bson_error_t error;
  const bson_t* reply = nullptr;
  const bool failed = mongoc_cursor_error_document(cursor, &error, &reply);
  if (failed) impl_->note(reply);
  mongoc_cursor_destroy(cursor);
  if (failed) fail(error, "cannot read from MongoDB", impl_->address);
  return out;
}

int64_t Mongo::update_one(const std::string& collection, const Bson& filter, const Bson& update,
                          bool upsert) {
  const auto to = impl_->collection(collection);
  Bson options;
  options.boolean("upsert", upsert);
  impl_->take_part(options);
  bson_error_t error;
  bson_t reply;
  const bool done = mongoc_collection_update_one(to.raw, &filter.impl().root, &update.impl().root,
                                                 &options.impl().root, &reply, &error);
  int64_t changed = 0;
  for (const char* name : {"matchedCount", "upsertedCount"}) {
    bson_iter_t at;
    if (done && bson_iter_init_find(&at, &reply, name)) changed += bson_iter_as_int64(&at);
  }
  if (!done) impl_->note(&reply);
  bson_destroy(&reply);
  if (!done) fail(error, "cannot write to MongoDB", impl_->address);
  return changed;
}

namespace {

constexpr int kTransactionsMax = 10, kCommitsMax = 10;
constexpr std::chrono::milliseconds kBetween{200};

/// Only replica sets and what routes to them have transactions.
bool has_transactions(mongoc_client_t* client) {
  Bson command;
  command.int32("hello", 1);
  bson_t reply;
  bson_error_t error;
  bool out = false;
  if (mongoc_client_command_simple(client, "admin", &command.impl().root, nullptr, &reply,
                                   &error)) {
    bson_iter_t at;
    out = bson_iter_init_find(&at, &reply, "setName") ||
          (bson_iter_init_find(&at, &reply, "msg") && BSON_ITER_HOLDS_UTF8(&at) &&
           std::string_view(bson_iter_utf8(&at, nullptr)) == "isdbgrid");
  }
  bson_destroy(&reply);
  return out;
}

enum class Committed { yes, anew };

/// A commit whose answer was lost is asked for again: the server knows it by its number.
Committed commit(mongoc_client_session_t* session, const std::string& address) {
  for (int attempt = 1;; ++attempt) {
    bson_t reply;
    bson_error_t error;
    const bool done = mongoc_client_session_commit_transaction(session, &reply, &error);
    const bool unknown = !done && mongoc_error_has_label(&reply, "UnknownTransactionCommitResult");
    const bool transient = !done && mongoc_error_has_label(&reply, "TransientTransactionError");
    bson_destroy(&reply);
    if (done) return Committed::yes;
    if (transient && !unknown) return Committed::anew;
    if (!unknown || attempt == kCommitsMax) fail(error, "cannot commit in MongoDB", address);
    std::this_thread::sleep_for(kBetween);
  }
}

}  // namespace

void Mongo::in_transaction(const std::function<void()>& work) {
  if (!has_transactions(impl_->client)) return work();
  bson_error_t error;
  const std::unique_ptr<mongoc_client_session_t, decltype(&mongoc_client_session_destroy)> session(
      mongoc_client_start_session(impl_->client, nullptr, &error), &mongoc_client_session_destroy);
  if (!session) fail(error, "cannot begin a session", impl_->address);
  for (int attempt = 1;; ++attempt) {
    if (!mongoc_client_session_start_transaction(session.get(), nullptr, &error))
      fail(error, "cannot begin a transaction", impl_->address);
    impl_->session = session.get();
    impl_->transient = false;
    try {
      work();
      impl_->session = nullptr;
      if (commit(session.get(), impl_->address) == Committed::yes) return;
      if (attempt == kTransactionsMax)
        throw Error(Code::conflict, "others went on changing the same at " + impl_->address);
    } catch (const Error&) {
      impl_->session = nullptr;
      bson_error_t ignored;  // what is not aborted here, the server aborts itself
      if (mongoc_client_session_in_transaction(session.get()))
        mongoc_client_session_abort_transaction(session.get(), &ignored);
      if (!impl_->transient || attempt == kTransactionsMax) throw;
    }
    std::this_thread::sleep_for(kBetween);
  }
}

int64_t Mongo::count(const std::string& collection, const Bson& filter) {
  const auto from = impl_->collection(collection);
  bson_error_t error;
  const int64_t out = mongoc_collection_count_documents(from.raw, &filter.impl().root, nullptr,
                                                        nullptr, nullptr, &error);
  if (out < 0) fail(error, "cannot count in MongoDB", impl_->address);
  return out;
}

int64_t Mongo::remove(const std::string& collection, const Bson& filter) {
  const auto from = impl_->collection(collection);
  bson_error_t error;
  bson_t reply;
  const bool done =
      mongoc_collection_delete_many(from.raw, &filter.impl().root, nullptr, &reply, &error);
  int64_t out = 0;
  bson_iter_t at;
  if (done && bson_iter_init_find(&at, &reply, "deletedCount")) out = bson_iter_as_int64(&at);
  bson_destroy(&reply);
  if (!done) fail(error, "cannot delete in MongoDB", impl_->address);
  return out;
}

void Mongo::make_indexes(const std::string& collection, const std::vector<MongoIndex>& indexes) {
  if (indexes.empty()) return;
  Bson command;
  command.text("createIndexes", collection);
  command.begin_array("indexes");
  for (size_t i = 0; i < indexes.size(); ++i) {
    command.begin_document(std::to_string(i));
    command.begin_document("key");
    for (const auto& [key, direction] : indexes[i].keys) command.int32(key, direction);
    command.end_document();
    command.text("name", indexes[i].name);
    if (indexes[i].unique) command.boolean("unique", true);
    command.end_document();
  }
  command.end_array();
  bson_error_t error;
  if (!mongoc_client_write_command_with_opts(impl_->client, impl_->database.c_str(),
                                             &command.impl().root, nullptr, nullptr, &error)) {
    fail(error, "cannot make indexes in MongoDB", impl_->address);
  }
}

struct MongoBulk::Impl {
  Mongo::Impl& mongo;
  std::string collection;
  mongoc_bulk_operation_t* bulk = nullptr;
  size_t documents = 0, bytes = 0;
};

MongoBulk::MongoBulk(Mongo& mongo, std::string collection)
    : impl_(new Impl{*mongo.impl_, std::move(collection)}) {}

MongoBulk::~MongoBulk() {
  if (impl_->bulk) mongoc_bulk_operation_destroy(impl_->bulk);
}

void MongoBulk::upsert(const Bson& id_filter, const Bson& document) {
  static const bson_t* const options = [] {
    bson_t* made = bson_new();
    BSON_APPEND_BOOL(made, "upsert", true);
    return made;
  }();
  if (!impl_->bulk) {
    const auto to = impl_->mongo.collection(impl_->collection);
    bson_t unordered = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&unordered, "ordered", false);
    impl_->bulk = mongoc_collection_create_bulk_operation_with_opts(to.raw, &unordered);
    bson_destroy(&unordered);
  }
  bson_error_t error;
  if (!mongoc_bulk_operation_replace_one_with_opts(impl_->bulk, &id_filter.impl().root,
                                                   &document.impl().root, options, &error)) {
    throw Error(Code::data, std::string("MongoDB does not take a document: ") + error.message);
  }
  impl_->bytes += document.size();
  if (++impl_->documents >= kBulkDocuments || impl_->bytes >= kBulkBytes) flush();
}

void MongoBulk::flush() {
  if (!impl_->bulk) return;
  bson_error_t error;
  bson_t reply;
  const bool done = mongoc_bulk_operation_execute(impl_->bulk, &reply, &error) != 0;
  bson_destroy(&reply);
  mongoc_bulk_operation_destroy(impl_->bulk);
  impl_->bulk = nullptr;
  impl_->documents = impl_->bytes = 0;
  if (!done) fail(error, "MongoDB refused documents", impl_->mongo.address);
}

}  // namespace windrow::clients
