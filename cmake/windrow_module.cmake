# Declares one room: a static library from the files of the current folder, and one test program from its tests.
#
#   windrow_module(lake
#     SOURCES snapshot.cc commit.cc
#     DEPS    base storage
#     LIBS    fmt::fmt
#     TESTS   snapshot_test.cc)
#
# Headers are included from src/ (`#include "lake/table.h"`). The test program is <room>_test, one ctest entry.
function(windrow_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS;TESTS" ${ARGN})
  add_library(windrow_${name} STATIC ${arg_SOURCES})
  target_include_directories(windrow_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM arg_DEPS PREPEND windrow_)
  target_link_libraries(windrow_${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_LIBS})
  windrow_unite(${name} ${arg_SOURCES})
  if(arg_TESTS AND WINDROW_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    target_link_libraries(${name}_test PRIVATE windrow_${name} ${arg_LIBS} GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE WINDROW_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    set_target_properties(${name}_test PROPERTIES UNITY_BUILD OFF)
    # Whoever waits for a test waits for its compiler.
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O0 -U_FORTIFY_SOURCE>)
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 900)
  endif()
endfunction()

# Where CMAKE_UNITY_BUILD is on (the release preset), up to eight sources of one folder are compiled as one: headers are
# read once for all of them. So names in the unnamed namespaces of a folder differ.
function(windrow_unite name)
  set_target_properties(windrow_${name} PROPERTIES UNITY_BUILD_MODE GROUP)
  # GCC takes a united source for a header of its parts: a member whose type is in an unnamed namespace would be seen by all.
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(windrow_${name} PRIVATE -Wno-subobject-linkage)
  endif()
  set(folders "")
  foreach(source ${ARGN})
    cmake_path(GET source PARENT_PATH folder)
    string(MAKE_C_IDENTIFIER "in_${folder}" folder)
    list(APPEND folders ${folder})
    set(before "${folders}")
    list(FILTER before INCLUDE REGEX "^${folder}$")
    list(LENGTH before count)
    math(EXPR group "(${count} - 1) / 8")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${folder}_${group}")
  endforeach()
endfunction()
