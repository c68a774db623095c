// The note of an orderly stop: by what it says a purged package's journal is deleted or left.
#include "agent/base/stop_note.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(StopNoteTest, SaysWhatIsLeftAndIsGoneAfterwards) {
  testing::TempFolder folder;
  ASSERT_TRUE(remove_stop_note(folder.path())) << "none is there yet";
  ASSERT_TRUE(write_stop_note(folder.path(), {3, 0, 1}));
  EXPECT_EQ(content(folder / "stopped"), "waiting 3\nunreadable 0\nset-aside 1\n");
  ASSERT_TRUE(write_stop_note(folder.path(), {}));
  EXPECT_EQ(content(folder / "stopped"), "waiting 0\nunreadable 0\nset-aside 0\n");
  ASSERT_TRUE(remove_stop_note(folder.path()));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_TRUE(remove_stop_note(folder / "nowhere"));
}

TEST(StopNoteTest, ThatCannotBeWrittenOrRemovedIsAnError) {
  testing::TempFolder folder;
  EXPECT_FALSE(write_stop_note(folder / "nowhere", {}));
  std::filesystem::create_directories(folder / "stopped/full");
  EXPECT_FALSE(write_stop_note(folder.path(), {}));
  EXPECT_FALSE(remove_stop_note(folder.path()));
}

}  // namespace
}  // namespace hookspool::agent
