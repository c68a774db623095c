// A TCP proxy on 127.0.0.1 that breaks the line on command, to the byte. One thread serves all its
// connections. Thread-safe. A command has taken effect when it returns. Throws std::runtime_error when it
// cannot listen.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace hookspool::testing {

enum class Direction { kToServer, kToClient };
enum class Cut { kReset, kFin };

struct CutProxyCounts {
  std::uint64_t connections = 0;      // accepted since the start
  std::uint64_t open = 0;             // now
  std::uint64_t bytes_to_server = 0;  // read from clients, dropped ones included
  std::uint64_t bytes_to_client = 0;
  std::uint64_t cuts = 0;  // connections that a cut has ended
};

class CutProxy {
 public:
  explicit CutProxy(int target_port);  // of 127.0.0.1
  ~CutProxy();
  CutProxy(const CutProxy&) = delete;
  CutProxy& operator=(const CutProxy&) = delete;

  int port() const;

  // Ends one connection, both sides: the one that carries the byte after the next `bytes` of that direction
  // (of all connections together). Exactly `bytes` are passed on. Once; later connections pass.
  void cut_after(Direction direction, std::uint64_t bytes, Cut how = Cut::kReset);
  // Ends every connection there is now.
  void cut_all(Cut how = Cut::kReset);
  // Passes the next `bytes` of that direction, then takes everything and delivers nothing, until reset().
  void swallow_after(Direction direction, std::uint64_t bytes = 0);
  // Stops reading that direction, so that the sender's buffers fill, until reset().
  void stall(Direction direction);
  // No process listens: connections are refused, until accept_again() or reset(). Existing ones go on.
  void refuse();
  void accept_again();
  // Every chunk is passed on this much later.
  void delay(std::chrono::milliseconds by);
  // Passes everything again. Connections that have lost bytes are cut.
  void reset();

  CutProxyCounts counts() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace hookspool::testing
