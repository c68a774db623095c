// Files that the configuration names: what is no regular file is refused at once, never waited for.
#include "agent/base/regular_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "agent/config/config.h"
#include "agent/config/secret.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

class RegularFileTest : public ::testing::Test {
 protected:
  std::string fifo(const std::string& name) {
    const std::string path = (folder_ / name).string();
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0600);
    return path;
  }

  testing::TempFolder folder_{"hookspool-files"};
};

TEST_F(RegularFileTest, IsReadWholeAndWithinItsLimit) {
  const auto read = read_regular_file(file("a", std::string("x\0y\n", 4)), 4);
  ASSERT_TRUE(read.ok()) << read.error();
  EXPECT_EQ(read->content, std::string("x\0y\n", 4));
  EXPECT_EQ(read->mode & 0777u, 0600u);
  const auto large = read_regular_file(file("b", std::string(2049, 'x')), 2048);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error(), "is larger than 2 KiB");
  const auto absent = read_regular_file((folder_ / "none").string(), 1);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error(), "cannot be read: No such file or directory");
  // Files of /proc say that they hold nothing.
  const auto process = read_regular_file("/proc/self/status", 1u << 20);
  ASSERT_TRUE(process.ok());
  EXPECT_NE(process->content.find("Pid:"), std::string::npos);
}

// The FIFO has no other end: an opening that waits for one would never return.
TEST_F(RegularFileTest, AFifoADeviceAndAFolderAreRefusedAtOnce) {
  for (const std::string& path : {fifo("fifo"), std::string("/dev/zero"), folder_.path().string()}) {
    const auto read = read_regular_file(path, 1u << 20);
    ASSERT_FALSE(read.ok()) << path;
    EXPECT_TRUE(read.error().find("regular file") != std::string::npos ||
                read.error().find("folder") != std::string::npos)
        << read.error();
  }
}

TEST_F(RegularFileTest, ASecretThatIsAFifoIsRefusedAtOnce) {
  const auto secret = secret_from_file(fifo("secret"));
  ASSERT_FALSE(secret.ok());
  EXPECT_NE(secret.error().find("is not a regular file"), std::string::npos) << secret.error();
}

TEST_F(RegularFileTest, AConfigurationThatIsAFifoIsRefusedAtOnce) {
  const auto config = load_config(fifo("hookspool.toml"));
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().lines.front().find("is not a regular file"), std::string::npos);
}

TEST_F(RegularFileTest, ACertificateOrAKeyThatIsAFifoIsRefusedAtOnce) {
  const std::string waiting = fifo("fifo"), text = file("text", "x");
  for (const auto& [certificate, key] : {std::pair{waiting, text}, {text, waiting}}) {
    const auto config = parse_config(
        "[intake]\ncertificate_file = \"" + certificate + "\"\nkey_file = \"" + key + "\"\n", "test");
    ASSERT_FALSE(config.ok());
    EXPECT_NE(config.error().lines.front().find("is not a regular file"), std::string::npos)
        << config.error().lines.front();
  }
}

}  // namespace
}  // namespace hookspool::agent
