// A request out of a file, as a sender's log or a packet capture has it: request line, header lines, an empty line, body.
// Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "net/http/server.h"
#include "storage/model/result.h"

namespace hookspool::agent {

// Lines end with LF or CRLF; the request line may be missing (then it is a POST without a query). The error says what
// line is wrong.
Result<net::HttpRequest, std::string> parse_raw_request(std::string_view text);

// "Name: value", its name in lower case; the error says what to write.
Result<std::pair<std::string, std::string>, std::string> parse_header_line(std::string_view line);

}  // namespace hookspool::agent
