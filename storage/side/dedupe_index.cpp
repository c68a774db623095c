#include "storage/side/dedupe_index.h"

#include <fcntl.h>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/env.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kShares = 4;                 // generations that together hold what has to be kept
constexpr std::size_t kWriteBufferBytes = 1u << 20;  // LevelDB holds up to two while it compacts
constexpr std::size_t kBlockCacheBytes = 1u << 20;   // shared by all generations
constexpr std::size_t kBlockBytes = 16u << 10;       // large: the index of a table stays in memory
constexpr std::size_t kTableBytes = 8u << 20;
constexpr std::string_view kPrefix = "generation-";
constexpr std::string_view kStateKey = "state";  // no key of a delivery is this short

// Tables are read by pread: LevelDB's own way maps them, and then the whole index counts as resident memory.
class PreadFile final : public leveldb::RandomAccessFile {
 public:
  explicit PreadFile(int fd) : fd_(fd) {}
  ~PreadFile() override { ::close(fd_); }
  leveldb::Status Read(std::uint64_t offset, std::size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    const ssize_t size = ::pread(fd_, scratch, n, static_cast<off_t>(offset));
    *result = leveldb::Slice(scratch, size < 0 ? 0 : static_cast<std::size_t>(size));
    if (size < 0) return leveldb::Status::IOError("pread", std::generic_category().message(errno));
    return leveldb::Status::OK();
  }

 private:
  const int fd_;
};

// To open a FIFO that lies in the place of one of LevelDB's files would wait for its other end.
class PreadEnv final : public leveldb::EnvWrapper {
 public:
  PreadEnv() : leveldb::EnvWrapper(leveldb::Env::Default()) {}
  leveldb::Status NewSequentialFile(const std::string& name, leveldb::SequentialFile** file) override {
    const auto regular = require_regular(name);
    return regular.ok() ? target()->NewSequentialFile(name, file) : regular;
  }
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override {
    const auto regular = require_regular(name);
    return regular.ok() ? target()->NewWritableFile(name, file) : regular;
  }
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** logger) override {
    const auto regular = require_regular(name);
    return regular.ok() ? target()->NewLogger(name, logger) : regular;
  }
  leveldb::Status NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** file) override {
    const int fd = open_regular(name, O_RDONLY);
    if (fd < 0) return leveldb::Status::IOError(name, open_failure(errno));
    *file = new PreadFile(fd);  // LevelDB's interface hands over a plain pointer
    return leveldb::Status::OK();
  }

 private:
  static leveldb::Status require_regular(const std::string& name) {
    if (is_not_regular(name)) return leveldb::Status::IOError(name, "it is not a regular file: move it away");
    return leveldb::Status::OK();
  }
};

leveldb::Slice slice(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

JournalError failure(const std::string& attempted, const leveldb::Status& status) {
  return {status.IsCorruption() ? JournalError::Kind::kCorrupt : JournalError::Kind::kIo,
          attempted + ": " + status.ToString()};
}

// What a generation knows of itself; written with every batch, so that it is as old as the batch.
struct State {
  std::int64_t began_us = 0;
  std::uint64_t keys = 0;
  std::uint64_t complete_before = 0;

  std::string bytes() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }
  static std::optional<State> parse(const std::string& bytes) {
    State state;
    if (bytes.size() != sizeof state) return std::nullopt;
    std::memcpy(&state, bytes.data(), sizeof state);
    return state;
  }
};

struct Generation {
  std::uint64_t number = 0;
  fs::path path;
  std::unique_ptr<leveldb::DB> database;
  State state;  // of the newest one guarded by Impl::write_mutex_, of the others never changed
};

}  // namespace

class DedupeIndex::Impl {
 public:
  explicit Impl(DedupeOptions options)
      : options_(std::move(options)),
        cache_(leveldb::NewLRUCache(kBlockCacheBytes)),
        filter_(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey)) {}

  JournalResult<void> open_all(std::vector<std::string>& notes);
  JournalResult<std::optional<Uuid>> find(const Uuid& key) const;
  JournalResult<void> put(std::span<const Entry> entries, std::int64_t now_us);
  JournalResult<void> set_complete_before(std::uint64_t segment, std::int64_t now_us);
  JournalResult<void> limit_complete_before(std::uint64_t segment);
  JournalResult<void> reopen();
  std::uint64_t complete_before() const { return complete_before_; }
  bool failed() const { return failed_; }
  DedupeFigures figures() const;

 private:
  using Generations = std::deque<std::shared_ptr<Generation>>;  // oldest first

  leveldb::Options leveldb_options() const;
  leveldb::Status open_one(std::uint64_t number, std::shared_ptr<Generation>& generation) const;
  JournalResult<void> begin_generation(std::int64_t now_us);
  bool generation_is_full(const State& state, std::int64_t now_us) const;
  JournalResult<void> write(leveldb::WriteBatch& batch, const State& state, bool sync);  // to the newest
  JournalResult<void> write_to(Generation& generation, leveldb::WriteBatch& batch, const State& state,
                               bool sync);
  Generations snapshot() const {
    const std::shared_lock lock(generations_mutex_);
    return generations_;
  }
  JournalError remember(JournalError error) const;
  JournalError not_open() const {
    return {JournalError::Kind::kIo, options_.folder.string() + " is not open: it has to be opened again"};
  }
  JournalResult<void> take_back(std::uint64_t segment);  // REQUIRES: write_mutex_ held

  const DedupeOptions options_;
  mutable PreadEnv env_;
  const std::unique_ptr<leveldb::Cache> cache_;
  const std::unique_ptr<const leveldb::FilterPolicy> filter_;

  mutable std::shared_mutex generations_mutex_;
  Generations generations_;  // guarded by generations_mutex_; written only with write_mutex_ held as well
  mutable std::mutex write_mutex_;
  std::uint64_t limit_ = UINT64_MAX;  // of complete_before_, not yet written. Guarded by write_mutex_
  // Written with write_mutex_ held, read without, so that a reader does not wait for a write.
  std::atomic<std::uint64_t> complete_before_ = 0, keys_ = 0;
  std::atomic<bool> failed_ = true, open_ = false;
  mutable std::mutex error_mutex_;
  mutable std::uint64_t failures_ = 0;  // guarded by error_mutex_
  mutable std::string last_error_;      // guarded by error_mutex_
};

JournalError DedupeIndex::Impl::remember(JournalError error) const {
  const std::lock_guard lock(error_mutex_);
  ++failures_;
  last_error_ = error.text;
  return error;
}

leveldb::Options DedupeIndex::Impl::leveldb_options() const {
  leveldb::Options options;
  options.create_if_missing = true;
  options.env = &env_;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_file_size = kTableBytes;
  options.block_size = kBlockBytes;
  options.block_cache = cache_.get();
  options.filter_policy = filter_.get();
  options.compression = leveldb::kNoCompression;  // keys and ids are random
  return options;
}

leveldb::Status DedupeIndex::Impl::open_one(std::uint64_t number,
                                            std::shared_ptr<Generation>& generation) const {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
  auto made = std::make_shared<Generation>();
  made->number = number;
  made->path = options_.folder / (std::string(kPrefix) + digits);
  generation = made;
  leveldb::DB* database = nullptr;
  if (auto opened = leveldb::DB::Open(leveldb_options(), made->path.string(), &database); !opened.ok())
    return opened;
  made->database.reset(database);
  std::string state;
  const auto read = database->Get({}, leveldb::Slice(kStateKey.data(), kStateKey.size()), &state);
  if (!read.ok()) return read.IsNotFound() ? leveldb::Status::OK() : read;
  const auto parsed = State::parse(state);
  if (!parsed) return leveldb::Status::Corruption(made->path.string(), "its state has another size");
  made->state = *parsed;
  return leveldb::Status::OK();
}

JournalResult<void> DedupeIndex::Impl::open_all(std::vector<std::string>& notes) {
  std::error_code error;
  fs::create_directories(options_.folder, error);
  std::vector<std::uint64_t> numbers;
  for (fs::directory_iterator entry(options_.folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix) || name.size() > kPrefix.size() + 18) continue;
    const std::string digits = name.substr(kPrefix.size());
    if (!digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos)
      numbers.push_back(std::stoull(digits));
  }
  if (error)
    return fail(JournalError{JournalError::Kind::kIo,
                             "opening " + options_.folder.string() + ": " + error.message()});
  std::sort(numbers.begin(), numbers.end());

  Generations generations;
  bool damaged = false;
  for (const std::uint64_t number : numbers) {
    std::shared_ptr<Generation> generation;
    const leveldb::Status opened = open_one(number, generation);
    if (opened.ok()) {
      generations.push_back(std::move(generation));
      continue;
    }
    const JournalError what = failure("opening " + generation->path.string(), opened);
    if (!opened.IsCorruption() && !opened.IsInvalidArgument()) return fail(what);
    notes.push_back(what.text +
                    ". It was removed; what is still in the journal's segments is put in again, older "
                    "deliveries are taken anew if they are repeated");
    generation->database.reset();
    fs::remove_all(generation->path, error);
    damaged = true;
  }
  const std::lock_guard lock(write_mutex_);
  std::uint64_t complete_before = 0, keys = 0;
  for (const auto& generation : generations) {
    complete_before = std::max(complete_before, damaged ? 0 : generation->state.complete_before);
    keys += generation->state.keys;
  }
  complete_before_ = complete_before;
  keys_ = keys;
  {
    const std::unique_lock exclusive(generations_mutex_);
    generations_ = std::move(generations);
  }
  open_ = true;
  failed_ = false;
  return take_back(limit_);
}

JournalResult<std::optional<Uuid>> DedupeIndex::Impl::find(const Uuid& key) const {
  // What it holds is not known then, which is another thing than a key that is not there.
  if (!open_) return fail(remember(not_open()));
  const Generations generations = snapshot();
  leveldb::ReadOptions read;
  read.verify_checksums = true;
  for (auto generation = generations.rbegin(); generation != generations.rend(); ++generation) {
    std::string value;
    const leveldb::Status got = (*generation)->database->Get(read, slice(key), &value);
    if (got.IsNotFound()) continue;
    if (!got.ok()) return fail(remember(failure("reading " + (*generation)->path.string(), got)));
    Uuid id;
    if (value.size() != id.bytes.size()) {
      return fail(
          remember({JournalError::Kind::kCorrupt, (*generation)->path.string() + " holds a value of " +
                                                      std::to_string(value.size()) + " bytes"}));
    }
    std::memcpy(id.bytes.data(), value.data(), id.bytes.size());
    return std::optional<Uuid>(id);
  }
  return std::optional<Uuid>();
}

bool DedupeIndex::Impl::generation_is_full(const State& state, std::int64_t now_us) const {
  const std::int64_t span_us = options_.keep.count() / static_cast<std::int64_t>(kShares);
  const std::int64_t age_us = now_us - state.began_us;
  return state.keys >= std::max<std::uint64_t>(options_.keys_max / kShares, 1) || age_us >= span_us ||
         age_us <= -span_us;
}

JournalResult<void> DedupeIndex::Impl::begin_generation(std::int64_t now_us) {
  Generations generations = snapshot();
  std::uint64_t number = 1;
  if (!generations.empty()) {
    number = generations.back()->number + 1;
    // What complete_before says has to hold of the generation that is left as well.
    leveldb::WriteBatch nothing;
    if (auto synced = write(nothing, generations.back()->state, true); !synced) return synced;
  }
  std::shared_ptr<Generation> generation;
  if (const auto opened = open_one(number, generation); !opened.ok()) {
    failed_ = true;
    return fail(remember(failure("making " + generation->path.string(), opened)));
  }
  generation->state.began_us = now_us;
  generation->state.complete_before = complete_before_;
  generations.push_back(std::move(generation));
  std::vector<fs::path> forgotten;
  while (generations.size() > kShares + 1) {
    keys_ -= generations.front()->state.keys;
    forgotten.push_back(generations.front()->path);
    generations.pop_front();
  }
  {
    const std::unique_lock exclusive(generations_mutex_);
    generations_.swap(generations);
  }
  // A reader may still have it open: unlinked files stay readable, and what is left of them goes with it.
  std::error_code ignored;
  for (const fs::path& path : forgotten) fs::remove_all(path, ignored);
  return {};
}

JournalResult<void> DedupeIndex::Impl::write(leveldb::WriteBatch& batch, const State& state, bool sync) {
  return write_to(*generations_.back(), batch, state, sync);
}

JournalResult<void> DedupeIndex::Impl::write_to(Generation& generation, leveldb::WriteBatch& batch,
                                                const State& state, bool sync) {
  batch.Put(leveldb::Slice(kStateKey.data(), kStateKey.size()), state.bytes());
  leveldb::WriteOptions options;
  options.sync = sync;
  if (const auto written = generation.database->Write(options, &batch); !written.ok()) {
    failed_ = true;
    return fail(remember(failure("writing " + generation.path.string(), written)));
  }
  keys_ += state.keys - generation.state.keys;
  generation.state = state;
  return {};
}

JournalResult<void> DedupeIndex::Impl::put(std::span<const Entry> entries, std::int64_t now_us) {
  if (entries.empty()) return {};
  const std::lock_guard lock(write_mutex_);
  // Nothing is written after a failure: complete_before must not move past what is missing.
  if (failed_) return fail(JournalError{JournalError::Kind::kIo, "the index has to be opened again"});
  if (generations_.empty() || generation_is_full(generations_.back()->state, now_us)) {
    if (auto begun = begin_generation(now_us); !begun) return begun;
  }
  leveldb::WriteBatch batch;
  for (const Entry& entry : entries) batch.Put(slice(entry.key), slice(entry.event_id));
  State state = generations_.back()->state;
  state.keys += entries.size();
  return write(batch, state, false);
}

JournalResult<void> DedupeIndex::Impl::set_complete_before(std::uint64_t segment, std::int64_t now_us) {
  const std::lock_guard lock(write_mutex_);
  if (failed_ || segment <= complete_before_) return {};
  // Events without a key make no generation; with nowhere to remember it every start would look for keys in all of them.
  if (generations_.empty()) {
    if (auto begun = begin_generation(now_us); !begun) return begun;
  }
  State state = generations_.back()->state;
  state.complete_before = segment;
  leveldb::WriteBatch nothing;
  if (auto written = write(nothing, state, true); !written) return written;
  complete_before_ = segment;
  return {};
}

JournalResult<void> DedupeIndex::Impl::limit_complete_before(std::uint64_t segment) {
  const std::lock_guard lock(write_mutex_);
  limit_ = std::min(limit_, segment);
  if (!open_) return fail(not_open());
  return take_back(segment);
}

// In every generation, for the greatest counts. What cannot be written now the next opening does.
JournalResult<void> DedupeIndex::Impl::take_back(std::uint64_t segment) {
  complete_before_ = std::min(complete_before_.load(), segment);
  for (const auto& generation : generations_) {
    if (generation->state.complete_before <= segment) continue;
    State state = generation->state;
    state.complete_before = segment;
    leveldb::WriteBatch nothing;
    if (auto written = write_to(*generation, nothing, state, true); !written) return written;
  }
  limit_ = UINT64_MAX;
  return {};
}

JournalResult<void> DedupeIndex::Impl::reopen() {
  {
    // LevelDB holds a lock on its folder: the old ones have to be closed first, and readers must have released them.
    const std::lock_guard lock(write_mutex_);
    Generations old;
    {
      const std::unique_lock exclusive(generations_mutex_);
      old.swap(generations_);
    }
    for (const auto& generation : old) {
      if (generation.use_count() > 1) {
        const std::unique_lock exclusive(generations_mutex_);
        generations_.swap(old);
        return fail(JournalError{JournalError::Kind::kIo, "the index is being read"});
      }
    }
    open_ = false;
    failed_ = true;
  }
  std::vector<std::string> notes;
  return open_all(notes);
}

DedupeFigures DedupeIndex::Impl::figures() const {
  DedupeFigures figures;
  figures.keys = keys_;
  figures.generations = snapshot().size();
  const std::lock_guard lock(error_mutex_);
  figures.failures = failures_;
  figures.last_error = last_error_;
  return figures;
}

DedupeIndex::DedupeIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DedupeIndex::~DedupeIndex() = default;

DedupeIndex::Opened DedupeIndex::open(DedupeOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  Opened opened;
  if (auto all = impl->open_all(opened.notes); !all) opened.unopened = all.error().text;
  opened.index.reset(new DedupeIndex(std::move(impl)));
  return opened;
}

JournalResult<std::optional<Uuid>> DedupeIndex::find(const Uuid& key) const {
  return impl_->find(key);
}
JournalResult<void> DedupeIndex::put(std::span<const Entry> entries, std::int64_t now_us) {
  return impl_->put(entries, now_us);
}
std::uint64_t DedupeIndex::complete_before() const {
  return impl_->complete_before();
}
JournalResult<void> DedupeIndex::set_complete_before(std::uint64_t segment, std::int64_t now_us) {
  return impl_->set_complete_before(segment, now_us);
}
JournalResult<void> DedupeIndex::limit_complete_before(std::uint64_t segment) {
  return impl_->limit_complete_before(segment);
}
JournalResult<void> DedupeIndex::reopen() {
  return impl_->reopen();
}
bool DedupeIndex::failed() const {
  return impl_->failed();
}
DedupeFigures DedupeIndex::figures() const {
  return impl_->figures();
}

}  // namespace hookspool::storage
