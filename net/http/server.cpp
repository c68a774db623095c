// Puts the loop, the workers and cpp-httplib together.
#include "net/http/server.h"

#include <pthread.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "net/http/connection.h"
#include "net/http/httplib_bridge.h"
#include "net/http/loop.h"
#include "net/http/socket.h"
#include "net/http/tls.h"
#include "net/http/worker_pool.h"

namespace hookspool::net {
namespace {

class Server final : public HttpServer {
 public:
  Server(HttpOptions options, HttpHandler handler)
      : options_(std::move(options)), handler_(std::move(handler)) {}
  ~Server() override { stop(std::chrono::milliseconds(0)); }

  Result<void, HttpError> open() {
    std::shared_ptr<const TlsContext> tls;
    if (options_.tls.given()) {
      auto loaded = TlsContext::load(options_.tls);
      if (!loaded) return fail(std::move(loaded).error());
      tls = std::move(loaded).value();
    }
    auto listener = options_.inherited_fd < 0 ? Listener::open(options_.listen, options_.unix_mode)
                                              : Listener::adopt(options_.inherited_fd, options_.listen);
    if (!listener) return fail(std::move(listener).error());
    port_ = listener->port();
    auto loop = Loop::make(options_, std::move(listener).value(), counters_);
    if (!loop) return fail(std::move(loop).error());
    loop_ = std::move(loop).value();
    loop_->set_tls(std::move(tls));
    try {
      pool_ = std::make_unique<WorkerPool>(options_.workers, [this] { return make_work(); });
      thread_ = std::thread([this] { loop_->run(*pool_); });
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
    stats.requests = counters_.requests;
    stats.refused = counters_.refused;
    stats.connections = counters_.connections;
    stats.connections_refused = counters_.connections_refused;
    stats.connections_evicted = counters_.connections_evicted;
    stats.requests_shed = counters_.requests_shed;
    stats.in_handler = counters_.in_handler;
    stats.handler_failures = counters_.handler_failures;
    return stats;
  }

  Result<std::int64_t, HttpError> reload_certificate() override {
    auto loaded = TlsContext::load(options_.tls);
    if (!loaded) return fail(std::move(loaded).error());
    const std::int64_t not_after_s = (*loaded)->not_after_s();
    loop_->set_tls(std::move(loaded).value());
    return not_after_s;
  }

  bool stop(std::chrono::milliseconds grace) override {
    if (!thread_.joinable()) return true;
    stopping_ = true;
    loop_->stop(Clock::now() + grace);
    thread_.join();
    // Only after a grace that was too short is there anything left to drop; a handler that still runs is
    // waited for by the destructor.
    pool_->drop_queued();
    return !loop_->left_one_handled();
  }

 private:
  WorkerPool::Work make_work() {
    const auto hint = std::chrono::floor<std::chrono::seconds>(options_.idle_deadline);
    auto bridge = std::make_shared<HttplibBridge>(counted_handler_, hint);
    return [this, bridge = std::move(bridge)](Job&& job) { serve(*bridge, std::move(job)); };
  }

  void serve(HttplibBridge& bridge, Job&& job) {
    Finished finished;
    finished.connection_id = job.connection_id;
    finished.close = job.request.head.close || stopping_;
    bool failed = false;
    finished.answer = bridge.answer(std::move(job.request.head.request), finished.close, failed);
    if (failed) ++counters_.handler_failures;
    job.request.share.release();
    finished.broken = !send_some(job.fd, job.tls, finished.answer, finished.sent);
    loop_->give_back(std::move(finished));
  }

  HttpAnswer call_handler(HttpRequest&& request) {
    struct InHandler {
      explicit InHandler(std::atomic<std::uint64_t>& count_) : count(count_) { ++count; }
      InHandler(const InHandler&) = delete;
      InHandler& operator=(const InHandler&) = delete;
      ~InHandler() { --count; }
      std::atomic<std::uint64_t>& count;
    };
    ++counters_.requests;
    const InHandler in_handler(counters_.in_handler);
    return handler_(std::move(request));
  }

  const HttpOptions options_;
  const HttpHandler handler_;
  const HttpHandler counted_handler_ = [this](HttpRequest&& request) {
    return call_handler(std::move(request));
  };
  Counters counters_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  // In this order: the workers give back to the loop, so they go first.
  std::unique_ptr<Loop> loop_;
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
  auto server = std::make_unique<Server>(std::move(options), std::move(handler));
  auto opened = server->open();
  if (!opened) return fail(std::move(opened).error());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace hookspool::net
