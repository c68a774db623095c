#include "storage/salvage/salvage_pages.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <span>
#include <system_error>
#include <utility>

#include "storage/file/file_io.h"

namespace hookspool::storage {
namespace {

constexpr std::uint64_t kWalHeaderBytes = 32;
constexpr std::uint64_t kFrameHeaderBytes = 24;

std::uint32_t big_endian(const unsigned char* at) {
  return static_cast<std::uint32_t>(at[0]) << 24 | static_cast<std::uint32_t>(at[1]) << 16 |
         static_cast<std::uint32_t>(at[2]) << 8 | at[3];
}

struct Opened {
  Fd fd;
  std::uint64_t bytes = 0;
  int error = 0;
};

Opened open_file(const std::filesystem::path& file) {
  Opened opened;
  opened.fd = Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  opened.error = errno;
  if (!opened.fd.is_open()) return opened;
  struct stat status {};
  if (::fstat(opened.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {Fd(), 0, EINVAL};
  return {std::move(opened.fd), static_cast<std::uint64_t>(status.st_size), 0};
}

// What cannot be read, or is beyond the file's end, becomes zeros. False: there was something that could not be read.
bool read_or_zeros(int fd, std::uint64_t offset, std::span<unsigned char> to) {
  const ReadCount read = read_as_much(fd, std::as_writable_bytes(to), offset);
  const auto rest = to.subspan(read.bytes);
  std::fill(rest.begin(), rest.end(), static_cast<unsigned char>(0));
  return read.error == 0;
}

}  // namespace

JournalResult<SalvagePages> SalvagePages::open(const std::filesystem::path& file) {
  SalvagePages pages;
  Opened database = open_file(file);
  Opened wal = open_file(file.string() + "-wal");
  pages.database_ = std::move(database.fd);
  pages.database_bytes_ = database.bytes;
  pages.wal_ = std::move(wal.fd);
  pages.wal_bytes_ = wal.bytes;
  if (!pages.database_.is_open() && !pages.wal_.is_open()) {
    return fail(
        JournalError{database.error == ENOENT ? JournalError::Kind::kNotFound : JournalError::Kind::kIo,
                     "opening " + file.string() + ": " +
                         (database.error == EINVAL ? "it is not a file"
                                                   : std::generic_category().message(database.error))});
  }
  pages.index_database();
  pages.index_wal();
  return pages;
}

void SalvagePages::index_database() {
  for (std::uint64_t offset = 0; offset < database_bytes_; offset += kSalvagePageBytes) {
    images_.push_back(
        {ImageTrust::kDatabase, static_cast<std::uint32_t>(offset / kSalvagePageBytes + 1), offset});
  }
}

// Frames are taken by their place alone; a checksum that does not fit says nothing against the rows in them, which
// have their own. The salts tell the frames of one life of the WAL from remnants of an earlier one.
void SalvagePages::index_wal() {
  constexpr std::uint64_t kFrameBytes = kFrameHeaderBytes + kSalvagePageBytes;
  struct Frame {
    PageImage image;
    std::uint64_t salts;
  };
  std::vector<Frame> frames;
  std::map<std::uint64_t, std::size_t> ended;  // salts -> frames up to the last one that ends a transaction
  for (std::uint64_t at = kWalHeaderBytes; at + kFrameHeaderBytes < wal_bytes_; at += kFrameBytes) {
    std::array<unsigned char, kFrameHeaderBytes> header{};
    (void)read_or_zeros(wal_.get(), at, header);
    const std::uint64_t salts =
        static_cast<std::uint64_t>(big_endian(&header[8])) << 32 | big_endian(&header[12]);
    frames.push_back({{ImageTrust::kStray, big_endian(header.data()), at + kFrameHeaderBytes}, salts});
    if (big_endian(&header[4]) != 0) ended[salts] = frames.size();
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    PageImage& image = frames[i].image;
    const auto end = ended.find(frames[i].salts);
    if (end != ended.end() && i < end->second) image.trust = ImageTrust::kCommitted;
    (image.trust == ImageTrust::kCommitted ? committed_ : stray_)[image.page] = image.offset;
    images_.push_back(image);
  }
}

void SalvagePages::read(const PageImage& image, SalvagePage& page) {
  const int fd = image.trust == ImageTrust::kDatabase ? database_.get() : wal_.get();
  if (!read_or_zeros(fd, image.offset, page)) ++unreadable_;
}

std::optional<PageImage> SalvagePages::find(std::uint32_t page, int view) const {
  const std::uint64_t offset = static_cast<std::uint64_t>(page - 1) * kSalvagePageBytes;
  const bool in_database = page > 0 && offset < database_bytes_;
  if (view == 2) {
    if (const auto stray = stray_.find(page); stray != stray_.end())
      return PageImage{ImageTrust::kStray, page, stray->second};
  }
  if (view != 1) {
    if (const auto committed = committed_.find(page); committed != committed_.end())
      return PageImage{ImageTrust::kCommitted, page, committed->second};
  }
  if (in_database) return PageImage{ImageTrust::kDatabase, page, offset};
  return std::nullopt;
}

}  // namespace hookspool::storage
