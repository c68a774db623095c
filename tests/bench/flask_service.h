// The service this project comes from, in its usual form: Flask behind gunicorn (3 workers of 8 threads) with SQLAlchemy's
// pool, writing each webhook to PostgreSQL before it answers (tests/bench/flask/app.py).
#pragma once

#include <memory>

#include "tests/bench/rig.h"

namespace hookspool::bench {

// Makes its table if it is not there. `postgres` must outlive it.
std::unique_ptr<Server> start_flask(const testing::PgCluster& postgres);

}  // namespace hookspool::bench
