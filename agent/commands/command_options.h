// The commands' names, options, help and examples, by kind. Each function adds its commands to the set, which must outlive
// none of them. Not thread-safe.
#pragma once

#include "agent/commands/command_set.h"

namespace hookspool::agent {

void add_config_commands(CommandSet& commands);  // check-config, reload, doctor, consumers, export
void add_event_commands(CommandSet& commands);   // status, events, tail, send, verify-signature
void add_admin_commands(CommandSet& commands);   // dead, quarantine, verify, replay, repair, retry, adopt
void add_other_commands(CommandSet& commands);   // salvage, completion, version

}  // namespace hookspool::agent
