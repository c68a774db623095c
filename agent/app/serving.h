// The listeners: the intake with its admission, the admin's page over TCP, and the Unix socket where its commands come in.
// Sockets that systemd has passed are used where their address is a listener's.
//
// Not thread-safe: opening and stopping belong to the main thread. What is given must outlive this.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/app/journaling.h"
#include "agent/base/passed_sockets.h"
#include "agent/config/config.h"
#include "agent/intake/admission.h"
#include "agent/reload/live_settings.h"
#include "net/http/in_loop.h"
#include "net/http/server.h"

namespace hookspool::agent {

class Serving {
 public:
  Serving(const Config& config, std::vector<PassedSocket> passed)
      : config_(config), passed_(std::move(passed)) {}
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // Each returns kExitOk or the code to end with, having logged why.
  int open_intake(const LiveSettings& settings, Journaling& journaling);
  // First the commands' socket, then the page: a client that finds this listener open finds every other one open.
  // A commands' socket that the configuration does not ask for may fail; then `without_socket` is called before the page
  // is served.
  int open_admin(const net::HttpHandler& page, const std::function<void()>& without_socket);

  // REQUIRES: open_intake() has succeeded.
  Admission& admission() { return *admission_; }
  net::HttpServer& intake() { return *intake_; }
  std::string intake_address() const;  // as in HttpOptions::listen, with the port that it has

  // For a user who has just started it: where to post and where to look. REQUIRES: all is open.
  void log_endpoints() const;

  // False: a request was not answered within the grace.
  bool stop_intake();
  bool stop_admin();

 private:
  int match_passed_sockets();
  int open_listener(const std::string& listen, const net::HttpOptions& given, net::HttpLaterHandler handler,
                    net::HttpInLoop in_loop, const std::string& what,
                    std::unique_ptr<net::HttpServer>& server);

  const Config& config_;
  const std::vector<PassedSocket> passed_;
  std::map<std::string, int> passed_by_address_;
  std::optional<Admission> admission_;
  std::unique_ptr<net::HttpServer> intake_, admin_socket_, admin_;
};

}  // namespace hookspool::agent
