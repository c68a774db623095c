#include "net/http/request_reader.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hookspool::net {
namespace {

constexpr Refusal kBadHead{400, "a control character or a line end that is not CR LF"};
constexpr Refusal kLongTarget{414, "the request line is too long"};
constexpr Refusal kLongHead{431, "the head of the request is too large"};
constexpr Refusal kNoRoom{503, "too many bytes of request bodies in flight"};

// A buffer of this size is kept between two requests, a larger one is given back.
constexpr std::size_t kKeptBufferBytes = 2048;
// A body's memory grows with what really comes, not with what was announced.
constexpr std::size_t kBodyReserveBytesMin = 64 * 1024;

}  // namespace

bool BodyBudget::try_take(std::size_t bytes) {
  if (used_.fetch_add(bytes) + bytes <= bytes_max_) return true;
  used_ -= bytes;
  return false;
}

BodyShare::BodyShare(BodyShare&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

BodyShare& BodyShare::operator=(BodyShare&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool BodyShare::grow(std::size_t bytes) {
  if (!budget_->try_take(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void BodyShare::release() {
  if (budget_ != nullptr) budget_->release(std::exchange(bytes_, 0));
}

std::optional<Refusal> RequestReader::take(std::string_view bytes) {
  assert(phase_ != Phase::kComplete);
  if (phase_ != Phase::kBody) {
    buffer_.append(bytes);
    return advance();
  }
  const std::size_t missing = head_.content_length - head_.request.body.size();
  if (auto refusal = take_body(bytes.substr(0, missing))) return refusal;
  if (bytes.size() > missing) buffer_.append(bytes.substr(missing));
  return std::nullopt;
}

std::optional<Refusal> RequestReader::advance() {
  if (phase_ == Phase::kBody || phase_ == Phase::kComplete) return std::nullopt;
  if (buffer_.empty()) {
    phase_ = Phase::kIdle;
    if (buffer_.capacity() > kKeptBufferBytes) buffer_ = std::string();
    return std::nullopt;
  }
  phase_ = Phase::kHead;
  return advance_head();
}

std::optional<Refusal> RequestReader::advance_head() {
  const HeadScan scan = find_head_end(buffer_, scanned_);
  if (scan == HeadScan::kBad) return kBadHead;
  if (scanned_ > limits_.head_bytes_max || (scan == HeadScan::kMore && scanned_ == limits_.head_bytes_max))
    return buffer_.find('\n') < limits_.head_bytes_max ? kLongHead : kLongTarget;
  if (scan == HeadScan::kMore) return std::nullopt;

  auto head = parse_request_head(std::string_view(buffer_).substr(0, scanned_), limits_);
  if (!head) return head.error();
  head_ = std::move(head).value();
  if (!budget_.has_room_for(head_.content_length)) return kNoRoom;
  share_ = BodyShare(&budget_);
  phase_ = Phase::kBody;
  const std::size_t taken = std::min(head_.content_length, buffer_.size() - scanned_);
  if (auto refusal = take_body(std::string_view(buffer_).substr(scanned_, taken))) return refusal;
  buffer_.erase(0, scanned_ + taken);
  scanned_ = 0;
  continue_due_ = head_.expects_continue && phase_ == Phase::kBody;
  return std::nullopt;
}

std::optional<Refusal> RequestReader::take_body(std::string_view bytes) {
  if (!share_.grow(bytes.size())) return kNoRoom;
  std::string& body = head_.request.body;
  if (body.capacity() - body.size() < bytes.size())
    body.reserve(
        std::min(head_.content_length, std::max(kBodyReserveBytesMin, 2 * (body.size() + bytes.size()))));
  body.append(bytes);
  if (body.size() == head_.content_length) phase_ = Phase::kComplete;
  return std::nullopt;
}

bool RequestReader::take_continue_due() {
  return std::exchange(continue_due_, false);
}

WholeRequest RequestReader::take_request() {
  assert(phase_ == Phase::kComplete);
  phase_ = Phase::kIdle;
  continue_due_ = false;
  return {std::exchange(head_, RequestHead()), std::move(share_)};
}

void RequestReader::discard() {
  buffer_ = std::string();
  scanned_ = 0;
  head_ = RequestHead();
  share_.release();
  phase_ = Phase::kIdle;
  continue_due_ = false;
}

}  // namespace hookspool::net
