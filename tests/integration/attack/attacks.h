// The attacks that are plain bytes: what is sent, and the status that must come back. Data only.
#pragma once

#include <string>
#include <vector>

namespace hookspool::testing {

struct Attack {
  std::string name;    // of the fault catalogue (A1 ...) or of a published fault of cpp-httplib (CVE-...)
  std::string bytes;   // of the attack
  int status;          // 200: taken, a row; else refused, the connection closed, no row
  std::string then{};  // sent after the refusal was seen, as a proxy's next request would come
};

// Every one of them must be refused.
std::vector<Attack> malformed_attacks();  // A8
std::vector<Attack> smuggling_attacks();  // A9
std::vector<Attack> limit_attacks();      // A5 A6 A7 A10 A20
std::vector<Attack> published_attacks();  // CVE rows
// Odd, legal, and to be stored byte by byte: A12 A19, and CVE rows where the answer is to take no notice.
std::vector<Attack> odd_requests();

}  // namespace hookspool::testing
