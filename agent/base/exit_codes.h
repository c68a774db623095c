// Exit codes of sysexits.h, by name; the unit file and scripts rely on them. Plain values.
#pragma once

#include <sysexits.h>

namespace hookspool::agent {

inline constexpr int kExitOk = EX_OK;
inline constexpr int kExitUsage = EX_USAGE;      // 64: the command line
inline constexpr int kExitData = EX_DATAERR;     // 65: refused as sent; or a journal of a newer hookspool
inline constexpr int kExitNoInput = EX_NOINPUT;  // 66: a file that is named cannot be read
inline constexpr int kExitUnavailable =
    EX_UNAVAILABLE;                                  // 69: no process answers there, or the address is taken
inline constexpr int kExitSoftware = EX_SOFTWARE;    // 70: our own fault
inline constexpr int kExitIo = EX_IOERR;             // 74: the journal's disk, or a command's output
inline constexpr int kExitTempFail = EX_TEMPFAIL;    // 75: try again later
inline constexpr int kExitNoPermission = EX_NOPERM;  // 77
inline constexpr int kExitConfig = EX_CONFIG;        // 78: the configuration

}  // namespace hookspool::agent
