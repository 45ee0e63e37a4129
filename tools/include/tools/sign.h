/**
 * Signing images: Secure Boot V2 signature blocks, up to three.
 */
#ifndef TOOLS_SIGN_H
#define TOOLS_SIGN_H

#include "tools/key.h"

#include <stddef.h>

/**
 * Sign an image in memory. An unsigned file is padded with FF to the sector and gets a signature sector; a signed one
 * gets further blocks. Every block present must be for this very image; the same key twice and a fourth block are
 * refused; what was made is verified with core/trust before it is handed out.
 *
 * @param out      malloc'ed; the caller frees.
 * @return 0, or -1 with a message.
 */
int tools_sign_image(const uint8_t *image, size_t len, struct tools_signer *signers, unsigned signer_count,
                     uint8_t **out, size_t *out_len, struct error *err);

#endif
