#include "tests/bench/wrk.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "net/verify/digest.h"
#include "storage/base/hex.h"

namespace hookspool::bench {
namespace {

constexpr std::chrono::seconds kEndLimit{30};
constexpr std::size_t kPayloadBytesMax = 512 * 1024;  // well below what the agent takes

// Printed last. The percentiles are in microseconds.
constexpr const char* kDone = R"(
function done(summary, latency)
  local e = summary.errors
  print(string.format("FIGURES %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
)";

// A delivery id that no other request has: the agent remembers those, and that is part of the work.
constexpr const char* kRequestEach = R"(
local contents = {}
for i, file in ipairs(files) do
  local handle = assert(io.open(file[2], "rb"))
  contents[i] = { file[1], handle:read("*a"), file[3] }
  handle:close()
end
local run, sent = os.time() % 65536, 0
function request()
  local content = contents[sent % #contents + 1]
  sent = sent + 1
  return table.concat({ "POST /hooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-GitHub-Event: ",
    content[1], content[3], "\r\nX-GitHub-Delivery: ", string.format("%08x-%04x-4000-8000-%012x", seed, run, sent),
    "\r\nContent-Length: ", #content[2], "\r\n\r\n", content[2] })
end
)";

std::vector<std::filesystem::path> payload_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code absent;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, absent)) {
    if (entry.is_regular_file() && entry.path().extension() == ".json" && entry.file_size() > 0 &&
        entry.file_size() <= kPayloadBytesMax)
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_file(const std::filesystem::path& file) {
  std::ostringstream copy;
  copy << std::ifstream(file, std::ios::binary).rdbuf();
  return copy.str();
}

// The line of its header, as a piece of Lua's text; empty without a secret.
std::string signature_line(const std::string& secret, const std::filesystem::path& file) {
  if (secret.empty()) return "";
  const std::string body = read_file(file);
  const std::array<std::string_view, 1> pieces{body};
  const auto mac = net::hmac(net::Algorithm::kSha256, secret, pieces);
  std::string line = "\\r\\nX-Hub-Signature-256: sha256=";
  for (const char byte : mac.value()) append_hex(line, static_cast<std::uint8_t>(byte));
  return line;
}

std::string script(const LoadOptions& options, const LoadSender& sender) {
  static unsigned runs = 0;
  std::ostringstream lua;
  if (options.payloads.empty()) {
    lua << "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [==["
        << json_body(kBodyBytes) << "]==]\n";
  } else {
    lua << "local seed = " << ++runs << "\nlocal files = {\n";
    for (const auto& file : payload_files(options.payloads))
      lua << "  { [==[" << file.parent_path().filename().string() << "]==], [==[" << file.string()
          << "]==], \"" << signature_line(sender.secret, file) << "\" },\n";
    lua << "}\n" << kRequestEach;
  }
  if (options.pause_ms > 0) {
    const double whole = std::floor(options.pause_ms);
    lua << "function delay() return math.random() < " << options.pause_ms - whole << " and " << whole + 1
        << " or " << whole << " end\n";
  }
  lua << kDone;
  return lua.str();
}

}  // namespace

std::string json_body(std::size_t bytes) {
  std::string body = R"({"type": "message", "id": "evt_1", "data": ")";
  body.append(bytes - body.size() - 2, 'x');
  return body + R"("})";
}

PayloadSet look_at_payloads(const std::filesystem::path& folder) {
  PayloadSet set;
  if (folder.empty()) return set;
  for (const auto& file : payload_files(folder)) {
    set.count += 1;
    set.mean_bytes += std::filesystem::file_size(file);
  }
  if (set.count > 0) set.mean_bytes /= set.count;
  return set;
}

LoadRun::LoadRun(const LoadOptions& options, const LoadSender& sender) : time_(options.time) {
  std::ofstream(folder_ / "load.lua") << script(options, sender);
  const std::string url = std::string(sender.tls ? "https" : "http") +
                          "://127.0.0.1:" + std::to_string(options.port) + "/hooks/bench";
  process_ = std::make_unique<testing::Process>(testing::ProcessOptions{
      .argv = {"wrk", "-t1", "-c" + std::to_string(options.connections),
               "-d" + std::to_string(time_.count()) + "s", "-s", (folder_ / "load.lua").string(), url},
      .output = folder_ / "output"});
}

LoadFigures LoadRun::finish() {
  const auto status = process_->wait(time_ + kEndLimit);
  const std::string output = read_file(folder_ / "output");
  const std::size_t at = output.find("FIGURES ");
  unsigned long long requests = 0, duration_us = 0, p50_us = 0, p99_us = 0, errors = 0;
  if (status != testing::ExitStatus{0, 0} || at == std::string::npos ||
      std::sscanf(output.c_str() + at, "FIGURES %llu %llu %llu %llu %llu", &requests, &duration_us, &p50_us,
                  &p99_us, &errors) != 5 ||
      requests == 0 || duration_us == 0) {
    throw std::runtime_error("wrk did not measure anything: " + output);
  }
  return {static_cast<double>(requests) * 1e6 / static_cast<double>(duration_us), static_cast<double>(p50_us),
          static_cast<double>(p99_us), errors};
}

}  // namespace hookspool::bench
