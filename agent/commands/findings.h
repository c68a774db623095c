// What a look at something has found: "ok", "warning" or "fault" with what to do, in their order. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/base/exit_codes.h"

namespace hookspool::agent {

class Findings {
 public:
  void ok(const std::string& what, const std::string& text) { add(what, "ok", text, ""); }
  void warning(const std::string& what, const std::string& text, const std::string& hint) {
    add(what, "warning", text, hint);
  }
  // That PostgreSQL is away (kExitUnavailable) explains the rest, so it is the code of all.
  void fault(const std::string& what, const std::string& text, const std::string& hint,
             int code = kExitConfig) {
    add(what, "fault", text, hint);
    if (code_ != kExitUnavailable) code_ = code;
  }
  int code() const { return code_; }
  // To standard output: lines, or {"ok": true, "findings": [{"what", "state", "text", "hint"}]}.
  void show(bool json) const;

 private:
  struct Finding {
    std::string what, state, text, hint;
  };
  void add(const std::string& what, const char* state, const std::string& text, const std::string& hint) {
    findings_.push_back({what, state, text, hint});
  }

  std::vector<Finding> findings_;
  int code_ = kExitOk;
};

}  // namespace hookspool::agent
