#include "storage/dedupe/key_run.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "storage/file/crc32c.h"
#include "storage/file/file_io.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "the files' numbers are little-endian");

constexpr std::array<char, 8> kMagic{'H', 'S', 'K', 'E', 'Y', 'S', '0', '1'};
constexpr std::string_view kUnfinished = ".unfinished";
constexpr std::size_t kBufferBlocks = 16;  // written at a time

struct Footer {
  std::array<char, 8> magic = kMagic;
  std::uint64_t keys = 0, generation = 0, first_log = 0, last_log = 0, level = 0;
  std::uint32_t index_crc = 0;  // of fences and filter
  std::uint32_t crc = 0;        // of all of the above

  std::uint32_t checksum() const { return crc32c(0, this, offsetof(Footer, crc)); }
};
static_assert(sizeof(Footer) == 56);

// Big-endian, so that it grows with the key.
std::uint64_t prefix_of(const Uuid& key) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) prefix = prefix << 8 | key.bytes[i];
  return prefix;
}

bool less(const KeyEntry& entry, const Uuid& key) {
  return entry.key < key;
}

JournalError damaged(const std::filesystem::path& file, const std::string& what) {
  return {JournalError::Kind::kCorrupt, file.string() + " " + what};
}

template <class T>
std::uint32_t crc_of(std::uint32_t crc, std::span<const T> values) {
  return crc32c(crc, values.data(), values.size_bytes());
}

// Short is damage: the name was given to a whole file.
JournalResult<void> read_exactly(int fd, std::span<std::byte> bytes, std::uint64_t offset,
                                 const std::filesystem::path& file) {
  const auto read = read_at(fd, bytes, offset, file.string());
  if (!read) return fail(read.error());
  if (*read < bytes.size()) return fail(damaged(file, "is shorter than it was written"));
  return {};
}

std::uint64_t blocks_for(std::uint64_t keys) {
  return (keys + kRunBlockEntries - 1) / kRunBlockEntries;
}

}  // namespace

std::uint32_t RunBlock::checksum() const {
  return crc32c(0, reinterpret_cast<const std::byte*>(this) + sizeof crc, sizeof *this - sizeof crc);
}

std::string RunId::file_name() const {
  std::array<char, 128> name{};
  const int length =
      std::snprintf(name.data(), name.size(), "run-%llu-%llu-%llu-%llu.keys",
                    static_cast<unsigned long long>(generation), static_cast<unsigned long long>(first_log),
                    static_cast<unsigned long long>(last_log), static_cast<unsigned long long>(level));
  return {name.data(), static_cast<std::size_t>(length)};
}

std::optional<RunId> RunId::parse(const std::string& file_name) {
  RunId id;
  std::string_view left = file_name;
  if (!left.starts_with("run")) return std::nullopt;
  left.remove_prefix(3);
  for (std::uint64_t* number : {&id.generation, &id.first_log, &id.last_log, &id.level}) {
    if (!left.starts_with('-')) return std::nullopt;
    left.remove_prefix(1);
    const auto parsed = std::from_chars(left.data(), left.data() + left.size(), *number);
    if (parsed.ec != std::errc()) return std::nullopt;
    left.remove_prefix(static_cast<std::size_t>(parsed.ptr - left.data()));
  }
  if (id.file_name() != file_name || id.first_log > id.last_log) return std::nullopt;
  return id;
}

bool is_unfinished_run(const std::string& file_name) {
  return file_name.starts_with("run-") && file_name.ends_with(kUnfinished);
}

JournalResult<std::shared_ptr<const KeyRun>> KeyRun::open(const std::filesystem::path& folder,
                                                          const RunId& id) {
  std::shared_ptr<KeyRun> run(new KeyRun);
  run->path_ = folder / id.file_name();
  run->id_ = id;
  run->fd_ = Fd(open_regular(run->path_, O_RDONLY));
  const int fd = run->fd_.get();
  if (!run->fd_.is_open()) {
    return fail(
        JournalError{JournalError::Kind::kIo, "opening " + run->path_.string() + ": " + open_failure(errno)});
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(io_error("looking at " + run->path_.string(), errno));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Footer footer;
  if (size < sizeof footer) return fail(damaged(run->path_, "is shorter than it was written"));
  const std::span<std::byte> footer_bytes(reinterpret_cast<std::byte*>(&footer), sizeof footer);
  if (auto read = read_exactly(fd, footer_bytes, size - sizeof footer, run->path_); !read)
    return fail(read.error());
  const std::uint64_t blocks = blocks_for(footer.keys);
  const std::uint64_t filter_words = KeyFilter::words_for(footer.keys);
  const bool as_named = footer.generation == id.generation && footer.first_log == id.first_log &&
                        footer.last_log == id.last_log && footer.level == id.level;
  // The bound keeps the products below from overflowing.
  if (footer.magic != kMagic || footer.crc != footer.checksum() || !as_named || footer.keys > size ||
      size != blocks * (kRunBlockBytes + 8) + filter_words * 4 + sizeof footer) {
    return fail(damaged(run->path_, "is damaged: its footer does not hold"));
  }
  run->keys_ = footer.keys;
  run->fences_.resize(blocks);
  std::vector<std::uint32_t> words(filter_words);
  std::uint64_t at = blocks * kRunBlockBytes;
  if (auto read = read_exactly(fd, std::as_writable_bytes(std::span(run->fences_)), at, run->path_); !read)
    return fail(read.error());
  at += blocks * 8;
  if (auto read = read_exactly(fd, std::as_writable_bytes(std::span(words)), at, run->path_); !read)
    return fail(read.error());
  std::uint32_t crc = crc_of(0, std::span<const std::uint64_t>(run->fences_));
  crc = crc_of(crc, std::span<const std::uint32_t>(words));
  if (crc != footer.index_crc) return fail(damaged(run->path_, "is damaged: its filter does not hold"));
  run->filter_ = KeyFilter(std::move(words));
  return std::shared_ptr<const KeyRun>(std::move(run));
}

JournalResult<void> KeyRun::read_block(std::uint64_t number, RunBlock& block) const {
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(&block), sizeof block);
  if (auto read = read_exactly(fd_.get(), bytes, number * kRunBlockBytes, path_); !read) return read;
  if (block.count == 0 || block.count > kRunBlockEntries || block.crc != block.checksum())
    return fail(damaged(path_, "is damaged: block " + std::to_string(number) + " does not hold"));
  return {};
}

JournalResult<std::optional<Uuid>> KeyRun::find(const Uuid& key) const {
  if (!may_contain(key)) return std::optional<Uuid>();
  const std::uint64_t prefix = prefix_of(key);
  const auto above = std::upper_bound(fences_.begin(), fences_.end(), prefix);
  auto number = static_cast<std::uint64_t>(above - fences_.begin());
  RunBlock block;
  while (number > 0) {
    --number;
    if (auto read = read_block(number, block); !read) return fail(read.error());
    const auto end = block.entries.begin() + block.count;
    const auto found = std::lower_bound(block.entries.begin(), end, key, less);
    if (found != end && found->key == key) return std::optional<Uuid>(found->event_id);
    // Keys of one prefix may begin in the block before.
    if (fences_[number] != prefix) break;
  }
  return std::optional<Uuid>();
}

JournalResult<const KeyEntry*> KeyRunReader::next() {
  if (next_block_ == 0 || next_entry_ == block_.count) {
    if (next_block_ == run_->blocks()) return nullptr;
    if (auto read = run_->read_block(next_block_, block_); !read) return fail(read.error());
    ++next_block_;
    next_entry_ = 0;
  }
  return &block_.entries[next_entry_++];
}

KeyRunWriter::KeyRunWriter(std::filesystem::path folder, const RunId& id, std::uint64_t keys_max)
    : folder_(std::move(folder)),
      temporary_(folder_ / (id.file_name() + std::string(kUnfinished))),
      run_(new KeyRun) {
  run_->id_ = id;
  run_->path_ = folder_ / id.file_name();
  run_->filter_ = KeyFilter(keys_max);
  run_->fences_.reserve(blocks_for(keys_max));
  buffer_.reserve(kBufferBlocks);
}

KeyRunWriter::~KeyRunWriter() {
  if (run_ != nullptr && run_->fd_.is_open()) ::unlink(temporary_.c_str());
}

JournalResult<void> KeyRunWriter::open() {
  run_->fd_ = Fd(open_regular(temporary_, O_RDWR | O_CREAT | O_TRUNC, 0600));
  if (run_->fd_.is_open()) return {};
  return fail(
      JournalError{JournalError::Kind::kIo, "making " + temporary_.string() + ": " + open_failure(errno)});
}

JournalResult<void> KeyRunWriter::write_buffer() {
  const auto bytes = std::as_bytes(std::span(buffer_));
  if (auto written = write_all_at(run_->fd_.get(), bytes, written_bytes_, temporary_.string()); !written)
    return written;
  written_bytes_ += bytes.size();
  buffer_.clear();
  return {};
}

JournalResult<void> KeyRunWriter::write_block() {
  if (!run_->fd_.is_open()) {
    if (auto opened = open(); !opened) return opened;
  }
  run_->fences_.push_back(prefix_of(block_.entries[0].key));
  block_.crc = block_.checksum();
  buffer_.push_back(block_);
  block_ = RunBlock{};
  return buffer_.size() < kBufferBlocks ? JournalResult<void>() : write_buffer();
}

JournalResult<void> KeyRunWriter::add(const KeyEntry& entry) {
  assert(block_.count == 0 || block_.entries[block_.count - 1].key < entry.key);
  block_.entries[block_.count++] = entry;
  run_->filter_.add(entry.key);
  ++run_->keys_;
  return block_.count < kRunBlockEntries ? JournalResult<void>() : write_block();
}

JournalResult<std::shared_ptr<const KeyRun>> KeyRunWriter::finish() {
  if (block_.count > 0) {
    if (auto written = write_block(); !written) return fail(written.error());
  }
  if (auto written = write_buffer(); !written) return fail(written.error());
  // The reader derives the filter's size from the count: one that was made for more keys is made again.
  if (run_->filter_.words().size() != KeyFilter::words_for(run_->keys_)) {
    KeyFilter fitting(run_->keys_);
    RunBlock block;
    for (std::uint64_t number = 0; number < run_->blocks(); ++number) {
      if (auto read = run_->read_block(number, block); !read) return fail(read.error());
      for (std::size_t i = 0; i < block.count; ++i) fitting.add(block.entries[i].key);
    }
    run_->filter_ = std::move(fitting);
  }
  const std::span<const std::uint64_t> fences(run_->fences_);
  const std::span<const std::uint32_t> words = run_->filter_.words();
  Footer footer;
  footer.keys = run_->keys_;
  footer.generation = run_->id_.generation;
  footer.first_log = run_->id_.first_log;
  footer.last_log = run_->id_.last_log;
  footer.level = run_->id_.level;
  footer.index_crc = crc_of(crc_of(0, fences), words);
  footer.crc = footer.checksum();
  const int fd = run_->fd_.get();
  const std::string name = temporary_.string();
  for (const auto bytes :
       {std::as_bytes(fences), std::as_bytes(words), std::as_bytes(std::span<const Footer>(&footer, 1))}) {
    if (auto written = write_all_at(fd, bytes, written_bytes_, name); !written) return fail(written.error());
    written_bytes_ += bytes.size();
  }
  if (::fsync(fd) != 0) return fail(io_error("syncing " + name, errno));
  if (::rename(temporary_.c_str(), run_->path_.c_str()) != 0)
    return fail(io_error("renaming " + name, errno));
  if (auto synced = sync_folder(folder_); !synced) return fail(synced.error());
  return std::shared_ptr<const KeyRun>(std::move(run_));
}

}  // namespace hookspool::storage
