#include "agent/base/stop_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

namespace hookspool::agent {

Result<void, std::string> write_stop_note(const std::filesystem::path& journal, const StopNote& note) {
  const auto file = journal / kStopNoteFile;
  auto temporary = file;
  temporary += ".tmp";
  std::error_code error;
  {
    std::ofstream out(temporary, std::ios::trunc);
    out << "waiting " << note.waiting << "\nunreadable " << note.unreadable << "\nset-aside "
        << note.set_aside << "\n"
        << std::flush;
    if (!out) {
      std::filesystem::remove(temporary, error);
      return fail(file.string() + " cannot be written");
    }
  }
  std::filesystem::rename(temporary, file, error);
  if (error) return fail(file.string() + ": " + error.message());
  return {};
}

Result<void, std::string> remove_stop_note(const std::filesystem::path& journal) {
  const auto file = journal / kStopNoteFile;
  std::error_code error;
  const bool was_there = std::filesystem::remove(file, error);
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return fail(file.string() + ": " + error.message());
  if (!was_there) return {};
  // So that no power cut brings it back. Where this fails, what has come since is younger than the note, which says the same.
  const int folder = ::open(journal.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return {};
  (void)::fsync(folder);
  ::close(folder);
  return {};
}

}  // namespace hookspool::agent
