#include "tests/demo/deliveries.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>
#include <sstream>

#include "storage/model/uuid.h"
#include "tests/integration/system/raw_client.h"

namespace hookspool::demo {
namespace {

std::string hmac_sha256(const std::string& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kDigits[mac[i] >> 4];
    hex += kDigits[mac[i] & 15];
  }
  return hex;
}

std::string new_id() {
  static std::random_device random;
  return random_uuid([](std::span<std::byte> bytes) {
           for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
         })
      .to_string();
}

}  // namespace

std::vector<Delivery> read_deliveries(const std::filesystem::path& folder, std::size_t count_min) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::recursive_directory_iterator(folder, absent)) {
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Delivery> deliveries;
  do {
    for (const fs::path& file : files) {
      std::ostringstream body;
      body << std::ifstream(file, std::ios::binary).rdbuf();
      deliveries.push_back(
          {.id = new_id(), .event = file.parent_path().filename().string(), .body = body.str()});
    }
  } while (!files.empty() && deliveries.size() < count_min);
  return deliveries;
}

std::string request_of(const Delivery& delivery, const std::string& path, const std::string& secret) {
  return testing::post_request(path,
                               "User-Agent: GitHub-Hookshot/044aadd\r\nContent-Type: application/json\r\n"
                               "X-GitHub-Event: " +
                                   delivery.event + "\r\nX-GitHub-Delivery: " + delivery.id +
                                   "\r\nX-GitHub-Hook-ID: 330021\r\nX-Hub-Signature-256: sha256=" +
                                   hmac_sha256(secret, delivery.body) + "\r\n",
                               delivery.body);
}

}  // namespace hookspool::demo
