#include "agent/app/serving.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/base/exit_codes.h"
#include "agent/base/host_name.h"
#include "agent/base/log.h"
#include "agent/config/socket_files.h"
#include "agent/reload/reconfigure.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kIntakeGrace{5'000};  // for requests already read in whole to be answered
constexpr milliseconds kAdminGrace{500};
constexpr std::size_t kAdminWorkers = 2;
constexpr std::size_t kAdminConnectionsMax = 64;
constexpr std::chrono::minutes kAdminReplyDeadline{10};  // a comparison reads a table

}  // namespace

// A passed socket without a listener of ours would keep clients waiting for ever, so each must match one.
int Serving::match_passed_sockets() {
  const std::string listeners[] = {config_.intake.listen, config_.admin.listen,
                                   "unix:" + admin_socket_path(config_)};
  for (const PassedSocket& socket : passed_) {
    const std::string name = "systemd's socket \"" + printable(socket.name) + "\"";
    const auto address = net::HttpServer::address_of(socket.fd);
    if (!address) {
      log_error(name + ": " + address.error().text);
      return kExitConfig;
    }
    const bool known =
        std::any_of(std::begin(listeners), std::end(listeners), [&](const std::string& listen) {
          const auto checked = net::HttpServer::check_address(listen);
          return checked && *checked == *address;
        });
    if (!known) {
      log_error(name + " listens on " + *address +
                ", which is no listener of the configuration; make ListenStream= "
                "and [intake] listen the same address");
      return kExitConfig;
    }
    passed_by_address_[*address] = socket.fd;
    log_info(name + " on " + *address + " is used");
  }
  return kExitOk;
}

int Serving::open_listener(const std::string& listen, const net::HttpOptions& given,
                           net::HttpLaterHandler handler, net::HttpInLoop in_loop, const std::string& what,
                           std::unique_ptr<net::HttpServer>& server) {
  net::HttpOptions options = given;
  if (const auto address = net::HttpServer::check_address(listen); address) {
    if (const auto passed = passed_by_address_.find(*address); passed != passed_by_address_.end())
      options.inherited_fd = passed->second;
  }
  auto started = net::start_in_loop(options, std::move(handler), std::move(in_loop));
  if (!started) {
    log_error(what + ": " + started.error().text);
    switch (started.error().kind) {
      case net::HttpError::Kind::kBadAddress:
      case net::HttpError::Kind::kBadCertificate:
        return kExitConfig;
      case net::HttpError::Kind::kNotPermitted:
        return kExitNoPermission;
      case net::HttpError::Kind::kAddressInUse:
      case net::HttpError::Kind::kSystem:
        break;
    }
    return kExitUnavailable;
  }
  server = std::move(*started);
  const bool is_unix = listen.starts_with("unix:");
  log_info(what + " listening on " +
           (is_unix ? listen : listen.substr(0, listen.rfind(':') + 1) + std::to_string(server->port())));
  return kExitOk;
}

int Serving::open_intake(const LiveSettings& settings, Journaling& journaling) {
  if (const int code = match_passed_sockets(); code != kExitOk) return code;
  admission_.emplace(settings.sources, journaling.journal(), &journaling.quarantine(),
                     journaling.deduplicator());
  const net::HttpOptions intake = intake_options(config_.intake);
  const auto accept = [this](net::HttpRequest&& request, const net::HttpReply& reply) {
    admission_->handle(std::move(request), reply);
  };
  net::HttpInLoop in_loop;
  in_loop.try_handle = [this](net::HttpRequest& request, const net::HttpReply& reply) {
    return admission_->try_handle(request, reply);
  };
  const int code = open_listener(intake.listen, intake, accept, std::move(in_loop), "intake", intake_);
  if (code != kExitOk) return code;
  if (intake.tls.given()) {
    const auto checked = net::HttpServer::check_certificate(intake.tls);
    if (checked) log_certificate_expiry(intake.tls, *checked);
  }
  return kExitOk;
}

int Serving::open_admin(const net::HttpHandler& page, const std::function<void()>& without_socket) {
  const auto handler = [page](net::HttpRequest&& request, const net::HttpReply& reply) {
    reply(page(std::move(request)));
  };
  net::HttpOptions admin;
  admin.workers = kAdminWorkers;
  admin.connections_max = kAdminConnectionsMax;
  admin.reply_deadline = kAdminReplyDeadline;
  admin.unix_mode = config_.admin.socket_file.mode;
  admin.unix_gid = config_.admin.socket_file.gid;
  admin.listen = "unix:" + admin_socket_path(config_);
  if (const int code = open_listener(admin.listen, admin, handler, {}, "admin", admin_socket_);
      code != kExitOk) {
    // One that was not asked for must not keep the agent from its work.
    if (!config_.admin.socket.empty()) return code;
    log_warn(
        "there is no admin socket, so the commands that change something cannot reach this agent; set "
        "[admin] "
        "socket");
    without_socket();
  }
  for (const auto& line : socket_warnings(config_)) log_warn(line);
  admin.listen = config_.admin.listen;
  return open_listener(admin.listen, admin, handler, {}, "admin", admin_);
}

void Serving::log_endpoints() const {
  if (config_.intake.listen.starts_with("unix:") || config_.admin.listen.starts_with("unix:")) return;
  // An address that stands for all of this machine's is none to post to; a certificate is for a name.
  const auto address = [](const std::string& listen, const net::HttpServer& server, bool by_name = false) {
    std::string host = listen.substr(0, listen.rfind(':'));
    if (by_name || host == "[::]" || host == "0.0.0.0") host = by_name ? host_name() : "localhost";
    return host + ":" + std::to_string(server.port());
  };
  const std::string path = config_.sources.empty() ? "/hooks/test" : config_.sources.front().path;
  const std::string scheme = config_.intake.tls.given() ? "https://" : "http://";
  log_info("post to it:  curl -d '{\"hello\":\"world\"}' -H 'Content-Type: application/json' " + scheme +
           address(config_.intake.listen, *intake_, config_.intake.tls.given()) + path);
  log_info("look at it:  curl http://" + address(config_.admin.listen, *admin_) + "/health");
}

std::string Serving::intake_address() const {
  const std::string& listen = config_.intake.listen;
  if (listen.starts_with("unix:")) return listen;
  return listen.substr(0, listen.rfind(':') + 1) + std::to_string(intake_->port());
}

bool Serving::stop_intake() {
  return intake_->stop(kIntakeGrace);
}

bool Serving::stop_admin() {
  const bool ended = !admin_socket_ || admin_socket_->stop(kAdminGrace);
  return admin_->stop(kAdminGrace) && ended;
}

}  // namespace hookspool::agent
