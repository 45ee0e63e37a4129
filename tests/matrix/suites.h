/** The suites, by what they do; the table with their numbers is in suites.c. */
#ifndef MATRIX_SUITES_H
#define MATRIX_SUITES_H

#include "suite.h"

void suite_single(struct run *r, struct world *w);
void suite_double(struct run *r, struct world *w);
void suite_double_records(struct run *r, struct world *w);
void suite_many(struct run *r, struct world *w);
void suite_brownout(struct run *r, struct world *w);
void suite_bit_flips(struct run *r, struct world *w);
void suite_bit_pairs(struct run *r, struct world *w);
void suite_flip_and_cut(struct run *r, struct world *w);
void suite_self_test_resets(struct run *r, struct world *w);
void suite_flash_failures(struct run *r, struct world *w);
void suite_corrupt_image(struct run *r, struct world *w);
void suite_changing_reads(struct run *r, struct world *w);
void suite_failing_calls(struct run *r, struct world *w);
void suite_cut_connections(struct run *r, struct world *w);
void suite_cut_downloads(struct run *r, struct world *w);

/** From the scenario's start, with `answer` for the n-th program or erase, the run going on. */
bool run_with_answer(struct world *w, uint32_t at, enum nor_answer answer, bool next);

#endif
