#include "storage/segment/acked_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/file/crc32c.h"
#include "storage/file/file_io.h"
#include "storage/file/open_file.h"
#include "storage/file/sqlite.h"
#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

// A slot never crosses a disk's sector. The header is slot 0. From version 2 on slot 1 is that of the ids, and the lane with
// number n has slot n + 1; in version 1 it has slot n.
constexpr std::size_t kSlotBytes = 128;
constexpr std::size_t kGrowBytes = 4096;  // at a time, so that a full disk is met when a segment is made
constexpr std::uint64_t kFileBytesMax = 64ull << 20;
constexpr std::string_view kMagic = "hkspackd";
constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kIdsSlot = 1;

std::uint32_t slot_of_lane(std::uint32_t lane_number, std::uint32_t version) {
  return version == 1 ? lane_number : lane_number + kIdsSlot;
}

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

// Over the slot and its number, so that a slot in another one's place does not fit.
std::uint32_t slot_crc(const Slot& slot, std::uint32_t slot_number) {
  Slot number{};
  put(number, 0, slot_number);
  return crc32c(crc32c(0, slot.data() + 4, slot.size() - 4), number.data(), sizeof slot_number);
}

Slot header(std::uint64_t segment, const Uuid& epoch, std::uint32_t format, std::uint32_t version) {
  Slot slot{};
  std::memcpy(slot.data() + 4, kMagic.data(), kMagic.size());
  put(slot, 12, version);
  put(slot, 16, segment);
  std::memcpy(slot.data() + 24, epoch.bytes.data(), epoch.bytes.size());
  put(slot, 40, format);
  put(slot, 0, slot_crc(slot, 0));
  return slot;
}

Slot ids_slot(std::uint64_t ids_below_ms, bool complete) {
  Slot slot{};
  put(slot, 4, static_cast<std::uint32_t>(complete));
  put(slot, 8, ids_below_ms);
  put(slot, 0, slot_crc(slot, kIdsSlot));
  return slot;
}

std::uint64_t ms_of(const Uuid& id) {
  std::uint64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | id.bytes[i];
  return ms;
}

Slot encode(const AckedLane& lane) {
  Slot slot{};
  put(slot, 4, static_cast<std::uint32_t>(lane.lane.size()));
  put(slot, 8, lane.first_seq);
  put(slot, 16, lane.last_seq);
  std::memcpy(slot.data() + 24, lane.lane.data(), lane.lane.size());
  put(slot, 0, slot_crc(slot, slot_of_lane(lane.number, kVersion)));
  return slot;
}

std::optional<AckedLane> decode(const Slot& slot, std::uint32_t lane_number, std::uint32_t version) {
  if (get<std::uint32_t>(slot, 0) != slot_crc(slot, slot_of_lane(lane_number, version))) return std::nullopt;
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
  return {means_disk_full(error_number) ? JournalError::Kind::kFull : JournalError::Kind::kIo,
          attempted + " " + file.string() + ": " + open_failure(error_number)};
}

// 0, or errno.
int write_at(int fd, std::span<const unsigned char> bytes, std::uint64_t offset) {
  return write_whole(fd, std::as_bytes(bytes), offset);
}

// 0, or errno: the disk does not give it.
int read_slot(int fd, std::uint32_t number, Slot& slot) {
  const ReadCount read = read_as_much(fd, std::as_writable_bytes(std::span(slot)), number * kSlotBytes);
  // Cut off meanwhile: zeros, which fit no checksum.
  std::fill(slot.begin() + static_cast<std::ptrdiff_t>(read.bytes), slot.end(),
            static_cast<unsigned char>(0));
  return read.error;
}

void read_ids_slot(const Slot& slot, Acked& acked) {
  if (get<std::uint32_t>(slot, 0) != slot_crc(slot, kIdsSlot)) return;
  acked.complete = get<std::uint32_t>(slot, 4) != 0;
  acked.greatest_id = first_uuid_of(get<std::uint64_t>(slot, 8));  // above all ids before that time
}

}  // namespace

JournalResult<std::shared_ptr<AckedRecord>> AckedRecord::create(const std::filesystem::path& file,
                                                                std::uint64_t segment, const Uuid& epoch) {
  Fd fd(open_regular(file, O_RDWR | O_CREAT | O_TRUNC, 0600));
  if (!fd.is_open()) return fail(failure("making", file, errno));
  std::shared_ptr<AckedRecord> record(new AckedRecord(file, std::move(fd)));
  if (const auto grown = record->grow_to(kIdsSlot); !grown) return fail(grown.error());
  const Slot first = header(segment, epoch, kFormatVersion, kVersion);
  if (const int error = write_at(record->fd_.get(), first, 0); error != 0)
    return fail(failure("writing", file, error));
  if (const auto synced = record->sync(); !synced) return fail(synced.error());
  return record;
}

JournalResult<void> AckedRecord::grow_to(std::uint32_t slot_number) {
  static constexpr std::array<unsigned char, kGrowBytes> kZeros{};
  while (bytes_ < (slot_number + 1ull) * kSlotBytes) {
    if (const int error = write_at(fd_.get(), kZeros, bytes_); error != 0)
      return fail(failure("growing", file_, error));
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
    const std::uint32_t slot_number = slot_of_lane(number, kVersion);
    if (const auto grown = grow_to(slot_number); !grown) return grown;
    const Slot slot = encode(lanes_[number - 1]);
    if (const int error = write_at(fd_.get(), slot, slot_number * kSlotBytes); error != 0)
      return fail(failure("writing", file_, error));
    unwritten_.erase(unwritten_.begin());
  }
  return {};
}

JournalResult<void> AckedRecord::sync() {
  if (::fdatasync(fd_.get()) != 0) return fail(failure("syncing", file_, errno));
  return {};
}

JournalResult<void> AckedRecord::reserve_ids(const Uuid& greatest_id) {
  const std::uint64_t ms = ms_of(greatest_id);
  if (ms < ids_below_ms_) return {};
  const Slot slot = ids_slot(ms + kIdsAheadMs, false);
  if (const int error = write_at(fd_.get(), slot, kIdsSlot * kSlotBytes); error != 0)
    return fail(failure("writing", file_, error));
  if (const auto synced = sync(); !synced) return synced;
  ids_below_ms_ = ms + kIdsAheadMs;
  return {};
}

JournalResult<void> complete_acked(const Folder& folder, std::uint64_t segment, const Uuid& epoch,
                                   std::span<const AckedLane> lanes, const Uuid& greatest_id) {
  std::string record;
  const auto put_at = [&record](std::uint32_t slot_number, const Slot& slot) {
    record.resize(std::max(record.size(), (slot_number + std::size_t{1}) * kSlotBytes), '\0');
    std::memcpy(record.data() + slot_number * kSlotBytes, slot.data(), kSlotBytes);
  };
  put_at(0, header(segment, epoch, kFormatVersion, kVersion));
  put_at(kIdsSlot, ids_slot(ms_of(greatest_id) + kIdsAheadMs, true));
  for (const AckedLane& lane : lanes) put_at(slot_of_lane(lane.number, kVersion), encode(lane));
  return folder.write_text(folder.acked_file(segment).filename().string(), record);
}

JournalResult<std::optional<Acked>> read_acked(const std::filesystem::path& file, std::uint64_t segment,
                                               int* system_errno) {
  const Fd open(open_regular(file, O_RDONLY));
  const auto unreadable = [&](int error) {
    if (system_errno != nullptr) *system_errno = error;
    return fail(failure("reading", file, error));
  };
  if (!open.is_open() && errno != ENOENT && errno != ELOOP) return unreadable(errno);
  struct stat status {};
  if (!open.is_open()) return std::optional<Acked>();
  if (::fstat(open.get(), &status) != 0) return unreadable(errno);
  const auto bytes = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
  const auto slots = static_cast<std::uint32_t>(std::min(bytes, kFileBytesMax) / kSlotBytes);
  Slot slot{};
  if (slots == 0) return std::optional<Acked>();
  if (const int error = read_slot(open.get(), 0, slot); error != 0) return unreadable(error);
  Acked acked;
  std::memcpy(acked.epoch.bytes.data(), slot.data() + 24, acked.epoch.bytes.size());
  acked.format = get<std::int32_t>(slot, 40);
  const auto version = get<std::uint32_t>(slot, 12);
  const bool ours = get<std::uint32_t>(slot, 0) == slot_crc(slot, 0) &&
                    std::memcmp(slot.data() + 4, kMagic.data(), kMagic.size()) == 0;
  acked.too_new = ours && (version > kVersion || acked.format > kFormatVersion);
  if (acked.too_new) return std::optional(acked);
  // The whole header is known but for these.
  if (version < 1 || slot != header(segment, acked.epoch, static_cast<std::uint32_t>(acked.format), version))
    return std::optional<Acked>();
  std::uint32_t number = 1;
  if (version > 1 && slots > kIdsSlot) {
    if (const int error = read_slot(open.get(), kIdsSlot, slot); error != 0) return unreadable(error);
    read_ids_slot(slot, acked);
  }
  for (; slot_of_lane(number, version) < slots; ++number) {
    if (const int error = read_slot(open.get(), slot_of_lane(number, version), slot); error != 0)
      return unreadable(error);
    if (auto lane = decode(slot, number, version)) acked.lanes.push_back(std::move(*lane));
  }
  return std::optional(std::move(acked));
}

}  // namespace hookspool::storage
