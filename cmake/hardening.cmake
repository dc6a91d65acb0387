# What a mistake in memory meets in the program that is given out: tables of addresses that are read-only once it runs,
# a stack that cannot be executed, a place in memory that is not known beforehand.
# tests/integration/hardening_test.py reads all of it back from the binary.
if(CMAKE_BUILD_TYPE STREQUAL Release)
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
