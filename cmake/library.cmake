# The lake room as a library for other programs: `cmake --install build/release --component lake --prefix DIR` puts
# headers, static libraries, libduckdb.so and a pkg-config file there. src/lake/README.md shows its use.
set(rooms base columns clients storage duck lake)
foreach(room ${rooms})
  install(TARGETS windrow_${room} ARCHIVE DESTINATION lib COMPONENT lake EXCLUDE_FROM_ALL)
  install(DIRECTORY src/${room} DESTINATION include/windrow COMPONENT lake EXCLUDE_FROM_ALL
    FILES_MATCHING PATTERN "*.h"
    PATTERN "*_fixture.h" EXCLUDE PATTERN "impl.h" EXCLUDE PATTERN "json_reader.h" EXCLUDE PATTERN "http_server.h" EXCLUDE
    PATTERN "example" EXCLUDE PATTERN "fuzz" EXCLUDE PATTERN "testdata" EXCLUDE)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/lib/libduckdb.so DESTINATION lib COMPONENT lake EXCLUDE_FROM_ALL)
configure_file(cmake/windrow-lake.pc.in windrow-lake.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/windrow-lake.pc DESTINATION lib/pkgconfig COMPONENT lake EXCLUDE_FROM_ALL)
