/**
 * CSV after RFC 4180, safe to open in a spreadsheet: a cell that a spreadsheet would take for a formula begins with an
 * apostrophe, and what a terminal acts on becomes `?`. Cells come from devices: anybody may have written them.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdbool.h>
#include <stdio.h>

struct csv {
    FILE *out;
    bool has_cell; /* in this row */
};

/** The next cell of the row. NULL is an empty one. */
void csv_cell(struct csv *csv, const char *text);
/** End the row: CR LF. */
void csv_end(struct csv *csv);

#endif
