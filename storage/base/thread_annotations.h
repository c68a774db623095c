// Which mutex guards which member, as attributes that clang checks (-Wthread-safety). Empty under other compilers.
// They work with the types of storage/base/mutex.h; libstdc++'s own mutex carries none. Pure: no code.
//
//   Mutex mutex_;
//   int waiting_ GUARDED_BY(mutex_) = 0;   // a read or write without mutex_ does not compile
//   void drain() REQUIRES(mutex_);         // nor does a call without it
//   void stop() EXCLUDES(mutex_);          // nor does a call with it: stop() takes it itself
#pragma once

#if defined(__clang__)
#define HOOKSPOOL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define HOOKSPOOL_THREAD_ATTRIBUTE(x)
#endif

// Of data: read and written only with the mutex held; of a pointer, what it points to.
#define GUARDED_BY(mutex) HOOKSPOOL_THREAD_ATTRIBUTE(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) HOOKSPOOL_THREAD_ATTRIBUTE(pt_guarded_by(mutex))

// Of functions (and of lambdas, after their parameters): called with the mutex held, or never with it held.
#define REQUIRES(...) HOOKSPOOL_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) HOOKSPOOL_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...) HOOKSPOOL_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

// Of functions that take or release a mutex; without an argument it is the object itself.
#define ACQUIRE(...) HOOKSPOOL_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) HOOKSPOOL_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) HOOKSPOOL_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) HOOKSPOOL_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) HOOKSPOOL_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) HOOKSPOOL_THREAD_ATTRIBUTE(release_generic_capability(__VA_ARGS__))

// Of a function that returns the mutex that guards something, and of one after which the compiler takes it as held.
#define RETURN_CAPABILITY(mutex) HOOKSPOOL_THREAD_ATTRIBUTE(lock_returned(mutex))
#define ASSERT_CAPABILITY(mutex) HOOKSPOOL_THREAD_ATTRIBUTE(assert_capability(mutex))

// Of types: what can be held, and what holds it for as long as it lives.
#define CAPABILITY(name) HOOKSPOOL_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY HOOKSPOOL_THREAD_ATTRIBUTE(scoped_lockable)

// The last resort; the reason stands beside it.
#define NO_THREAD_SAFETY_ANALYSIS HOOKSPOOL_THREAD_ATTRIBUTE(no_thread_safety_analysis)
