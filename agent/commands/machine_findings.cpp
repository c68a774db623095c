#include "agent/commands/machine_findings.h"

#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "agent/base/instant.h"
#include "agent/base/units.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/disk_speed.h"
#include "net/http/server.h"
#include "net/pg/link/connection.h"
#include "storage/file/disk_space.h"
#include "storage/file/sqlite_version.h"

namespace hookspool::agent {
namespace {

constexpr std::chrono::microseconds kSyncSlow{20'000};  // then every webhook waits that long
constexpr std::uint64_t kMemoryLow = 128ull << 20;
constexpr std::uint64_t kFilesBesideConnections = 256;         // segments, PostgreSQL, the log
constexpr std::int64_t kClockLeastUs = 1'760'000'000'000'000;  // October 2025: before it the clock is not set
constexpr long kTmpfsMagic = 0x01021994, kNfsMagic = 0x6969, kCifsMagic = 0xff534d42, kFuseMagic = 0x65735546;

std::string shown(std::chrono::microseconds time) {
  const auto hundredths = (time.count() + 5) / 10;
  const std::string rest = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + "." + (rest.size() < 2 ? "0" : "") + rest + " ms";
}

std::string shown(const SyncTimes& times) {
  return shown(times.median) + " (longest " + shown(times.longest) + ")";
}

void look_at_speed(const std::filesystem::path& folder, Findings& findings) {
  const auto speed = disk_speed(folder);
  if (!speed) {
    findings.warning("disk speed", "cannot be measured in " + folder.string() + ": " + speed.error(),
                     "Run this as the service's user: sudo -u _hookspool hookspool doctor");
    return;
  }
  const std::string text = "a durable write of 4 KiB takes " + shown(speed->fdatasync) + " with fdatasync, " +
                           shown(speed->o_dsync) + " with O_DSYNC";
  if (speed->fdatasync.median < kSyncSlow) return findings.ok("disk speed", text);
  findings.warning("disk speed", text,
                   "Every webhook waits for one; put the journal on an SSD, or on a disk with a protected "
                   "write cache.");
}

void look_at_file_system(const std::filesystem::path& folder, Findings& findings) {
  struct statfs info {};
  if (::statfs(folder.c_str(), &info) != 0) return;
  const auto type = static_cast<long>(info.f_type);
  if (type == kTmpfsMagic) {
    findings.warning("disk",
                     folder.string() + " is on a tmpfs, which is memory: a restart of the machine loses it",
                     "Set [journal] path to a folder on a disk.");
  } else if (type == kNfsMagic || type == kCifsMagic || type == kFuseMagic) {
    findings.warning("disk", folder.string() + " is on a network or user-space file system",
                     "Set [journal] path to a folder on a local disk: locks and syncs have to be reliable.");
  }
}

std::uint64_t bytes_in(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unsized;
    const auto size = entry->is_regular_file(unsized) ? entry->file_size(unsized) : 0;
    if (!unsized) bytes += size;
  }
  return bytes;
}

void look_at_room(const JournalConfig& journal, Findings& findings) {
  const auto space = storage::disk_space(journal.path);
  if (!space) return;
  const std::uint64_t used = bytes_in(journal.path);
  const std::uint64_t wanted = journal.bytes_max + journal.free_bytes_min;
  const std::string text = format_bytes(space->free_bytes) + " are free, the journal has " +
                           format_bytes(used) + " of " + format_bytes(journal.bytes_max);
  if (space->free_bytes + used >= wanted) return findings.ok("disk space", text);
  findings.warning("disk space",
                   text + ": " + format_bytes(wanted - space->free_bytes - used) +
                       " are missing for max_bytes and min_free_bytes",
                   "Senders get 503 before max_bytes is reached: free the disk, or lower max_bytes.");
}

void look_at_clock(Findings& findings) {
  const std::int64_t now_us = wall_clock_us();
  if (now_us < kClockLeastUs) {
    findings.warning("clock", "it is " + format_instant(now_us) + " here, which cannot be right",
                     "Set the clock, and start time synchronisation: signatures with a time are refused.");
    return;
  }
  timex state{};
  if (::adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
    findings.warning(
        "clock", "is not synchronised, as the kernel says",
        "Start systemd-timesyncd or chrony (in a container: of the host); signatures with a time "
        "are refused when it is minutes off.");
    return;
  }
  findings.ok("clock",
              "is synchronised, within " + shown(std::chrono::microseconds(state.maxerror)) + " at most");
}

void look_at_open_files(const IntakeConfig& intake, Findings& findings) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const std::uint64_t wanted = intake.connections_max + kFilesBesideConnections;
  const std::string text = "this user may have " + std::to_string(limit.rlim_max) +
                           ", max_connections = " + std::to_string(intake.connections_max);
  if (limit.rlim_max >= wanted) return findings.ok("open files", text);
  findings.warning("open files", text,
                   "Raise LimitNOFILE= of the unit (ulimit -n) to " + std::to_string(wanted) +
                       ", or lower max_connections.");
}

// What a control group leaves, or the machine.
std::optional<std::uint64_t> memory_left() {
  std::ifstream limit_file("/sys/fs/cgroup/memory.max"), used_file("/sys/fs/cgroup/memory.current");
  std::uint64_t limit = 0, used = 0;
  std::optional<std::uint64_t> left;
  if (limit_file >> limit && used_file >> used) left = limit - std::min(limit, used);
  std::ifstream info("/proc/meminfo");
  for (std::string name, unit; info >> name;) {
    std::uint64_t kib = 0;
    if (!(info >> kib)) break;
    std::getline(info, unit);
    if (name != "MemAvailable:") continue;
    return left ? std::min(*left, kib << 10) : kib << 10;
  }
  return left;
}

void look_at_memory(Findings& findings) {
  const auto left = memory_left();
  if (!left) return;
  if (*left >= kMemoryLow) return findings.ok("memory", format_bytes(*left) + " are available");
  findings.warning("memory", "only " + format_bytes(*left) + " are available",
                   "Leave the agent 128 MiB at least, or raise MemoryMax= of its unit.");
}

}  // namespace

void look_at_certificate(const std::string& what, const std::string& before, std::int64_t not_after_s,
                         const std::string& hint, const Config& config, Findings& findings) {
  const std::int64_t left_s = not_after_s - wall_clock_us() / 1'000'000;
  if (left_s <= 0) return findings.fault(what, before + "the certificate has expired", hint);
  const std::string text = before + "certificate valid for " + std::to_string(left_s / 86'400) + " more days";
  if (std::chrono::seconds(left_s) >= config.alerts.certificate_within) return findings.ok(what, text);
  findings.warning(what, text, hint);
}

void look_at_machine(const Config& config, Findings& findings) {
  const std::filesystem::path folder = config.journal.path;
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) {
    look_at_speed(folder, findings);
    look_at_file_system(folder, findings);
    look_at_room(config.journal, findings);
  }
  look_at_clock(findings);
  look_at_open_files(config.intake, findings);
  look_at_memory(findings);
  findings.ok("versions", "SQLite " + storage::sqlite_version() + ", libpq " + net::libpq_version());
  if (!config.intake.tls.given()) return;
  if (const auto ends_s = net::HttpServer::check_certificate(config.intake.tls); ends_s)
    look_at_certificate("tls intake", "", *ends_s, "Renew it, then hookspool reload.", config, findings);
}

}  // namespace hookspool::agent
