# otaria_room(NAME SOURCES ... [INCLUDE dir] [USES targets]): static library `otaria_NAME` with the warning list.
# INCLUDE is what other rooms may see; the room's own directory is private to it.
function(otaria_room name)
  cmake_parse_arguments(ROOM "" "INCLUDE" "SOURCES;USES" ${ARGN})
  if(NOT ROOM_SOURCES)
    add_library(otaria_${name} INTERFACE)
    return()
  endif()
  add_library(otaria_${name} STATIC ${ROOM_SOURCES})
  if(ROOM_INCLUDE)
    target_include_directories(otaria_${name} PUBLIC ${ROOM_INCLUDE})
  endif()
  target_include_directories(otaria_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(otaria_${name} PUBLIC ${ROOM_USES} PRIVATE otaria_warnings)
  # Hosted rooms are POSIX programs; core and agent include nothing that would notice.
  target_compile_definitions(otaria_${name} PRIVATE _GNU_SOURCE)
endfunction()

# otaria_program(NAME SOURCES ... USES ...): an executable with the warning list.
function(otaria_program name)
  cmake_parse_arguments(P "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${P_USES} otaria_warnings)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
endfunction()
