// What the tests of salvage have in common: a journal of two lanes, and what was sent to it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/file/sqlite.h"
#include "storage/salvage/salvage.h"
#include "storage/salvage/salvage_scan.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {

class SalvageTest : public JournalTest {
 protected:
  // Two lanes, bodies from nothing to several overflow pages; what was given is in `sent_`.
  void fill(bool cleanly, int each = 12) {
    open();
    for (int n = 1; n <= each; ++n) {
      for (const char* lane : {"github", "shop"}) {
        Event event = make_event(lane, n, static_cast<std::size_t>(n % 4 == 0 ? 9000 : n * 40));
        if (n % 7 == 0) event.body = packable_body(n, static_cast<std::size_t>(n) * 8000);
        if (n % 3 == 0) event.dedupe_key = random_uuid(test_random_bytes());
        const auto stored = journal_->append(event);
        ASSERT_TRUE(stored.ok());
        sent_[{lane, (*stored)->seq}] = *stored;
      }
    }
    epoch_ = journal_->epoch();
    if (cleanly) {
      close();
    } else {
      std::filesystem::create_directories(folder_ / "copy");
      std::filesystem::copy(
          options_.folder, folder_ / "copy",
          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
      close();
      std::filesystem::remove_all(options_.folder);
      std::filesystem::rename(folder_ / "copy", options_.folder);
    }
  }

  SalvageScan scan(const std::filesystem::path& file, const SalvageHints& hints = {}) {
    auto scan = SalvageScan::scan(file, hints);
    EXPECT_TRUE(scan.ok()) << scan.error().text;
    return std::move(*scan);
  }

  // Everything the scan gives is what was sent. Answers its numbers.
  std::set<std::pair<std::string, std::uint64_t>> checked(SalvageScan& scan) {
    std::set<std::pair<std::string, std::uint64_t>> numbers;
    for (std::size_t i = 0; i < scan.intact(); ++i) {
      const auto stored = scan.read(i);
      EXPECT_TRUE(stored.has_value());
      if (!stored) continue;
      const auto sent = sent_.find({stored->event.lane, stored->seq});
      EXPECT_NE(sent, sent_.end()) << stored->event.lane << " " << stored->seq;
      if (sent == sent_.end()) continue;
      EXPECT_EQ(stored->id, sent->second->id);
      EXPECT_EQ(stored->epoch, sent->second->epoch);
      EXPECT_EQ(stored->event.body, sent->second->event.body);
      EXPECT_EQ(stored->event.headers, sent->second->event.headers);
      EXPECT_EQ(stored->event.delivery_id, sent->second->event.delivery_id);
      EXPECT_EQ(stored->event.received_at_us, sent->second->event.received_at_us);
      EXPECT_TRUE(stored->event.dedupe_key == sent->second->event.dedupe_key);
      EXPECT_TRUE(numbers.insert(sent->first).second);
    }
    return numbers;
  }

  SalvageReport salvage_all(std::vector<std::filesystem::path> files = {}, bool dry_run = false) {
    SalvageOptions options;
    options.folder = options_.folder;
    options.files = std::move(files);
    options.dry_run = dry_run;
    auto report = salvage(options);
    EXPECT_TRUE(report.ok()) << report.error().text;
    return report.ok() ? std::move(*report) : SalvageReport{};
  }

  std::map<std::pair<std::string, std::uint64_t>, EventPtr> sent_;
  Uuid epoch_;
};

}  // namespace hookspool::storage
