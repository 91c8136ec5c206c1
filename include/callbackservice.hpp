// libcallbackservice for C++17 and later, over callbackservice.h. docs/cpp.md describes it.
//
// Texts are JSON in UTF-8. Commands return a Result<Outcome>, which is std::expected where the
// compiler has it; the functions whose names end in _or_throw return the Outcome, or throw Error.
//
// A handler may throw. The function that runs the handler rethrows the exception when all handlers
// have run; of several exceptions it rethrows the first, and the others go to the handler of
// on_error(). Where no function of this header runs the handler (with Handlers::thread, and in the
// destructor of Service) the exception goes to the handler of on_error(); without one, the program
// terminates as it does for an exception that leaves a thread.
//
// Programs that use this header are linked with -pthread.
#ifndef CALLBACKSERVICE_HPP
#define CALLBACKSERVICE_HPP

#include <callbackservice/library.hpp>
#include <callbackservice/service.hpp>

#endif  // CALLBACKSERVICE_HPP
