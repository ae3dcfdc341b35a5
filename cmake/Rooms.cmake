# way_room(NAME FOLDER LINKS ...): one static library for one folder of sources.
function(way_room name folder)
  cmake_parse_arguments(ROOM "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  add_library(way_${name} STATIC ${sources})
  target_include_directories(way_${name} PUBLIC ${CMAKE_SOURCE_DIR}/server ${CMAKE_SOURCE_DIR})
  target_link_libraries(way_${name} PUBLIC way_flags ${ROOM_LINKS})
endfunction()
