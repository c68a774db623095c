#include "tests/bench/nginx.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/free_port.h"

namespace hookspool::bench {
namespace {

constexpr const char* kProgram = "/usr/sbin/nginx";  // not in every PATH

// One process that is the worker itself. The answer is as long as the agent's, and a body stays in memory, as it does there.
std::string config(const std::filesystem::path& folder, int port) {
  const std::string in = folder.string();
  return "daemon off;\nmaster_process off;\nworker_processes 1;\npid " + in + "/pid;\nerror_log " + in +
         "/error.log crit;\nevents { worker_connections 4096; }\nhttp {\n  access_log off;\n"
         "  keepalive_requests 1000000000;\n  client_max_body_size 2m;\n  client_body_buffer_size 1m;\n"
         "  client_body_temp_path " +
         in + "/body;\n  proxy_temp_path " + in + "/proxy;\n  fastcgi_temp_path " + in +
         "/fastcgi;\n  uwsgi_temp_path " + in + "/uwsgi;\n  scgi_temp_path " + in +
         "/scgi;\n  default_type application/json;\n  server {\n    listen 127.0.0.1:" +
         std::to_string(port) +
         " backlog=1024;\n    location / { return 200 "
         "'{\"id\":\"019b0000-0000-7000-8000-000000000000\"}\\n'; }\n  }\n}\n";
}

}  // namespace

bool Nginx::is_installed() {
  return std::filesystem::exists(kProgram);
}

Nginx::Nginx() {
  const int port = testing::free_port();
  const std::filesystem::path file = folder_ / "nginx.conf";
  std::ofstream(file) << config(folder_.path(), port);
  const std::string in = folder_.path().string();
  server_ = std::make_unique<Server>(
      testing::ProcessOptions{.argv = {kProgram, "-p", in, "-c", file.string(), "-e", in + "/error.log"}},
      port);
}

}  // namespace hookspool::bench
