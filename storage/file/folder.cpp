#include "storage/file/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>
#include <utility>

#include "storage/base/fd.h"
#include "storage/file/file_io.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

constexpr std::string_view kSegmentPrefix = "segment-";

JournalError open_error(const std::string& attempted, int error_number) {
  JournalError error = io_error(attempted, error_number);
  error.text = attempted + ": " + open_failure(error_number);
  return error;
}

JournalResult<std::string> read_all(int fd, const std::string& file) {
  std::array<char, 4096> buffer{};
  std::string text;
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(io_error("reading " + file, errno));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > Folder::kTextBytesMax) {
      return fail(JournalError{JournalError::Kind::kCorrupt,
                               file + " is longer than " + std::to_string(Folder::kTextBytesMax) +
                                   " bytes, the limit for what is written there"});
    }
  }
}

JournalResult<void> sync_path(const std::filesystem::path& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.get() < 0) return fail(io_error("opening " + path.string() + " to sync it", errno));
  if (::fsync(fd.get()) != 0) return fail(io_error("syncing " + path.string(), errno));
  return {};
}

// The name of a folder that is there: the life that made it may have ended before its sync, or that failed. Where this user
// may not open the folder above it, another user has made it.
JournalResult<void> sync_name(const std::filesystem::path& folder) {
  const Fd fd(
      ::open(std::filesystem::absolute(folder).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) {
    if (errno == EACCES || errno == EPERM) return {};
    return fail(io_error("opening the folder above " + folder.string() + " to sync it", errno));
  }
  // A file system that syncs no folders, or is mounted read-only, holds nothing that a sync could save.
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS)
    return fail(io_error("syncing the folder above " + folder.string(), errno));
  return {};
}

JournalResult<void> make_folder(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return sync_name(path);
    return fail(JournalError{JournalError::Kind::kIo, path.string() + " is not a folder"});
  }
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  std::filesystem::create_directories(parent, error);
  if (error) return fail(io_error("making the folder " + parent.string(), error.value()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(io_error("making the folder " + path.string(), errno));
  }
  return sync_path(parent, O_RDONLY | O_DIRECTORY);
}

JournalResult<Fd> take_lock(const std::filesystem::path& file) {
  Fd fd(open_regular(file, O_RDWR | O_CREAT, 0600));
  if (!fd.is_open()) return fail(open_error("opening " + file.string(), errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(io_error("locking " + file.string(), errno));
    const JournalResult<std::string> holder = read_all(fd.get(), file.string());
    return fail(JournalError{JournalError::Kind::kLocked,
                             "the journal " + file.parent_path().string() + " is open in process " +
                                 (holder.ok() && !holder->empty() ? *holder : "(unknown)") +
                                 ": stop that one first, or give this one a folder of its own"});
  }
  // Only a help for the error text above, so a full disk must not keep the journal from opening.
  if (::ftruncate(fd.get(), 0) == 0) (void)write_all(fd.get(), std::to_string(::getpid()), file.string());
  return fd;
}

std::string padded(std::uint64_t number) {
  std::array<char, 24> digits{};
  const int size =
      std::snprintf(digits.data(), digits.size(), "%08llu", static_cast<unsigned long long>(number));
  return {digits.data(), static_cast<std::size_t>(size)};
}

// "segment-00000012.db-wal" -> {12, "db-wal"}
std::optional<std::pair<std::uint64_t, std::string_view>> parse_segment_name(std::string_view name) {
  if (!name.starts_with(kSegmentPrefix)) return std::nullopt;
  name.remove_prefix(kSegmentPrefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || number == 0) return std::nullopt;
  const std::string_view digits = name.substr(0, static_cast<std::size_t>(end - name.data()));
  // Any other spelling of the number would not be the name that segment_file() makes of it.
  if (digits != padded(number)) return std::nullopt;
  name.remove_prefix(digits.size());
  if (name.empty() || name.front() != '.') return std::nullopt;
  return std::pair{number, name.substr(1)};
}

// Of a segment that was set aside; empty if there is none.
std::string_view prefix_of(std::string_view name) {
  for (const std::string_view prefix : {kDamagedPrefix, kDuplicatePrefix, kSalvagedPrefix}) {
    if (name.starts_with(prefix)) return prefix;
  }
  return {};
}

JournalResult<void> remove_if_present(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return fail(io_error("removing " + file.string(), errno));
  return {};
}

// The first of `name`, `name.1`, `name.2`, ... under which neither a database nor a WAL exists.
std::filesystem::path unused_name(const std::filesystem::path& name) {
  std::filesystem::path candidate = name;
  struct stat ignored {};
  for (int i = 1; ::lstat(candidate.c_str(), &ignored) == 0 ||
                  ::lstat((candidate.string() + "-wal").c_str(), &ignored) == 0;
       ++i) {
    candidate = name.string() + "." + std::to_string(i);
  }
  return candidate;
}

}  // namespace

std::uint64_t file_bytes(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::optional<std::uint64_t> known_bytes(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0) return static_cast<std::uint64_t>(status.st_size);
  return errno == ENOENT ? std::optional<std::uint64_t>(0) : std::nullopt;
}

JournalResult<std::unique_ptr<Folder>> Folder::open(const std::filesystem::path& path) {
  if (const auto made = make_folder(path); !made) return fail(made.error());
  JournalResult<Fd> lock = take_lock(path / "lock");
  if (!lock) return fail(lock.error());
  std::unique_ptr<Folder> folder(new Folder(path, std::move(*lock)));
  // Names that an earlier life has changed and not synced are relied on from here on.
  if (const auto synced = folder->sync(); !synced) return fail(synced.error());
  return folder;
}

std::filesystem::path Folder::segment_file(std::uint64_t number) const {
  return path_ / (std::string(kSegmentPrefix) + padded(number) + ".db");
}

std::filesystem::path Folder::new_segment_file(std::uint64_t number) const {
  return path_ / (std::string(kSegmentPrefix) + padded(number) + ".new");
}

std::filesystem::path Folder::acked_file(std::uint64_t number) const {
  return path_ / (std::string(kSegmentPrefix) + padded(number) + ".acked");
}

JournalResult<Folder::Listing> Folder::list() const {
  Listing listing;
  std::error_code error;
  std::filesystem::directory_iterator entries(path_, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string file_name = entries->path().filename().string();
    std::string_view name = file_name;
    const std::string_view prefix = prefix_of(name);
    name.remove_prefix(prefix.size());
    const auto parsed = parse_segment_name(name);
    if (!parsed) {
      if (prefix.empty() && name.ends_with(".db")) listing.foreign.insert(file_name);
      continue;
    }
    const auto& [number, kind] = *parsed;
    listing.greatest_number = std::max(listing.greatest_number, number);
    if (!prefix.empty()) {
      // The WAL alone may be what is left.
      if (prefix != kSalvagedPrefix && kind.starts_with("db") && !kind.ends_with("-shm"))
        listing.set_aside.insert(file_name.substr(0, file_name.size() - (kind.ends_with("-wal") ? 4 : 0)));
      continue;
    }
    SegmentNames& names = listing.segments[number];
    if (kind == "db") names.db = true;
    if (kind == "db-wal") names.wal = true;
    if (kind == "db-shm") names.shm = true;
    if (kind == "dropped") names.dropped = true;
    if (kind == "acked") names.acked = true;
    if (kind == "new") names.unfinished = true;
  }
  if (error) return fail(io_error("listing " + path_.string(), error.value()));
  return listing;
}

JournalResult<std::optional<std::string>> Folder::read_text(std::string_view name) const {
  const std::filesystem::path file = path_ / name;
  const Fd fd(open_regular(file, O_RDONLY));
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return fail(open_error("opening " + file.string(), errno));
  }
  JournalResult<std::string> text = read_all(fd.get(), file.string());
  if (!text) return fail(text.error());
  return std::optional<std::string>(std::move(*text));
}

JournalResult<void> Folder::write_text(std::string_view name, const std::string& text) const {
  const std::filesystem::path file = path_ / name;
  if (text.size() > kTextBytesMax) {
    return fail(JournalError{JournalError::Kind::kTooLarge,
                             "writing " + file.string() + ": its text has " + std::to_string(text.size()) +
                                 " bytes, and the limit is " + std::to_string(kTextBytesMax)});
  }
  const MutexLock lock(texts_mutex_);
  const std::string temporary = file.string() + kTemporarySuffix;
  {
    const Fd fd(open_regular(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (fd.get() < 0) return fail(open_error("making " + temporary, errno));
    if (const auto written = write_all(fd.get(), text, temporary); !written) return written;
    if (::fsync(fd.get()) != 0) return fail(io_error("syncing " + temporary, errno));
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return fail(io_error("renaming " + temporary, errno));
  return sync();
}

JournalResult<void> Folder::sync() const {
  return sync_path(path_, O_RDONLY | O_DIRECTORY);
}

JournalResult<void> Folder::sync_file(const std::filesystem::path& file) const {
  return sync_path(file, O_RDONLY | O_NOFOLLOW);
}

JournalResult<void> Folder::publish_segment(std::uint64_t number) const {
  const std::filesystem::path from = new_segment_file(number);
  if (::rename(from.c_str(), segment_file(number).c_str()) != 0) {
    return fail(io_error("renaming " + from.string(), errno));
  }
  return {};
}

void Folder::discard_unfinished(std::uint64_t number) const {
  const std::string file = new_segment_file(number).string();
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((file + suffix).c_str());
}

void Folder::discard_segment(std::uint64_t number) const {
  discard_unfinished(number);
  const std::string file = segment_file(number).string();
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((file + suffix).c_str());
  ::unlink(acked_file(number).c_str());
  ::unlink((acked_file(number).string() + kTemporarySuffix).c_str());
}

JournalResult<void> Folder::mark_dropped(std::uint64_t number) const {
  const std::filesystem::path file = segment_file(number);
  std::filesystem::path dropped = file;
  dropped.replace_extension(".dropped");
  // The record first, durably: without its segment it would say that events are missing.
  if (::unlink(acked_file(number).c_str()) == 0) {
    if (auto synced = sync(); !synced) return synced;
  } else if (errno != ENOENT) {
    return fail(io_error("removing " + acked_file(number).string(), errno));
  }
  // A segment whose file was deleted from outside is dropped as well: there is nothing left to take away.
  if (::rename(file.c_str(), dropped.c_str()) != 0 && errno != ENOENT) {
    return fail(io_error("renaming " + file.string(), errno));
  }
  return {};
}

JournalResult<void> Folder::remove_dropped(std::uint64_t number) const {
  const std::filesystem::path file = segment_file(number);
  std::filesystem::path dropped = file;
  dropped.replace_extension(".dropped");
  const std::string wal = file.string() + "-wal";
  const bool had_wal = known_bytes(wal) != 0;
  for (const std::string& name : {wal, file.string() + "-shm", acked_file(number).string(),
                                  acked_file(number).string() + kTemporarySuffix}) {
    if (auto removed = remove_if_present(name); !removed) return removed;
  }
  // A WAL that a power cut has left without its database would be taken for one that has lost it.
  if (had_wal) {
    if (auto synced = sync(); !synced) return synced;
  }
  if (auto removed = remove_if_present(dropped); !removed) return removed;
  return sync();
}

JournalResult<std::string> Folder::keep_copy(std::uint64_t number) const {
  const std::filesystem::path file = segment_file(number);
  const std::filesystem::path copy = path_ / (std::string(kDamagedPrefix) + file.filename().string());
  for (const char* suffix : {"-wal", ""}) {
    const std::string from = file.string() + suffix;
    const bool linked = ::link(from.c_str(), (copy.string() + suffix).c_str()) == 0;
    if (!linked && errno != EEXIST && errno != ENOENT) return fail(io_error("keeping " + from, errno));
  }
  if (const auto synced = sync(); !synced) return fail(synced.error());
  return copy.filename().string();
}

// The WAL has both names until the database has its new one: a crash in between must not part the two.
JournalResult<void> Folder::rename_database(const std::filesystem::path& from,
                                            const std::filesystem::path& to) const {
  const bool linked = ::link((from.string() + "-wal").c_str(), (to.string() + "-wal").c_str()) == 0;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string old_name = from.string() + suffix;
    const bool done = linked && std::string_view(suffix) == "-wal"
                          ? ::unlink(old_name.c_str()) == 0
                          : ::rename(old_name.c_str(), (to.string() + suffix).c_str()) == 0;
    if (!done && errno != ENOENT) return fail(io_error("renaming " + old_name, errno));
  }
  return sync();
}

JournalResult<std::string> Folder::set_aside(std::uint64_t number, std::string_view prefix) const {
  const std::filesystem::path file = segment_file(number);
  const std::filesystem::path aside = unused_name(path_ / (std::string(prefix) + file.filename().string()));
  if (const auto renamed = rename_database(file, aside); !renamed) return fail(renamed.error());
  return aside.filename().string();
}

std::optional<std::uint64_t> Folder::number_set_aside(const std::string& name) {
  const auto parsed = parse_segment_name(std::string_view(name).substr(prefix_of(name).size()));
  if (!parsed || prefix_of(name).empty()) return std::nullopt;
  return parsed->first;
}

std::optional<Folder::RecordBeside> Folder::record_beside(const std::filesystem::path& segment) {
  const std::string name = segment.filename().string();
  const auto parsed = parse_segment_name(std::string_view(name).substr(prefix_of(name).size()));
  if (!parsed) return std::nullopt;
  return RecordBeside{
      segment.parent_path() / (std::string(kSegmentPrefix) + padded(parsed->first) + ".acked"),
      parsed->first};
}

JournalResult<std::string> Folder::set_salvaged(const std::string& name) const {
  const std::filesystem::path to =
      unused_name(path_ / (std::string(kSalvagedPrefix) + name.substr(prefix_of(name).size())));
  if (const auto renamed = rename_database(path_ / name, to); !renamed) return fail(renamed.error());
  return to.filename().string();
}

bool can_be_read(const std::filesystem::path& file) {
  const Fd fd(open_regular(file, O_RDONLY));
  if (!fd.is_open()) return errno == ENOENT;
  std::vector<std::byte> buffer(1 << 16);
  for (std::uint64_t at = 0;; at += buffer.size()) {
    const ReadCount read = read_as_much(fd.get(), buffer, at);
    if (read.error != 0 || read.bytes < buffer.size()) return read.error == 0;
  }
}

}  // namespace hookspool::storage
