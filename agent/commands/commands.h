// The small commands, one function each. Each prints its data to standard output, its troubles to standard error,
// and returns an exit code (exit_codes.h). Not thread-safe: one a process.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"

namespace hookspool::agent {

int print_version(bool json);

// Of a configuration that is refused: 78; 66 where there is no file to read, 77 where this user may not read it.
int exit_code_of(const ConfigFaults& faults);

// The configuration has no fault: says what it amounts to.
int report_config(const Config& config, const std::string& file);

// Looks at the connection, the schema and each source's table; 0, 78 for what an administrator must change, 69 without an
// answer. `sql`: prints what an administrator would run instead.
struct DoctorCommand {
  bool sql = false;
  int run(const Config& config, bool json) const;
};

// Sends a test alert to each destination of [alerts], and says what came back. 0; 69 where one did not take it; 78 where
// none is configured.
struct AlertTestCommand {
  int run(const Config& config, bool json) const;
};

// What each consumer of the events table still has before it. 0; 69 without an answer; 78 where the schema is not there.
struct ConsumersCommand {
  int run(const Config& config, bool json) const;
};

// Rows of the events table as JSON Lines. 0; 64 for a time that is none; 69 without an answer, or one that ends early; 74 if the
// output is not taken; 78 where the schema is not there or may not be read.
struct ExportCommand {
  std::vector<std::string> sources;  // empty: all
  std::string since, until;          // empty: no limit
  int run(const Config& config) const;
};

// Takes the events whose bytes are whole out of damaged segments, or of any file, and puts them back into the journal
// of a stopped agent. 0; 65 if some could not be had; 66 for a file that cannot be read; 69 if an agent has the journal;
// 77 if it is another user's.
struct SalvageCommand {
  std::vector<std::string> files;  // empty: what was set aside in the journal's folder
  std::vector<std::string> epochs, lanes;
  bool dry_run = false;
  int run(const Config& config, bool json) const;
};

// Makes the running agent read its configuration again, and says what came of it. 0; 78: refused; 69: no agent answers.
struct ReloadCommand {
  std::string socket;  // empty: the configuration's
  int run(const std::string& config_file, bool json) const;
};

struct StatusCommand {
  std::string address;  // empty: the configuration's admin listener
  int run(const Config& config, bool json) const;
  // Again and again until a signal ends it: one screen on a terminal, else one after the other.
  int watch(const Config& config, unsigned every_seconds) const;
};

struct SendCommand {
  std::string address;  // empty: the configuration's intake
  std::string source;   // empty: the configuration's first, else "test"
  std::string delivery_id;
  std::vector<std::string> headers;
  std::string file;  // "-": standard input
  int run(const Config& config) const;
};

// Does this request carry a signature that fits, and if not, which part is wrong? Shows no secret, and of what would
// have fitted the first characters only. 0: it fits, 65: it does not.
struct VerifySignatureCommand {
  std::string source;                     // of the configuration, or:
  std::string scheme;                     // a name of net/verify/providers.h, with
  std::vector<std::string> secret_files;  // and, where it signs the URL,
  std::string public_url;
  std::string request_file;  // head and body as they were sent, and/or:
  std::vector<std::string> headers;
  std::string method, query;
  std::string at;         // when it came; empty: now
  std::string body_file;  // "-": standard input
  int run(const Config& config, bool json) const;
};

}  // namespace hookspool::agent
