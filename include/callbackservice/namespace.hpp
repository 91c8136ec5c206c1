// The namespace of the C++ binding. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_NAMESPACE_HPP
#define CALLBACKSERVICE_NAMESPACE_HPP

#if __cplusplus < 201703L
#error "callbackservice.hpp needs C++17 or later"
#endif

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif

// Result differs with and without std::expected, so the two have different symbols: object files
// of both kinds can be linked together. Exceptions and handlers cross shared objects, which needs
// symbols that they share even where they are built with hidden visibility.
#if defined(__cpp_lib_expected)
#define CALLBACKSERVICE_VARIANT with_std_expected
#else
#define CALLBACKSERVICE_VARIANT with_own_expected
#endif
#define CALLBACKSERVICE_BEGIN   \
    namespace callbackservice { \
    inline namespace CALLBACKSERVICE_VARIANT __attribute__((visibility("default"))) {
#define CALLBACKSERVICE_END \
    }                       \
    }

#endif  // CALLBACKSERVICE_NAMESPACE_HPP
