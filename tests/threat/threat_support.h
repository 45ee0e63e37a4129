/** What the tests of the threat model's device half share: a device in process, offered something. */
#ifndef THREAT_SUPPORT_H
#define THREAT_SUPPORT_H

#include "suites.h"

/** A world of one of the matrix's scenarios; closed by threat_close(). Each test has its own. */
struct world *threat_world(const char *scenario);
void threat_close(struct world *w);

/**
 * Offer `size` bytes as firmware B, everything the server says about them true (hashes, length), and run to the end.
 * The target the offer names is `target`, or what the bytes say when NULL.
 */
void threat_offer(struct world *w, const uint8_t *bytes, uint32_t size, const struct ot_digest *target);
/** The attempt failed with this reason; the old image runs; its slot was not touched; nothing was violated. */
void threat_expect_refused(struct world *w, enum ot_status reason);
/** ... with any reason. */
void threat_expect_refused_somehow(struct world *w);
/** The update went through. */
void threat_expect_updated(struct world *w);
/** Nothing was violated: prints the violation and fails otherwise. */
void threat_expect_sound(struct world *w);

/** A copy of firmware B's signed file; free() it. */
uint8_t *threat_copy_b(const struct world *w, uint32_t *size);
/** Sign an unsigned image with one of the matrix's keys; free() it. */
uint8_t *threat_sign(const uint8_t *image, uint32_t size, unsigned key, uint32_t *signed_size);

/** Run a whole suite, every n-th case, and expect no violation. */
void threat_suite(const char *suite, const char *scenario, uint32_t sample);

#endif
