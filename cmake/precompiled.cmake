# One precompiled header for the targets of a folder and of all below it; its options are those of all of them.
#   hookspool_share_precompiled(FOLDER)
find_package(GTest REQUIRED)
file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "")
add_library(hookspool_precompiled STATIC ${PROJECT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(hookspool_precompiled PRIVATE hookspool_settings GTest::gtest)
target_precompile_headers(hookspool_precompiled PRIVATE
  <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <filesystem> <fstream> <functional> <iostream> <map>
  <memory> <mutex> <optional> <set> <span> <sstream> <string> <string_view> <thread> <vector>
  <gtest/gtest.h> <nlohmann/json.hpp>)

function(hookspool_share_precompiled folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    # A MODULE is preloaded into other programs, and is compiled without a sanitizer.
    if(type MATCHES "^(STATIC_LIBRARY|EXECUTABLE)$" AND NOT target STREQUAL hookspool_precompiled)
      target_precompile_headers(${target} REUSE_FROM hookspool_precompiled)
      # The header was compiled with it, and g++ takes it only where it is the same.
      target_compile_definitions(${target} PRIVATE GTEST_HAS_PTHREAD=1)
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below IN LISTS folders)
    hookspool_share_precompiled(${below})
  endforeach()
endfunction()
