// hookspool-bench-empty PORT: the HTTP library that the agent uses, with a handler that does nothing but answer. One of
// the bench's peers: what the library can do on this machine. Ends with a signal.
#include <httplib.h>

#include <cstdlib>
#include <limits>

namespace {

// The library gives each connection a thread for as long as it lasts, and the bench opens 64 of them.
constexpr std::size_t kThreads = 128;
// As long as the agent's answer.
constexpr const char* kAnswer = "{\"id\":\"019b0000-0000-7000-8000-000000000000\"}\n";

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port <= 0) return 64;
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_keep_alive_max_count(std::numeric_limits<std::size_t>::max());
  server.set_tcp_nodelay(true);
  const auto answer = [](const httplib::Request&, httplib::Response& response) {
    response.set_content(kAnswer, "application/json");
  };
  server.Get("/readyz", answer);
  server.Post("/hooks/.*", answer);
  return server.listen("127.0.0.1", port) ? 0 : 1;
}
