# What makes a mistake in the program harder to use. tests/lint/hardening.py reads in the built program
# that it took effect. All of it together costs a lookup over HTTP less than 1 % of its instructions.
#
# Not here: -ftrivial-auto-var-init=zero, which costs another 0.8 % of them (600 of 70,500), for it
# clears buffers that are then written. Values that are never set are looked for instead, by the
# compiler's warnings, gcc's analyzer and clang-tidy. -fno-strict-overflow: the undefined-behaviour
# sanitizer ends the tests where an integer overflows.
if(NOT WAY_HARDEN)
  return()
endif()
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

# Level 3 also knows sizes that are computed at run time. An older compiler or libc says that it takes
# it for 2, in a warning that would end the build.
set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
check_c_source_compiles("#include <string.h>\nint main(void) { return 0; }\n" way_has_fortify_3)
unset(CMAKE_REQUIRED_FLAGS)

target_compile_options(way_flags INTERFACE
  -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${way_has_fortify_3}>,3,2> # bounds in libc's own calls
  -fstack-protector-strong   # canaries
  -fstack-clash-protection   # large frames touch every page
  -fPIE)                     # no address is known beforehand
target_link_options(way_flags INTERFACE
  -pie
  -Wl,-z,relro,-z,now        # what the loader has filled in cannot be changed afterwards
  -Wl,-z,noexecstack)

# Calls and jumps by pointer land where they should, and returns go back to where they came from: CET on
# x86, BTI and PAC on arm64.
foreach(flag -fcf-protection=full -mbranch-protection=standard)
  string(MAKE_C_IDENTIFIER "way_has${flag}" known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(way_flags INTERFACE ${flag})
  endif()
endforeach()

# Debian's start files carry no mark for CET, and one object without it takes the mark from the whole
# program. They do nothing to their return addresses, so for the shadow stack we say it ourselves. For
# jumps (IBT) it would not be true: the loader calls their _init by pointer, and no ENDBR stands there.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  target_link_options(way_flags INTERFACE -Wl,-z,shstk)
endif()
