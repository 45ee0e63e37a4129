/**
 * Keys and Secure Boot V2 signature sectors for tests, made with OpenSSL alone.
 *
 * Independent of tools/sign and of core/trust on purpose: it is the second opinion on the format.
 *
 *     struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256);
 *     uint32_t size;
 *     uint8_t *file = sign_file(image, image_size, &key, 1, &size);     ... free(file); sign_key_free(key);
 *
 * RSA keys take some 100 ms each to make: share them within a test program. Failures abort the program.
 */
#ifndef SIGN_SUPPORT_H
#define SIGN_SUPPORT_H

#include "otaria/trust.h"

struct sign_key;

/** A fresh key. Random, but nothing that a test asserts may depend on which. */
struct sign_key *sign_key_make(enum ot_scheme scheme);
void sign_key_free(struct sign_key *key);

/** The key's name: digest of the public key as a block holds it. */
void sign_key_digest(const struct sign_key *key, struct ot_digest *out);

/** One block of OT_SIG_BLOCK_BYTES over a SHA-256 digest. */
void sign_block(const struct sign_key *key, const uint8_t digest[32], uint8_t block[OT_SIG_BLOCK_BYTES]);

/** After an edit: make the block's CRC right again. */
void sign_block_reseal(uint8_t block[OT_SIG_BLOCK_BYTES]);

/** R = 2^6144 mod n and M' = -1/n mod 2^32, little-endian as in a block. */
void sign_rsa_constants(const uint8_t n_le[384], uint8_t r_le[384], uint8_t m_le[4]);

/** `image` padded with FF to the sector, and a signature sector with `count` blocks. malloc'd. */
uint8_t *sign_file(const uint8_t *image, uint32_t image_size, struct sign_key *const keys[], unsigned count,
                   uint32_t *size);

#endif
