# cmake --install: what belongs on a machine that runs the agent, where GNUInstallDirs says. The Debian package is made of it, too.
# The configuration is installed as a document only: an installation never writes over the one in /etc/hookspool.
include(GNUInstallDirs)
set(HOOKSPOOL_UNIT_DIR "lib/systemd/system" CACHE STRING "Where systemd's units go, below the prefix or absolute")
set(HOOKSPOOL_ZSH_DIR "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" CACHE STRING "Where zsh finds completions; Debian: share/zsh/vendor-completions")

# The units name the program and the documents by their whole paths.
foreach(unit hookspool.service hookspool.socket)
  file(READ packaging/systemd/${unit} text)
  string(REPLACE "/usr/bin/hookspool" "${CMAKE_INSTALL_FULL_BINDIR}/hookspool" text "${text}")
  string(REPLACE "/usr/share/doc/hookspool" "${CMAKE_INSTALL_FULL_DOCDIR}" text "${text}")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/units/${unit} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS packaging/systemd/${unit})
  install(FILES ${PROJECT_BINARY_DIR}/units/${unit} DESTINATION ${HOOKSPOOL_UNIT_DIR})
endforeach()
install(FILES packaging/sysusers.d/hookspool.conf DESTINATION lib/sysusers.d)

# Which pages there are is known when they have been made.
install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 FILES_MATCHING PATTERN "*.5")
install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 FILES_MATCHING PATTERN "*.8")
install(FILES ${PROJECT_BINARY_DIR}/completions/hookspool DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PROJECT_BINARY_DIR}/completions/_hookspool DESTINATION ${HOOKSPOOL_ZSH_DIR})
install(FILES ${PROJECT_BINARY_DIR}/completions/hookspool.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(FILES README.md OPERATIONS.md CONFIGURATION.md SIGNATURES.md POSTGRES.md METRICS.md ARCHITECTURE.md DECISIONS.md
  BENCHMARKS.md CHANGELOG.md packaging/hookspool.toml DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY packaging/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/prometheus/hookspool.rules.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/hookspool/prometheus)
install(FILES packaging/grafana/hookspool.json DESTINATION ${CMAKE_INSTALL_DATADIR}/hookspool/grafana)
