# What a mistake in memory meets in the program that is given out: a canary before each return address, checked copies
# into buffers of known size, tables of addresses that are read-only once it runs, a stack that cannot be executed, a
# place in memory that is not known beforehand. tests/integration/hardening_test.py reads all of it back from the
# binary. The sanitizers' builds have better means, and FORTIFY needs optimisation.
if(CMAKE_BUILD_TYPE STREQUAL Release)
  add_compile_options(-fPIE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
