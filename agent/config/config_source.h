// What a source's senders get: repeats, rate and answer. Internal to the configuration. Not thread-safe.
#pragma once

#include "agent/config/config.h"

namespace hookspool::agent {

class TableReader;
class FaultList;

// dedupe, max_rate, max_burst, response
void read_answers(TableReader& reader, SourceConfig& source, FaultList& faults);

}  // namespace hookspool::agent
