/**
 * Signing keys: made, loaded, named by digest. A key that signs is a private PEM file today; the signing seam (`struct
 * tools_signer`) is where a PKCS#11 URI will come in. A key that is trusted may be a private PEM, a public PEM or its
 * digest in hex.
 */
#ifndef TOOLS_KEY_H
#define TOOLS_KEY_H

#include "base/error.h"
#include "otaria/trust.h"

/** Make a key pair into a new file (mode 0600; an existing one is never replaced). `scheme`: rsa3072 or ecdsa256. */
int tools_key_generate(const char *scheme, const char *path, struct ot_digest *digest, struct error *err);

/** Digest of a key named on a command line: private PEM, public PEM or 64 hex digits. */
int tools_key_digest_load(const char *arg, struct ot_digest *out, enum ot_scheme *scheme, struct error *err);

/** Something that can sign. Released with tools_signer_close(). */
struct tools_signer {
    void *ctx;
    enum ot_scheme scheme;
    /** The block's public part, as in the signature block: RSA n, e, R, M' (776 bytes) or curve and point (65). */
    uint8_t public_part[776];
    struct ot_digest key;
    /**
     * Sign a SHA-256 digest. RSA: 384 bytes big-endian (PSS, salt 32); P-256: r, s, 64 bytes big-endian.
     * 0, or -1 with a message.
     */
    int (*sign)(void *ctx, const struct ot_digest *digest, uint8_t signature[384], struct error *err);
    void (*close)(void *ctx);
};

/** From a private PEM file. Encrypted PEMs and PKCS#11 URIs are refused with a message that says so. */
int tools_signer_open(const char *arg, struct tools_signer *out, struct error *err);
void tools_signer_close(struct tools_signer *signer);

#endif
