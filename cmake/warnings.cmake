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
  # Sanitizer instrumentation makes gcc's flow-based null warning fire on code it inserted itself.
  add_compile_options(-Wno-null-dereference)
endif()
