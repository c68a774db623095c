#include "storage/acked_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/crc32c.h"
#include "storage/row.h"
#include "storage/sqlite.h"

namespace hookspool::storage {
namespace {

// The header takes the place of a slot: lane numbers begin at 1. A slot never crosses a disk's sector.
constexpr std::size_t kSlotBytes = 128;
constexpr std::size_t kGrowBytes = 4096;  // at a time, so that a full disk is met when a segment is made
constexpr std::uint64_t kFileBytesMax = 64ull << 20;
constexpr std::string_view kMagic = "hkspackd";
constexpr std::uint32_t kVersion = 1;

using Slot = std::array<unsigned char, kSlotBytes>;

template <class Number>
void put(Slot& slot, std::size_t at, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) slot[at + i] = static_cast<unsigned char>(value >> (8 * i));
}

template <class Number>
Number get(const Slot& slot, std::size_t at) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= static_cast<Number>(slot[at + i]) << (8 * i);
  return value;
}

// Over the slot and its lane number, so that a slot in another one's place does not fit.
std::uint32_t slot_crc(const Slot& slot, std::uint32_t lane_number) {
  Slot number{};
  put(number, 0, lane_number);
  return crc32c(crc32c(0, slot.data() + 4, slot.size() - 4), number.data(), sizeof lane_number);
}

Slot header(std::uint64_t segment, const Uuid& epoch, std::uint32_t format) {
  Slot slot{};
  std::memcpy(slot.data() + 4, kMagic.data(), kMagic.size());
  put(slot, 12, kVersion);
  put(slot, 16, segment);
  std::memcpy(slot.data() + 24, epoch.bytes.data(), epoch.bytes.size());
  put(slot, 40, format);
  put(slot, 0, slot_crc(slot, 0));
  return slot;
}

Slot encode(const AckedLane& lane) {
  Slot slot{};
  put(slot, 4, static_cast<std::uint32_t>(lane.lane.size()));
  put(slot, 8, lane.first_seq);
  put(slot, 16, lane.last_seq);
  std::memcpy(slot.data() + 24, lane.lane.data(), lane.lane.size());
  put(slot, 0, slot_crc(slot, lane.number));
  return slot;
}

std::optional<AckedLane> decode(const Slot& slot, std::uint32_t lane_number) {
  if (get<std::uint32_t>(slot, 0) != slot_crc(slot, lane_number)) return std::nullopt;
  const auto name_bytes = get<std::uint32_t>(slot, 4);
  AckedLane lane{lane_number, {}, get<std::uint64_t>(slot, 8), get<std::uint64_t>(slot, 16)};
  if (name_bytes > kLaneNameBytesMax || lane.first_seq == 0 || lane.first_seq > lane.last_seq ||
      lane.last_seq > kSeqMax) {
    return std::nullopt;
  }
  lane.lane.assign(reinterpret_cast<const char*>(slot.data()) + 24, name_bytes);
  return lane;
}

JournalError failure(const std::string& attempted, const std::filesystem::path& file, int error_number) {
  const bool no_room = error_number == ENOSPC || error_number == EDQUOT;
  return {no_room ? JournalError::Kind::kFull : JournalError::Kind::kIo,
          attempted + " " + file.string() + ": " + std::generic_category().message(error_number)};
}

bool write_at(int fd, const unsigned char* data, std::size_t bytes, std::uint64_t offset) {
  while (bytes > 0) {
    const ssize_t count = ::pwrite(fd, data, bytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      if (count == 0) errno = EIO;
      return false;
    }
    data += count;
    bytes -= static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

bool read_slot(int fd, std::uint32_t number, Slot& slot) {
  const auto offset = static_cast<off_t>(number * kSlotBytes);
  return ::pread(fd, slot.data(), slot.size(), offset) == static_cast<ssize_t>(slot.size());
}

}  // namespace

JournalResult<std::shared_ptr<AckedRecord>> AckedRecord::create(const std::filesystem::path& file,
                                                                std::uint64_t segment, const Uuid& epoch) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail(failure("making", file, errno));
  std::shared_ptr<AckedRecord> record(new AckedRecord(file, fd));
  if (const auto grown = record->grow_to(0); !grown) return fail(grown.error());
  const Slot first = header(segment, epoch, kFormatVersion);
  if (!write_at(fd, first.data(), first.size(), 0)) return fail(failure("writing", file, errno));
  if (const auto synced = record->sync(); !synced) return fail(synced.error());
  return record;
}

AckedRecord::~AckedRecord() {
  ::close(fd_);
}

JournalResult<void> AckedRecord::grow_to(std::uint32_t lane_number) {
  static constexpr std::array<unsigned char, kGrowBytes> kZeros{};
  while (bytes_ < (lane_number + 1ull) * kSlotBytes) {
    if (!write_at(fd_, kZeros.data(), kZeros.size(), bytes_)) return fail(failure("growing", file_, errno));
    bytes_ += kGrowBytes;
  }
  return {};
}

JournalResult<void> AckedRecord::note(std::span<const EventPtr> events,
                                      std::span<const std::uint32_t> lane_numbers) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::uint32_t number = lane_numbers[i];
    if (lanes_.size() < number) lanes_.resize(number);
    AckedLane& lane = lanes_[number - 1];
    if (lane.number == 0) lane = {number, events[i]->event.lane, events[i]->seq, 0};
    lane.last_seq = events[i]->seq;
    unwritten_.insert(number);
  }
  while (!unwritten_.empty()) {
    const std::uint32_t number = *unwritten_.begin();
    if (const auto grown = grow_to(number); !grown) return grown;
    const Slot slot = encode(lanes_[number - 1]);
    if (!write_at(fd_, slot.data(), slot.size(), number * kSlotBytes))
      return fail(failure("writing", file_, errno));
    unwritten_.erase(unwritten_.begin());
  }
  return {};
}

JournalResult<void> AckedRecord::sync() {
  if (::fdatasync(fd_) != 0) return fail(failure("syncing", file_, errno));
  return {};
}

std::optional<Acked> read_acked(const std::filesystem::path& file, std::uint64_t segment) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return std::nullopt;
  struct stat status {};
  const std::uint64_t bytes =
      ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0)) : 0;
  const auto slots = static_cast<std::uint32_t>(std::min(bytes, kFileBytesMax) / kSlotBytes);
  std::optional<Acked> acked;
  Slot slot{};
  Uuid epoch;
  if (slots > 0 && read_slot(fd, 0, slot)) {
    std::memcpy(epoch.bytes.data(), slot.data() + 24, epoch.bytes.size());
    const auto format = get<std::uint32_t>(slot, 40);
    const auto version = get<std::uint32_t>(slot, 12);
    const bool ours = get<std::uint32_t>(slot, 0) == slot_crc(slot, 0) &&
                      std::memcmp(slot.data() + 4, kMagic.data(), kMagic.size()) == 0;
    const bool too_new = ours && (version > kVersion || format > static_cast<std::uint32_t>(kFormatVersion));
    // The whole header is known but for these two.
    if (slot == header(segment, epoch, format) || too_new)
      acked = Acked{epoch, static_cast<std::int32_t>(format), {}, too_new};
  }
  for (std::uint32_t number = 1; acked && !acked->too_new && number < slots; ++number) {
    if (!read_slot(fd, number, slot)) continue;
    if (auto lane = decode(slot, number)) acked->lanes.push_back(std::move(*lane));
  }
  ::close(fd);
  return acked;
}

}  // namespace hookspool::storage
