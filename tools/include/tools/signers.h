/**
 * Who signed an image: every block of its signature sector with what it proves. Says nothing about trust.
 */
#ifndef TOOLS_SIGNERS_H
#define TOOLS_SIGNERS_H

#include "otaria/trust.h"

struct signer {
    enum ot_status status; /* OT_OK: this key validly signed this very image */
    enum ot_scheme scheme; /* the rest is set unless the block could not be parsed */
    struct ot_digest key;
};

/** The blocks, contiguous from 0. Returns how many; 0 for an unsigned image. */
unsigned signers_find(const struct ot_source *src, const struct ot_image *image,
                      const struct ot_image_digests *digests, struct signer out[OT_SIG_BLOCKS_MAX]);

#endif
