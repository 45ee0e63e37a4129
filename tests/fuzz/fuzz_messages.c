/*
 * Any bytes as a device message: reading ends, names a place inside the input when it refuses, and what it accepts can
 * be written, read again and written to the same bytes. The first byte chooses the message.
 */
#include "fuzz.h"
#include "otaria/wire.h"

#include <string.h>

#define ROOM 32768u

static char first[ROOM], second[ROOM];

#define ROUND_TRIP(message, read, write)                                                                     \
    do {                                                                                                     \
        static struct message m, again;                                                                      \
        size_t at = 0, len = 0, again_len = 0;                                                               \
        if (read(json, size, &m, &at) != OT_OK) {                                                            \
            HOLDS(at <= size);                                                                               \
            break;                                                                                           \
        }                                                                                                    \
        if (write(&m, first, sizeof first, &len) != OT_OK)                                                   \
            __builtin_trap();                                                                                \
        HOLDS(read(first, len, &again, &at) == OT_OK);                                                       \
        HOLDS(write(&again, second, sizeof second, &again_len) == OT_OK);                                    \
        HOLDS(len == again_len && memcmp(first, second, len) == 0);                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *json = (const char *)data + 1;
    size--;
    switch (data[0] % 4u) {
    case 0:
        ROUND_TRIP(ot_wire_enrol, ot_wire_enrol_read, ot_wire_enrol_write);
        break;
    case 1:
        ROUND_TRIP(ot_wire_enrolled, ot_wire_enrolled_read, ot_wire_enrolled_write);
        break;
    case 2:
        ROUND_TRIP(ot_wire_check_in, ot_wire_check_in_read, ot_wire_check_in_write);
        break;
    default:
        ROUND_TRIP(ot_wire_reply, ot_wire_reply_read, ot_wire_reply_write);
        break;
    }
    return 0;
}
