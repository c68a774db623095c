// With which code a command or the agent ends when the journal cannot be opened (exit_codes.h). Pure function.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include "agent/base/exit_codes.h"
#include "storage/model/journal_error.h"

namespace hookspool::agent {

inline int exit_code_of(const storage::JournalError& error) {
  switch (error.kind) {
    case storage::JournalError::Kind::kTooNew:
      return kExitData;
    case storage::JournalError::Kind::kLocked:
      return kExitUnavailable;
    case storage::JournalError::Kind::kNotFound:
      return kExitNoInput;
    default:
      break;
  }
  // The storage keeps errno as its words only.
  for (const int denied : {EACCES, EPERM}) {
    if (error.text.find(std::generic_category().message(denied)) != std::string::npos)
      return kExitNoPermission;
  }
  return kExitIo;
}

}  // namespace hookspool::agent
