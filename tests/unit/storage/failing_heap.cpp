#include "tests/unit/storage/failing_heap.h"

#include <sqlite3.h>

#include <atomic>
#include <cstdlib>

namespace hookspool::testing {
namespace {

std::atomic<std::uint64_t> calls = 0;
std::atomic<std::uint64_t> failures = 0;
std::atomic<std::uint64_t> fail_at = 0;  // 0: none
std::atomic<bool> fail_all_later = false;
sqlite3_mem_methods heap{};

bool fails() {
  const std::uint64_t at = fail_at.load();
  if (at == 0) return false;
  const std::uint64_t call = ++calls;
  if (fail_all_later.load() ? call < at : call != at) return false;
  ++failures;
  return true;
}

void* allocate(int size) {
  return fails() ? nullptr : heap.xMalloc(size);
}

void* reallocate(void* memory, int size) {
  if (size > heap.xSize(memory) && fails()) return nullptr;
  return heap.xRealloc(memory, size);
}

bool install() {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &heap) != SQLITE_OK) std::abort();
  sqlite3_mem_methods failing = heap;
  failing.xMalloc = allocate;
  failing.xRealloc = reallocate;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK) std::abort();
  return true;
}

[[maybe_unused]] const bool installed = install();

}  // namespace

void FailingHeap::fail(std::uint64_t nth, bool from_then_on) {
  calls = 0;
  failures = 0;
  fail_all_later = from_then_on;
  fail_at = nth;
}

std::uint64_t FailingHeap::heal() {
  fail_at = 0;
  return failures.load();
}

}  // namespace hookspool::testing
