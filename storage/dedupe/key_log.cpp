#include "storage/dedupe/key_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "storage/file/crc32c.h"
#include "storage/file/file_io.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

constexpr std::string_view kPrefix = "log-";
constexpr std::string_view kUnfinished = ".unfinished";

struct RecordHead {
  std::uint32_t crc = 0;
  std::uint32_t count = 0;
  std::uint64_t complete_before = 0, generation = 0, age_us = 0;
};
static_assert(sizeof(RecordHead) == 32);

std::uint32_t checksum(const RecordHead& head, std::span<const KeyEntry> entries) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&head);
  const std::uint32_t crc = crc32c(0, bytes + sizeof head.crc, sizeof head - sizeof head.crc);
  return crc32c(crc, entries.data(), entries.size_bytes());
}

JournalError open_error(const std::string& attempted, const std::filesystem::path& file, int error_number) {
  JournalError error = io_error(attempted, error_number);
  error.text = attempted + " " + file.string() + ": " + open_failure(error_number);
  return error;
}

}  // namespace

std::string KeyLog::file_name(std::uint64_t number) {
  return std::string(kPrefix) + std::to_string(number);
}

std::optional<std::uint64_t> KeyLog::parse(const std::string& file_name) {
  std::uint64_t number = 0;
  if (!file_name.starts_with(kPrefix)) return std::nullopt;
  const char* end = file_name.data() + file_name.size();
  const auto parsed = std::from_chars(file_name.data() + kPrefix.size(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

bool is_unfinished_log(const std::string& file_name) {
  return file_name.starts_with(kPrefix) && file_name.ends_with(kUnfinished);
}

JournalResult<KeyLog::Content> KeyLog::read(const std::filesystem::path& file) {
  const Fd fd(open_regular(file, O_RDONLY));
  if (!fd.is_open()) return fail(open_error("opening", file, errno));
  Content content;
  std::vector<KeyEntry> entries;
  for (std::uint64_t at = 0;;) {
    RecordHead head;
    const auto head_bytes = std::as_writable_bytes(std::span<RecordHead>(&head, 1));
    const auto read_head = read_at(fd.get(), head_bytes, at, file.string());
    if (!read_head) return fail(read_head.error());
    if (*read_head < sizeof head || head.count > kRecordEntriesMax) return content;
    entries.resize(head.count);
    const auto entry_bytes = std::as_writable_bytes(std::span(entries));
    const auto read_entries = read_at(fd.get(), entry_bytes, at + sizeof head, file.string());
    if (!read_entries) return fail(read_entries.error());
    if (*read_entries < entry_bytes.size() || head.crc != checksum(head, entries)) return content;
    content.state = IndexState{head.complete_before, head.generation, head.age_us};
    content.entries.insert(content.entries.end(), entries.begin(), entries.end());
    at += sizeof head + entry_bytes.size();
  }
}

JournalResult<std::unique_ptr<KeyLog>> KeyLog::create(const std::filesystem::path& folder,
                                                      std::uint64_t number, const IndexState& state,
                                                      std::span<const KeyEntry> entries) {
  const std::filesystem::path path = folder / file_name(number);
  const std::filesystem::path temporary = path.string() + std::string(kUnfinished);
  Fd fd(open_regular(temporary, O_RDWR | O_CREAT | O_TRUNC, 0600));
  if (!fd.is_open()) return fail(open_error("making", temporary, errno));
  std::unique_ptr<KeyLog> log(new KeyLog(temporary, std::move(fd), number));
  // What a record says holds of all before it, so only the last one may say what the whole is complete for.
  IndexState part_state = state;
  part_state.complete_before = 0;
  for (; entries.size() > kRecordEntriesMax; entries = entries.subspan(kRecordEntriesMax)) {
    if (auto written = log->append(entries.first(kRecordEntriesMax), part_state); !written)
      return fail(written.error());
  }
  if (auto written = log->append(entries, state); !written) return fail(written.error());
  if (auto synced = log->sync(); !synced) return fail(synced.error());
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return fail(io_error("renaming " + temporary.string(), errno));
  log->path_ = path;
  if (auto synced = sync_folder(folder); !synced) return fail(synced.error());
  return log;
}

JournalResult<void> KeyLog::append(std::span<const KeyEntry> entries, const IndexState& state) {
  assert(entries.size() <= kRecordEntriesMax);
  RecordHead head{0, static_cast<std::uint32_t>(entries.size()), state.complete_before, state.generation,
                  state.age_us};
  head.crc = checksum(head, entries);
  std::vector<std::byte> record(sizeof head + entries.size_bytes());
  std::memcpy(record.data(), &head, sizeof head);
  if (!entries.empty()) std::memcpy(record.data() + sizeof head, entries.data(), entries.size_bytes());
  if (auto written = write_all_at(fd_.get(), record, bytes_, path_.string()); !written) return written;
  bytes_ += record.size();
  return {};
}

JournalResult<void> KeyLog::sync() {
  if (::fdatasync(fd_.get()) != 0) return fail(io_error("syncing " + path_.string(), errno));
  return {};
}

}  // namespace hookspool::storage
