# Every flag has its reason beside it.
add_library(way_flags INTERFACE)
target_compile_options(way_flags INTERFACE
  -Wall -Wextra -Wpedantic
  -Wshadow               # a hidden variable is a misread variable
  -Wconversion           # lengths and revisions must not be cut silently
  -Wsign-conversion
  -Wstrict-prototypes    # f() is not f(void)
  -Wmissing-prototypes   # what is not in a header is static
  -Wundef                # a misspelt macro is not 0
  -Wformat=2             # format strings are literals
  -Wvla                  # stack use is known
  -Wcast-qual            # const stays const
  -Wwrite-strings
  -Wnull-dereference
  -Wswitch-enum          # a new status must be thought of everywhere
)
# __FILE__ is server/..., wherever the checkout lies.
target_compile_options(way_flags INTERFACE -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

# POSIX.1-2008 for sockets and clocks; accept4, pipe2 and the like need the default source set.
target_compile_definitions(way_flags INTERFACE _DEFAULT_SOURCE _GNU_SOURCE)

if(WAY_WERROR)
  target_compile_options(way_flags INTERFACE -Werror)
endif()

if(WAY_SANITIZE)
  target_compile_options(way_flags INTERFACE
    -fsanitize=${WAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    -Wno-null-dereference) # gcc guesses wrongly in instrumented code; the other builds keep it
  target_link_options(way_flags INTERFACE -fsanitize=${WAY_SANITIZE})
endif()

if(WAY_FUZZ)
  target_compile_options(way_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
