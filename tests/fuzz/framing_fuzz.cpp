// Requests out of a stream of bytes: where the stream is cut makes no difference, every body is within its limit, and no
// byte stays counted. The first two bytes of the input say how the second reading is cut.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/request_reader.h"
#include "tests/fuzz/target.h"

namespace hookspool::fuzz {
namespace {

constexpr net::HeadLimits kLimits{2048, 16, 256, 4096};
constexpr std::size_t kBudgetBytes = 1u << 20;

struct Reading {
  std::vector<std::string> requests;  // method, path and body of each
  int refused = 0;                    // the status; 0: none

  bool operator==(const Reading&) const = default;
};

void take_all(net::RequestReader& reader, Reading& reading) {
  while (reading.refused == 0 && reader.phase() == net::RequestReader::Phase::kComplete) {
    {
      const net::WholeRequest whole = reader.take_request();
      const net::HttpRequest& request = whole.head.request;
      if (whole.head.without_length) {
        // The connection ends with it: refused where bytes followed at once, else answered.
        require(request.body.empty(), "a POST without a length has no body");
        reading.refused = 411;
        return;
      }
      require(request.body.size() <= kLimits.body_bytes_max, "a body is within its limit");
      require(whole.head.chunked || request.body.size() == whole.head.content_length,
              "a body is as long as was announced");
      reading.requests.push_back(request.method + ' ' + request.path + '\n' + request.body);
    }
    if (const auto refusal = reader.advance()) reading.refused = refusal->status;
  }
}

Reading read(std::string_view bytes, std::size_t piece_bytes) {
  net::BodyBudget budget(kBudgetBytes);
  Reading reading;
  {
    net::RequestReader reader(kLimits, budget);
    while (!bytes.empty() && reading.refused == 0) {
      // As from a socket: a piece lies in a buffer that is gone afterwards.
      const std::string piece(bytes.substr(0, piece_bytes));
      bytes.remove_prefix(piece.size());
      if (const auto refusal = reader.take(piece)) reading.refused = refusal->status;
      take_all(reader, reading);
    }
  }
  require(budget.used() == 0, "no byte stays counted when a connection goes");
  return reading;
}

}  // namespace
}  // namespace hookspool::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hookspool;
  if (size < 2) return 0;
  const std::size_t piece_bytes = 1 + (data[0] | static_cast<std::size_t>(data[1] & 3) << 8);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const fuzz::Reading whole = fuzz::read(bytes, SIZE_MAX);
  fuzz::require(whole == fuzz::read(bytes, piece_bytes), "requests do not depend on where the stream is cut");
  return 0;
}
