/**
 * Cached reads of a source that is slow to start (flash): two windows, one where the walk is and one for looks ahead and the
 * way back from jumps, and small lines for single words. Private.
 *
 * A failed read is remembered in `status`, and zeros are given: the owner looks at `status` once per step.
 */
#ifndef OTARIA_DELTA_READER_H
#define OTARIA_DELTA_READER_H

#include "otaria/source.h"

#include <stdbool.h>

#define DELTA_WINDOW_BYTES 704u
#define DELTA_AHEAD        64u /* what may be looked at behind the asked offset */
#define DELTA_BEHIND       4u  /* and before it */
#define DELTA_LINE_BYTES   64u
#define DELTA_LINES        6u

struct delta_lines {
    const struct ot_source *source;
    enum ot_status status;
    uint32_t reads; /* calls of the source, for the bench */
    uint32_t at[DELTA_LINES];
    uint8_t bytes[DELTA_LINES][DELTA_LINE_BYTES];
};

struct delta_reader {
    struct delta_lines lines;
    uint32_t at[2]; /* where the windows begin */
    unsigned here;  /* the one in use; pointers into it hold while the other moves */
    uint8_t window[2][DELTA_WINDOW_BYTES];
};

void delta_lines_start(struct delta_lines *l, const struct ot_source *source);
/** Bytes as they are; zeros outside the source. */
void delta_lines_fetch(struct delta_lines *l, uint32_t at, uint8_t *out, uint32_t len);
/** What lies between, less than all lines hold, is read at once where it is missing. */
void delta_lines_need(struct delta_lines *l, uint32_t from, uint32_t to);
/** The word at `offset`, at any alignment; zeros outside the source. */
uint32_t delta_lines_word(struct delta_lines *l, uint32_t offset);

void delta_reader_start(struct delta_reader *r, const struct ot_source *source);
/** The byte at `offset`, DELTA_BEHIND before and DELTA_AHEAD from it on; zeros outside the source. Valid until the next call. */
const uint8_t *delta_reader_at(struct delta_reader *r, uint32_t offset);
/** The word at `offset`, from a window where it is there, else by the lines: the windows stay where they are. */
uint32_t delta_reader_word(struct delta_reader *r, uint32_t offset);
/** The word at `offset`, from either window; the one not in use moves: for looking along words and instructions. */
uint32_t delta_reader_scout(struct delta_reader *r, uint32_t offset);

#endif
