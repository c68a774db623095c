// Puts the bytes of one connection together to whole requests, one at a time. Knows no socket and no clock.
//
// A head that comes in one piece is read where it lies; only an unfinished one, and pipelined bytes, are kept in
// the buffer, until the request before them is answered. The owner stops reading meanwhile, so a connection
// holds at most one head, one body and one read of surplus, and an idle one holds no buffer at all. Not
// thread-safe, but for BodyBudget and the release of a BodyShare.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/http/chunked.h"
#include "net/http/refusal.h"
#include "net/http/request_head.h"

namespace hookspool::net {

// The bytes that clients make us keep, of all connections: heads as they lie in memory, the capacity of bodies, unfinished
// heads, pipelined surplus, answers that are not taken, what OpenSSL holds. What was announced does not count: a client that
// announces a large body and sends nothing takes no room from the others.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  // What to do when there is no room: true if another connection was evicted, so that it is worth another try. Called by
  // those who take, so those must be one thread; from any other only release() and used() may be called.
  void set_relief(std::function<bool()> relieve) { relieve_ = std::move(relieve); }
  bool has_room_for(std::size_t bytes);
  bool has_room_now(std::size_t bytes) const { return used_ + bytes <= bytes_max_; }  // without relief
  bool try_take(std::size_t bytes);
  void release(std::size_t bytes) { used_ -= bytes; }
  std::size_t used() const { return used_; }

 private:
  bool relieve() const { return relieve_ && relieve_(); }

  const std::size_t bytes_max_;
  std::function<bool()> relieve_;
  std::atomic<std::size_t> used_{0};
};

// One body's or buffer's part of the budget; gives it back when it goes. The budget must outlive it.
class BodyShare {
 public:
  BodyShare() = default;
  explicit BodyShare(BodyBudget* budget) : budget_(budget) {}
  BodyShare(BodyShare&& other) noexcept;
  BodyShare& operator=(BodyShare&& other) noexcept;
  ~BodyShare() { release(); }
  bool grow(std::size_t bytes);
  bool resize(std::size_t bytes);  // false: no room to grow, and nothing has changed
  void release();
  std::size_t bytes() const { return bytes_; }

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
  RequestReader(const HeadLimits& limits, BodyBudget& budget)
      : limits_(limits), budget_(budget), buffer_share_(&budget) {}

  // Takes what was read. Line ends before a request line are skipped, and leave the phase at kIdle. After a refusal the reader is of no further use.
  // REQUIRES: phase() is not kComplete
  std::optional<Refusal> take(std::string_view bytes);
  // Goes on with what take() left over: after an answer, before the next read.
  std::optional<Refusal> advance();

  Phase phase() const { return phase_; }
  // Of the request that is coming in, or was taken last: what the answer of a refusal must know.
  RefusedMethod method() const { return method_; }
  std::size_t held_bytes() const { return share_.bytes() + buffer_share_.bytes(); }  // of the budget
  // True once, when the client waits for "100 Continue".
  bool take_continue_due();
  // REQUIRES: phase() is kComplete
  WholeRequest take_request();
  // Drops all that is buffered.
  void discard();

 private:
  std::optional<Refusal> skip_line_ends(std::string_view& bytes);
  std::optional<Refusal> advance_head(std::string_view bytes);
  std::optional<Refusal> begin_body(std::string_view rest);
  std::optional<Refusal> take_body(std::string_view& bytes);
  std::optional<Refusal> take_chunks(std::string_view& bytes);
  std::optional<Refusal> append(std::string_view data, std::size_t body_bytes_most);
  std::optional<Refusal> keep(std::string_view bytes);

  const HeadLimits& limits_;
  BodyBudget& budget_;
  Phase phase_ = Phase::kIdle;
  RefusedMethod method_ = RefusedMethod::kNothingCame;
  bool continue_due_ = false;
  bool surplus_lost_ = false;  // pipelined bytes found no room: the request they begin is refused in its turn
  std::string buffer_;
  BodyShare buffer_share_;
  std::size_t scanned_ = 0;
  std::size_t line_end_bytes_ = 0;  // before the request line
  RequestHead head_;
  std::size_t head_memory_ = 0;  // of head_, in share_
  std::optional<ChunkedBody> chunks_;
  BodyShare share_;
};

}  // namespace hookspool::net
