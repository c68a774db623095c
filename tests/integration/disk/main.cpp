// The mounts of these tests are seen by no other process, and end with this program however it ends.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <iostream>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const bool listing = testing::FLAGS_gtest_list_tests;
  // Before the first thread: each has a mount namespace of its own.
  if (geteuid() == 0 && !listing &&
      (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)) {
    std::cout << "no private mount namespace here: the mounts are the whole machine's until each test ends\n";
  }
  return RUN_ALL_TESTS();
}
