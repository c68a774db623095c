// The parts of a multipart/form-data body (RFC 7578, RFC 2046 section 5.1), read strictly: what two readers could take apart in two
// ways is refused. One pass; memory beyond the body: what the fields hold, not the files. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/form/form_parts.h"

namespace hookspool::net {

inline constexpr std::size_t kBoundaryBytesMax = 70;         // RFC 2046 section 5.1.1
inline constexpr std::size_t kPartHeadBytesMax = 8u * 1024;  // of the header lines of one part

// The boundary that a content type names; empty: none, or one that RFC 2046 does not allow.
std::string multipart_boundary(std::string_view content_type);

// Appends the parts. Answers why they cannot be read: malformed, encoding (of a field: a charset other than UTF-8, or a transfer
// encoding), too_many; empty: all were read.
// REQUIRES: `boundary` comes from multipart_boundary().
std::string_view split_multipart(const std::string& boundary, std::string_view body,
                                 std::vector<FormPart>& parts);

}  // namespace hookspool::net
