/* Signature blocks of an image, each judged for itself. */
#include "tools/signers.h"

#include "base/crypto_openssl.h"

static struct signer judge(const uint8_t *bytes, const struct ot_image_digests *digests)
{
    struct ot_sig_block block;
    struct signer s = {.status = ot_sig_block_parse(bytes, crypto_openssl(), &block)};
    if (s.status != OT_OK)
        return s;
    s.scheme = block.scheme;
    s.key = block.key;
    s.status = ot_digest_equal(&block.covered, &digests->covered)
                   ? ot_sig_block_verify(&block, crypto_openssl())
                   : OT_E_SIG_DIGEST;
    return s;
}

unsigned signers_find(const struct ot_source *src, const struct ot_image *image,
                      const struct ot_image_digests *digests, struct signer out[OT_SIG_BLOCKS_MAX])
{
    uint8_t bytes[OT_SIG_BLOCK_BYTES];
    unsigned n = 0;
    for (; n < OT_SIG_BLOCKS_MAX; n++) {
        uint32_t at = image->signature_offset + n * OT_SIG_BLOCK_BYTES;
        if (ot_source_read(src, at, bytes, sizeof bytes) != OT_OK)
            break;
        out[n] = judge(bytes, digests);
        if (out[n].status == OT_E_UNSIGNED)
            break;
    }
    return n;
}
