/* The status list, turned into texts and wire names. */
#include "otaria/status.h"

#include <string.h>

struct row {
    enum ot_status status;
    const char *wire;
    const char *text;
};

static const struct row rows[] = {
#define OT_STATUS_ROW(name, number, wire, text) {name, wire, text},
    OT_STATUS_LIST(OT_STATUS_ROW)
#undef OT_STATUS_ROW
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct row *find(enum ot_status status)
{
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        if (rows[i].status == status)
            return &rows[i];
    }
    return NULL;
}

const char *ot_status_text(enum ot_status status)
{
    const struct row *row = find(status);
    return row != NULL ? row->text : "unknown status";
}

const char *ot_status_wire(enum ot_status status)
{
    const struct row *row = find(status);
    return row != NULL ? row->wire : "unknown";
}

enum ot_status ot_status_from_wire(const char *name, unsigned len)
{
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].wire) == len && memcmp(rows[i].wire, name, len) == 0)
            return rows[i].status;
    }
    return OT_E_NOT_FOUND;
}
