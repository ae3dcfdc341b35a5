# Files that become part of the program: generated C in the build folder, nothing read at run time.

# One C array of bytes, NUL-ended, from one file.
function(way_hex_of file out)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
    "\\1\n" hex "${hex}")
  set(${out} "${hex}0x00" PARENT_SCOPE)
endfunction()

# way_embed_file(TARGET FILE SYMBOL): `const unsigned char SYMBOL[]` and `const size_t SYMBOL_len`,
# declared in "generated/SYMBOL.h".
function(way_embed_file target file symbol)
  set(source ${CMAKE_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  way_hex_of(${source} bytes)
  file(SIZE ${source} size)
  file(CONFIGURE OUTPUT generated/${symbol}.h CONTENT
"/* made from ${file} by cmake/Embed.cmake */
#include <stddef.h>
extern const unsigned char ${symbol}[];
extern const size_t ${symbol}_len;
")
  file(CONFIGURE OUTPUT generated/${symbol}.c CONTENT
"/* made from ${file} by cmake/Embed.cmake */
#include \"generated/${symbol}.h\"
const unsigned char ${symbol}[] = {
${bytes}};
const size_t ${symbol}_len = ${size};
")
  target_sources(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated/${symbol}.c)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR})
endfunction()

# way_embed_migrations(TARGET FOLDER): for each engine an array of steps, one a file, in the order
# of the names, with the SHA-256 of the file; see server/store/migrate.h.
function(way_embed_migrations target folder)
  set(content "/* made from ${folder}/ by cmake/Embed.cmake */\n#include \"store/migrate.h\"\n\n")
  foreach(engine sqlite mariadb)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/${engine}/*.sql)
    list(SORT files)
    set(rows "")
    set(count 0)
    foreach(file ${files})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
      get_filename_component(name ${file} NAME_WE)
      string(REGEX MATCH "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$" matched ${name})
      if(NOT matched)
        message(FATAL_ERROR "${file}: migrations are named NNNN_what.sql")
      endif()
      math(EXPR version "${CMAKE_MATCH_1} + 0")
      way_hex_of(${file} bytes)
      file(SHA256 ${file} digest)
      string(APPEND content
        "static const unsigned char ${engine}_${name}[] = {\n${bytes}};\n")
      string(APPEND rows
        "    { ${version}, \"${name}\", (const char *)${engine}_${name}, \"${digest}\" },\n")
      math(EXPR count "${count} + 1")
    endforeach()
    string(APPEND content
      "const struct way_migration way_migrations_${engine}[] = {\n${rows}};\n"
      "const size_t way_migrations_${engine}_count = ${count};\n\n")
  endforeach()
  file(CONFIGURE OUTPUT generated/migrations.c CONTENT "${content}")
  target_sources(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated/migrations.c)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR})
endfunction()
