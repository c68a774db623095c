// Puts the bytes of one connection together to whole requests, one at a time. Knows no socket and no clock.
//
// Pipelined bytes stay in the buffer until the request before them is answered; the owner stops reading
// meanwhile, so a connection holds at most one head, one body and one read of surplus. An idle reader holds
// next to nothing. Not thread-safe, but for BodyBudget and the release of a BodyShare.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/http/refusal.h"
#include "net/http/request_head.h"

namespace hookspool::net {

// The bytes of request bodies in memory, of all connections. Only bytes that really came count: a client that
// announces a large body and sends nothing takes no room from the others.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  bool has_room_for(std::size_t bytes) const { return used_ + bytes <= bytes_max_; }
  bool try_take(std::size_t bytes);
  void release(std::size_t bytes) { used_ -= bytes; }
  std::size_t used() const { return used_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> used_{0};
};

// One body's part of the budget; gives it back when it goes. The budget must outlive it.
class BodyShare {
 public:
  BodyShare() = default;
  explicit BodyShare(BodyBudget* budget) : budget_(budget) {}
  BodyShare(BodyShare&& other) noexcept;
  BodyShare& operator=(BodyShare&& other) noexcept;
  ~BodyShare() { release(); }
  bool grow(std::size_t bytes);
  void release();

 private:
  BodyBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

struct WholeRequest {
  RequestHead head;  // with the body; without remote_addr
  BodyShare share;
};

class RequestReader {
 public:
  enum class Phase { kIdle, kHead, kBody, kComplete };

  // Both must outlive the reader.
  RequestReader(const HeadLimits& limits, BodyBudget& budget) : limits_(limits), budget_(budget) {}

  // Takes what was read. After a refusal the reader is of no further use.
  // REQUIRES: phase() is not kComplete
  std::optional<Refusal> take(std::string_view bytes);
  // Goes on with what take() left over: after an answer, before the next read.
  std::optional<Refusal> advance();

  Phase phase() const { return phase_; }
  // True once, when the client waits for "100 Continue".
  bool take_continue_due();
  // REQUIRES: phase() is kComplete
  WholeRequest take_request();
  // Drops all that is buffered.
  void discard();

 private:
  std::optional<Refusal> advance_head();
  std::optional<Refusal> take_body(std::string_view bytes);

  const HeadLimits& limits_;
  BodyBudget& budget_;
  Phase phase_ = Phase::kIdle;
  bool continue_due_ = false;
  std::string buffer_;
  std::size_t scanned_ = 0;
  RequestHead head_;
  BodyShare share_;
};

}  // namespace hookspool::net
