#include "storage/dedupe/dedupe_files.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "storage/file/file_io.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRemoved =
    ". It was removed; what is still in the journal's segments is put in again, older deliveries are taken "
    "anew if they are "
    "repeated";
constexpr std::string_view kEarlierIndex = "generation-";  // folders of a LevelDB, until version 0.1.0

struct Listing {
  std::vector<RunId> runs;          // in the order of their logs, a merged run before those it was made of
  std::vector<std::uint64_t> logs;  // ascending
};

JournalResult<Listing> list(const fs::path& folder, std::vector<std::string>& notes) {
  std::error_code error;
  fs::create_directories(folder, error);
  Listing listing;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (is_unfinished_run(name) || is_unfinished_log(name)) {
      leftovers.push_back(entry->path());
    } else if (name.starts_with(kEarlierIndex)) {
      leftovers.push_back(entry->path());
      notes.push_back(entry->path().string() + " was written by an earlier version" + kRemoved);
    } else if (const auto run = RunId::parse(name)) {
      listing.runs.push_back(*run);
    } else if (const auto log = KeyLog::parse(name)) {
      listing.logs.push_back(*log);
    }
  }
  if (error) return fail(io_error("opening " + folder.string(), error.value()));
  for (const fs::path& leftover : leftovers) fs::remove_all(leftover, error);
  std::sort(listing.runs.begin(), listing.runs.end(), [](const RunId& a, const RunId& b) {
    return std::pair(a.first_log, b.last_log) < std::pair(b.first_log, a.last_log);
  });
  std::sort(listing.logs.begin(), listing.logs.end());
  return listing;
}

JournalResult<void> read_through(const KeyRun& run) {
  RunBlock block;
  for (std::uint64_t number = 0; number < run.blocks(); ++number) {
    if (auto read = run.read_block(number, block); !read) return read;
  }
  return {};
}

JournalResult<std::shared_ptr<const KeyRun>> open_run(const fs::path& folder, const RunId& id,
                                                      const std::set<fs::path>& suspects) {
  auto run = KeyRun::open(folder, id);
  if (!run || !suspects.contains((*run)->path())) return run;
  if (const auto read = read_through(**run); !read) return fail(read.error());
  return run;
}

}  // namespace

JournalResult<DedupeFiles> read_dedupe_files(const fs::path& folder, const std::set<fs::path>& suspects,
                                             std::vector<std::string>& notes) {
  auto listing = list(folder, notes);
  if (!listing) return fail(listing.error());
  // Names of an earlier life may not be durable: what is removed below is replaced by them.
  if (auto synced = sync_folder(folder); !synced) return fail(synced.error());

  DedupeFiles files;
  bool damaged = false;
  std::uint64_t last_in_run = 0;
  std::error_code ignored;
  for (const RunId& id : listing->runs) {
    const fs::path path = folder / id.file_name();
    if (!files.runs.empty() && id.last_log <= last_in_run) {  // merged into the one before
      fs::remove(path, ignored);
      continue;
    }
    auto run = open_run(folder, id, suspects);
    if (!run && run.error().kind != JournalError::Kind::kCorrupt) return fail(run.error());
    files.greatest_log = std::max(files.greatest_log, id.last_log);
    if (!run) {
      notes.push_back(run.error().text + kRemoved);
      files.obsolete.push_back(path);
      damaged = true;
      continue;
    }
    last_in_run = id.last_log;
    files.state.generation = std::max(files.state.generation, id.generation);
    files.runs.push_back(std::move(*run));
  }
  for (const std::uint64_t number : listing->logs) {
    files.obsolete.push_back(folder / KeyLog::file_name(number));
    auto content = KeyLog::read(files.obsolete.back());
    if (!content) return fail(content.error());
    files.greatest_log = std::max(files.greatest_log, number);
    if (content->state) {
      files.state.generation = std::max(files.state.generation, content->state->generation);
      files.state.complete_before = content->state->complete_before;
      files.state.age_us = content->state->age_us;
    }
    if (number <= last_in_run) continue;  // its keys are in a run
    files.entries.insert(files.entries.end(), content->entries.begin(), content->entries.end());
  }
  if (damaged) files.state.complete_before = 0;
  return files;
}

}  // namespace hookspool::storage
