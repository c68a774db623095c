// The floor of HTTP: nginx as Debian ships it, one worker, which reads a request and answers it at once. Not
// thread-safe. Throws std::runtime_error where it does not start.
#pragma once

#include <memory>

#include "tests/bench/rig.h"
#include "tests/support/temp_folder.h"

namespace hookspool::bench {

class Nginx {
 public:
  static bool is_installed();
  Nginx();
  int port() const { return server_->port(); }

 private:
  testing::TempFolder folder_{"hookspool-nginx"};
  std::unique_ptr<Server> server_;
};

}  // namespace hookspool::bench
