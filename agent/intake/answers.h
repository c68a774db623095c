// Answers that the agent gives in its own words. Pure functions, thread-safe.
#pragma once

#include <string>

#include "net/http/server.h"
#include "storage/journal/journal_admin.h"

namespace hookspool::agent {

net::HttpAnswer text_answer(int status, std::string text);
// A one-line JSON answer: {"error":"..."}.
net::HttpAnswer error_answer(int status, const std::string& what);
// An answer to a request that the log mentions names it: X-Request-Id. The id: 16 hexadecimal digits at random.
std::string new_request_id();
void name_request(net::HttpAnswer& answer, const std::string& id);
// /livez depends on nothing; /readyz is 200 as long as an event can be accepted and committed.
net::HttpAnswer livez_answer();
net::HttpAnswer readyz_answer(const storage::JournalAdmin& journal, bool stopping);

}  // namespace hookspool::agent
