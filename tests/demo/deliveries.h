// What a sender posts: files of webhooks as deliveries, each with an id of its own, signed as GitHub signs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hookspool::demo {

struct Delivery {
  std::string id;     // X-GitHub-Delivery, a uuid
  std::string event;  // X-GitHub-Event: the name of the file's folder
  std::string body;   // the file's bytes
};

// Every <event>/<anything>.json below `folder`, each once, in the order of their paths; over again with new
// ids until there are at least `count_min`. Empty if there is no such file.
std::vector<Delivery> read_deliveries(const std::filesystem::path& folder, std::size_t count_min);

// The whole HTTP request of a delivery.
std::string request_of(const Delivery& delivery, const std::string& path, const std::string& secret);

}  // namespace hookspool::demo
