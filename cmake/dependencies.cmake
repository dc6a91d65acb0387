# Every library from elsewhere is one target. Each is wrapped by one room (THIRD_PARTY.md).
find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)  # Debian's is built with SPDLOG_FMT_EXTERNAL: it shares the fmt above
find_package(SQLite3 REQUIRED)
find_package(simdjson REQUIRED)
find_package(ZLIB REQUIRED)
find_library(WINDROW_ROARING roaring REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(date REQUIRED)
find_library(WINDROW_LIBEDIT edit REQUIRED)
find_library(WINDROW_ZSTD zstd REQUIRED)
if(WINDROW_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()

# DuckDB: the prebuilt library and the headers of the same commit, fetched by `./dev setup`.
set(WINDROW_DEPS "" CACHE PATH "folder that `./dev setup` filled: duckdb/lib and duckdb/include")
if(NOT EXISTS "${WINDROW_DEPS}/duckdb/lib/libduckdb.so")
  message(FATAL_ERROR "DuckDB is not in \"${WINDROW_DEPS}\": run ./dev setup, which fetches it and passes -DWINDROW_DEPS")
endif()
# Beside the program, so that the build folder can be moved and the program finds it by $ORIGIN/lib.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
file(COPY ${WINDROW_DEPS}/duckdb/lib/libduckdb.so DESTINATION ${PROJECT_BINARY_DIR}/lib)
add_library(windrow_duckdb_library SHARED IMPORTED GLOBAL)
set_target_properties(windrow_duckdb_library PROPERTIES
  IMPORTED_LOCATION ${PROJECT_BINARY_DIR}/lib/libduckdb.so
  IMPORTED_NO_SONAME FALSE
  INTERFACE_INCLUDE_DIRECTORIES ${WINDROW_DEPS}/duckdb/include)
add_library(windrow::duckdb ALIAS windrow_duckdb_library)
set(CMAKE_BUILD_RPATH "$ORIGIN/lib;$ORIGIN/../lib;$ORIGIN/../../lib")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

add_library(windrow_roaring INTERFACE)
target_link_libraries(windrow_roaring INTERFACE ${WINDROW_ROARING})
add_library(windrow::roaring ALIAS windrow_roaring)
add_library(windrow_libedit INTERFACE)
target_link_libraries(windrow_libedit INTERFACE ${WINDROW_LIBEDIT})
add_library(windrow::libedit ALIAS windrow_libedit)
add_library(windrow_rdkafka INTERFACE)
target_include_directories(windrow_rdkafka SYSTEM INTERFACE ${WINDROW_DEPS}/rdkafka/include)
target_link_libraries(windrow_rdkafka INTERFACE ${WINDROW_DEPS}/rdkafka/lib/librdkafka.a OpenSSL::SSL OpenSSL::Crypto
  ZLIB::ZLIB ${WINDROW_ZSTD} Threads::Threads m dl)
add_library(windrow::rdkafka ALIAS windrow_rdkafka)
