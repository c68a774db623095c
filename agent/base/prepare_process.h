// What the running agent needs of its process, before the first thread is there.
//
// SIGTERM, SIGINT, SIGHUP and SIGUSR1 (early_stop.h) are blocked in every thread, so that only who waits for them gets
// them. A file size limit is an error of the write. There is no core dump, which would have the secrets in it, and no
// other process of the same user can look into this one; root can do both. Not thread-safe: called once, by main().
#pragma once

namespace hookspool::agent {

void prepare_process();

}  // namespace hookspool::agent
