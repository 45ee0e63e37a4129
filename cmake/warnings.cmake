# The warning list of the style guide, for our own code only. -Werror from the first commit.
add_library(otaria_warnings INTERFACE)
target_compile_options(otaria_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wundef -Wcast-qual -Wwrite-strings -Wformat=2 -Wswitch-enum -Wnull-dereference -Wdouble-promotion -Werror)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(otaria_warnings INTERFACE -Wdocumentation)
endif()
if(OTARIA_SANITIZE)
  add_compile_options(-fsanitize=${OTARIA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OTARIA_SANITIZE})
  # Instrumented code makes gcc 12 warn of what it inserted itself: null flows, and the sign of `narrow >> n & 1u`.
  # Through the same target, so that these stand behind the list above. Plain builds keep both warnings.
  target_compile_options(otaria_warnings INTERFACE -Wno-null-dereference -Wno-sign-conversion)
endif()
