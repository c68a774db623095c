// Requests that are known to be signed right, by sender. Unless marked "own", the values are published by the provider
// in its documentation or in the tests of its SDK.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "net/verify/providers.h"
#include "net/verify/verifier.h"

namespace hookspool::testing {

struct Vector {
  std::string name;  // of the vector; begins with the provider's
  std::string provider;
  std::string secret;
  net::HeaderFields headers;
  std::string body;
  std::int64_t now_s = 1'600'000'000;  // when the request is looked at; for signatures without a time, any
  std::string public_url{};
  std::string query{};
  std::string method = "POST";
};

std::ostream& operator<<(std::ostream& out, const Vector& vector);  // its name, for the test's report

const std::vector<Vector>& signed_vectors();

Vector vector_named(const std::string& name);

// The vector's request looked at by its provider's scheme.
net::Verdict verdict_of(const Vector& vector, const std::vector<std::string>& secrets,
                        net::Trace* trace = nullptr);
net::Verdict verdict_of(const Vector& vector);

}  // namespace hookspool::testing
