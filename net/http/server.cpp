// Puts the loop, the workers and cpp-httplib together.
#include "net/http/server.h"

#include <pthread.h>

#include <atomic>
#include <exception>
#include <thread>
#include <utility>

#include "net/http/connection.h"
#include "net/http/in_loop.h"
#include "net/http/loop.h"
#include "net/http/socket.h"
#include "net/http/tls.h"
#include "net/http/worker_pool.h"

namespace hookspool::net {
namespace {

constexpr const char* kHandlerFailed = "{\"error\":\"internal error\"}\n";

// What replies need of their server, and keep of it when it is gone. The workers and the thread are not among it.
struct Core {
  Counters counters;
  std::atomic<bool> stopping{false};
  std::unique_ptr<Loop> loop;
};

class PendingReply final : public HttpReply::Receiver {
 public:
  PendingReply(std::shared_ptr<Core> core, std::uint64_t connection_id, const RequestHead& head,
               BodyShare&& share)
      : core_(std::move(core)),
        connection_id_(connection_id),
        head_only_(head.request.method == "HEAD"),
        close_(head.close || core_->stopping),
        share_(std::move(share)) {
    ++core_->counters.requests;
    ++core_->counters.in_handler;
  }
  ~PendingReply() override {
    if (given_) return;
    ++core_->counters.handler_failures;
    try {
      take({500, "application/json", kHandlerFailed, {}});
    } catch (...) {
      // No memory even for this: the connection ends with its server.
    }
  }
  PendingReply(const PendingReply&) = delete;
  PendingReply& operator=(const PendingReply&) = delete;

  void take(HttpAnswer&& answer) override {
    if (given_.exchange(true)) return;
    share_.release();
    --core_->counters.in_handler;
    core_->loop->give_back({connection_id_, std::move(answer), head_only_, close_});
  }

  // It was no reply yet: the request goes another way, with its share. REQUIRES: nothing was replied.
  BodyShare withdraw() {
    given_ = true;
    --core_->counters.requests;
    --core_->counters.in_handler;
    return std::move(share_);
  }

 private:
  const std::shared_ptr<Core> core_;
  const std::uint64_t connection_id_;
  const bool head_only_;
  const bool close_;
  BodyShare share_;
  std::atomic<bool> given_{false};
};

class Server final : public HttpServer {
 public:
  Server(HttpOptions options, HttpLaterHandler handler, HttpInLoop in_loop)
      : options_(std::move(options)), handler_(std::move(handler)), in_loop_(std::move(in_loop)) {}
  ~Server() override { stop(std::chrono::milliseconds(0)); }

  Result<void, HttpError> open() {
    std::shared_ptr<const TlsContext> tls;
    if (options_.tls.given()) {
      auto loaded = TlsContext::load(options_.tls);
      if (!loaded) return fail(std::move(loaded).error());
      tls = std::move(loaded).value();
      certificate_not_after_s_ = tls->not_after_s();
    }
    auto listener = options_.inherited_fd < 0
                        ? Listener::open(options_.listen, options_.unix_mode, options_.unix_gid)
                        : Listener::adopt(options_.inherited_fd, options_.listen);
    if (!listener) return fail(std::move(listener).error());
    port_ = listener->port();
    auto loop = Loop::make(options_, std::move(listener).value(), core_->counters);
    if (!loop) return fail(std::move(loop).error());
    core_->loop = std::move(loop).value();
    core_->loop->set_tls(std::move(tls));
    try {
      pool_ = std::make_unique<WorkerPool>(options_.workers, [this](Job&& job) { serve(std::move(job)); });
      thread_ = std::thread([this] { run_loop(); });
    } catch (const std::exception& e) {
      return fail(HttpError{HttpError::Kind::kSystem,
                            "cannot start the threads for " + options_.listen + ": " + e.what()});
    }
    ::pthread_setname_np(thread_.native_handle(), "http-loop");
    return {};
  }

  std::uint16_t port() const override { return port_; }

  HttpStats stats() const override {
    HttpStats stats;
    const Counters& counters = core_->counters;
    stats.requests = counters.requests;
    stats.refused = counters.refused;
    stats.connections = counters.connections;
    stats.connections_refused = counters.connections_refused;
    stats.connections_evicted = counters.connections_evicted;
    stats.requests_shed = counters.requests_shed;
    stats.requests_given_up = counters.requests_given_up;
    stats.in_handler = counters.in_handler;
    stats.handler_failures = counters.handler_failures;
    stats.certificate_not_after_s = certificate_not_after_s_;
    return stats;
  }

  void set_limits(const HttpOptions& options) override { core_->loop->set_limits(options); }

  Result<std::int64_t, HttpError> reload_certificate(const TlsFiles& files) override {
    auto loaded = TlsContext::load(files);
    if (!loaded) return fail(std::move(loaded).error());
    const std::int64_t not_after_s = (*loaded)->not_after_s();
    core_->loop->set_tls(std::move(loaded).value());
    certificate_not_after_s_ = not_after_s;
    return not_after_s;
  }

  bool stop(std::chrono::milliseconds grace) override {
    if (!thread_.joinable()) return true;
    core_->stopping = true;
    core_->loop->stop(Clock::now() + grace);
    thread_.join();
    // Only after a grace that was too short is there anything left to drop.
    pool_->drop_queued();
    return !core_->loop->left_one_handled();
  }

 private:
  void run_loop() {
    const auto serve = [this](Job& job) { return serve_here(job); };
    core_->loop->run(*pool_, in_loop_.try_handle ? Handover::ServeHere(serve) : nullptr, in_loop_.time_max);
  }

  // False: a worker gets it. Without memory for the reply too: it may have some by then.
  bool serve_here(Job& job) noexcept {
    std::shared_ptr<PendingReply> pending;
    try {
      pending = std::make_shared<PendingReply>(core_, job.connection_id, job.request.head,
                                               std::move(job.request.share));
      if (in_loop_.try_handle(job.request.head.request, HttpReply(pending))) return true;
    } catch (...) {
      // Then the reply is dropped unanswered, as a worker's.
      return pending != nullptr;
    }
    job.request.share = pending->withdraw();
    return false;
  }

  void serve(Job&& job) {
    const HttpReply reply(std::make_shared<PendingReply>(core_, job.connection_id, job.request.head,
                                                         std::move(job.request.share)));
    try {
      handler_(std::move(job.request.head.request), reply);
    } catch (...) {
      // Then the reply is dropped unanswered, which says it all.
    }
  }

  const HttpOptions options_;
  const HttpLaterHandler handler_;
  const HttpInLoop in_loop_;  // without a handler: all goes to the workers
  std::uint16_t port_ = 0;
  std::atomic<std::int64_t> certificate_not_after_s_{0};
  const std::shared_ptr<Core> core_ = std::make_shared<Core>();
  std::unique_ptr<WorkerPool> pool_;
  std::thread thread_;
};

}  // namespace

const std::string* HttpRequest::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return &value;
  }
  return nullptr;
}

Result<std::string, HttpError> HttpServer::check_address(const std::string& listen) {
  auto address = parse_address(listen);
  if (!address) return fail(std::move(address).error());
  return address->text();
}

Result<std::string, HttpError> HttpServer::address_of(int listening_fd) {
  auto address = bound_address(listening_fd);
  if (!address) return fail(std::move(address).error());
  return address->text();
}

Result<std::int64_t, HttpError> HttpServer::check_certificate(const TlsFiles& files) {
  auto loaded = TlsContext::load(files);
  if (!loaded) return fail(std::move(loaded).error());
  return (*loaded)->not_after_s();
}

Result<std::unique_ptr<HttpServer>, HttpError> HttpServer::start(HttpOptions options, HttpHandler handler) {
  return start(std::move(options), HttpLaterHandler([handler = std::move(handler)](HttpRequest&& request,
                                                                                   const HttpReply& reply) {
                 reply(handler(std::move(request)));
               }));
}

Result<std::unique_ptr<HttpServer>, HttpError> HttpServer::start(HttpOptions options,
                                                                 HttpLaterHandler handler) {
  return start_in_loop(std::move(options), std::move(handler), {});
}

Result<std::unique_ptr<HttpServer>, HttpError> start_in_loop(HttpOptions options, HttpLaterHandler handler,
                                                             HttpInLoop in_loop) {
  auto server = std::make_unique<Server>(std::move(options), std::move(handler), std::move(in_loop));
  auto opened = server->open();
  if (!opened) return fail(std::move(opened).error());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace hookspool::net
