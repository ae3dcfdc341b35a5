# What is installed, and the Debian package of it. The package wants the prefix /usr from the start
# (preset release): only then /etc is /etc.
include(GNUInstallDirs)
install(TARGETS waypost RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# A container's build sees the program's sources only (.dockerignore).
if(NOT EXISTS ${CMAKE_SOURCE_DIR}/package)
  return()
endif()

# The first line of Debian's changelog has the version that is packaged; ours is its first part.
file(STRINGS ${CMAKE_SOURCE_DIR}/package/changelog way_changelog LIMIT_COUNT 1)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/package/changelog)
if(NOT way_changelog MATCHES "^waypost \\((.+)-([0-9]+)\\) " OR NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "package/changelog: the first entry is not of version ${PROJECT_VERSION}")
endif()
set(way_release ${CMAKE_MATCH_2})

# way_gzip(FILE NAME): build/.../package/NAME.gz, the same for the same file.
find_program(WAY_GZIP gzip REQUIRED)
function(way_gzip file name)
  set(made ${CMAKE_BINARY_DIR}/package/${name}.gz)
  add_custom_command(OUTPUT ${made} DEPENDS ${CMAKE_SOURCE_DIR}/${file} VERBATIM
    COMMAND sh -c "exec \"$1\" -9nc \"$2\" >\"$3\"" sh ${WAY_GZIP} ${CMAKE_SOURCE_DIR}/${file} ${made})
  set_property(GLOBAL APPEND PROPERTY way_gzipped ${made})
endfunction()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/package)
way_gzip(docs/waypost.8 waypost.8)
way_gzip(package/changelog changelog.Debian)
get_property(way_gzipped GLOBAL PROPERTY way_gzipped)
add_custom_target(waypost_gzipped ALL DEPENDS ${way_gzipped})

# Where systemd and dpkg of Debian 12 look for the units of packages.
set(way_unit_dir lib/systemd/system)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(way_unit_dir /lib/systemd/system)
endif()
configure_file(package/waypost.service.in package/waypost.service @ONLY)

install(FILES ${CMAKE_BINARY_DIR}/package/waypost.service DESTINATION ${way_unit_dir})
install(FILES package/waypost.sysusers DESTINATION lib/sysusers.d RENAME waypost.conf)
install(FILES package/waypost.tmpfiles DESTINATION lib/tmpfiles.d RENAME waypost.conf)
install(FILES package/waypost.env DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/waypost)
install(FILES ${CMAKE_BINARY_DIR}/package/waypost.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES package/waypost.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME waypost)
install(FILES package/waypost.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _waypost)
# Laid out as in the checkout, so that the links between them lead somewhere.
install(FILES README.md SECURITY.md openapi.yaml package/copyright
  ${CMAKE_BINARY_DIR}/package/changelog.Debian.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/configuration.md docs/package.md docs/FAILURE.md docs/limits.md docs/galera.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES package/waypost.lintian DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME waypost)
install(FILES package/mariadb.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME waypost)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The Waypost authors <waypost@localhost>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${way_release})
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tells mail relays where mail should go")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Operators keep overrides - a domain or an IP address, and another host - in
MariaDB or in an embedded SQLite file, through a REST API. Mail relays ask;
an override is answered at once, from memory, and everything else from DNS.
.
So mail can be moved domain by domain, and flows be tested, without touching
anybody's DNS. A database that is away stops no lookup.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# postinst makes the user
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "mariadb-server")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/package/postinst
  ${CMAKE_SOURCE_DIR}/package/prerm ${CMAKE_SOURCE_DIR}/package/postrm ${CMAKE_SOURCE_DIR}/package/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
