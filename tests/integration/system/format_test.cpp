// The agent before a journal of another format version: an older one is delivered whole, a newer one is refused in
// words that say what to do, and not a byte of it changes.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr std::size_t kVersionOffset = 63;  // the last byte of PRAGMA user_version, big-endian at 60

std::string read_bytes(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

fs::path fixture_v1() {
  return fs::path(HOOKSPOOL_SOURCE_DIR) / "tests" / "unit" / "storage" / "fixtures" / "v1";
}

AgentOptions with_journal_of_version_1(const std::string& conninfo, const fs::path& folder) {
  fs::copy(fixture_v1() / "journal", folder, fs::copy_options::recursive);
  AgentOptions options = agent_options(conninfo);
  options.journal = folder;
  return options;
}

TEST(Format, AJournalOfVersion1IsDeliveredWhole) {
  PgCluster postgres;
  TempFolder folder;
  AgentProcess agent(with_journal_of_version_1(postgres.conninfo(), folder / "journal"));
  agent.start();
  agent.wait_caught_up();
  std::istringstream lines(read_bytes(fixture_v1() / "log"));
  int checked = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, id, epoch, lane, seq;
    words >> kind >> id >> epoch >> lane >> seq;
    if (kind != "ack") continue;
    EXPECT_EQ(
        postgres.value("SELECT epoch || ' ' || source || ' ' || seq FROM hookspool.events WHERE id = '" + id +
                       "'"),
        epoch + " " + lane + " " + seq);
    ++checked;
  }
  EXPECT_EQ(checked, 21);
  // Two of lane `rich`; its third is a dead letter that was put back, and there is none of it in this database.
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.events"), "23");
  EXPECT_EQ(postgres.value("SELECT max(octet_length(body)) FROM hookspool.events WHERE source = 'rich'"),
            "9000");
  EXPECT_EQ(agent.terminate().code, 0);
}

// Its events are years older than now, as after a clock that jumped: history that was delivered a moment ago stays for
// keep_delivered all the same, over restarts, and then goes.
TEST(Format, HistoryAgesByTheTimeTheAgentRunsWhateverTheClockSays) {
  PgCluster postgres;
  TempFolder folder;
  AgentProcess agent(with_journal_of_version_1(postgres.conninfo(), folder / "journal"));
  const fs::path note = folder / "journal" / "note-age";
  const fs::path oldest = folder / "journal" / "segment-00000001.db";
  agent.start();
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);
  fs::remove(note);
  agent.start();
  agent.wait_caught_up();
  // Written by the first look at what may go; ending waits for the rest of that look.
  ASSERT_TRUE(wait_until(seconds(30), [&] { return fs::exists(note); }));
  EXPECT_EQ(agent.terminate().code, 0);
  EXPECT_TRUE(fs::exists(oldest)) << agent.log();
  agent.options().more_journal += "keep_delivered = \"1s\"\n";
  agent.start();
  EXPECT_TRUE(wait_until(seconds(30), [&] { return !fs::exists(oldest); })) << agent.log();
  EXPECT_EQ(agent.terminate().code, 0);
}

TEST(Format, ANewerJournalIsRefusedAndNothingInItChanges) {
  TempFolder folder;
  AgentProcess agent(with_journal_of_version_1("", folder / "journal"));
  const fs::path newer = folder / "journal" / "segment-00000003.db";
  std::string bytes = read_bytes(newer);
  ASSERT_EQ(bytes.at(kVersionOffset), 1);
  bytes[kVersionOffset] = 4;
  std::ofstream(newer, std::ios::binary | std::ios::trunc) << bytes;
  const auto contents = [&] {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(folder / "journal")) {
      const std::string name = entry.path().filename().string();
      if (name != "lock") all[name] = read_bytes(entry.path());  // the lock says who tried last
    }
    return all;
  };
  const auto before = contents();
  agent.launch();
  const auto end = agent.wait_end(seconds(30));
  ASSERT_TRUE(end.has_value()) << agent.log();
  EXPECT_EQ(end->code, 65) << agent.log();
  for (const char* part : {"segment-00000003.db", "version 4", "up to 3", "install the newer hookspool"}) {
    EXPECT_NE(agent.log().find(part), std::string::npos) << part << " is not in: " << agent.log();
  }
  EXPECT_EQ(before.size(), 7u);
  EXPECT_TRUE(before == contents()) << "something was changed";
}

}  // namespace
}  // namespace hookspool::testing
