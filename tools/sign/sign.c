/* Signature sectors: see tools/sign.h. Layout: docs/formats.md "Signature sector". */
#include "tools/sign.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { AT_VERSION = 1, AT_COVERED = 4, AT_PUBLIC = 36, AT_RSA_SIGNATURE = 812, AT_R = 101, AT_CRC = 1196 };

static void put_reversed(uint8_t *to, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = from[len - 1 - i];
}

static int make_block(struct tools_signer *signer, const struct ot_digest *covered,
                      uint8_t block[OT_SIG_BLOCK_BYTES], struct error *err)
{
    uint8_t signature[384];
    struct ot_sig_block check;
    memset(block, 0, OT_SIG_BLOCK_BYTES);
    block[0] = OT_SIG_MAGIC;
    block[AT_VERSION] = (uint8_t)signer->scheme;
    memcpy(block + AT_COVERED, covered->bytes, OT_DIGEST_BYTES);
    if (signer->sign(signer->ctx, covered, signature, err) != 0)
        return -1;
    if (signer->scheme == OT_SCHEME_RSA3072) {
        memcpy(block + AT_PUBLIC, signer->public_part, 776);
        put_reversed(block + AT_RSA_SIGNATURE, signature, 384);
    } else {
        memcpy(block + AT_PUBLIC, signer->public_part, 65);
        put_reversed(block + AT_R, signature, 32);
        put_reversed(block + AT_R + 32, signature + 32, 32);
    }
    ot_store32(block + AT_CRC, ot_crc32(0, block, AT_CRC));
    /* What goes out is what a device will read: judge it with the device's own code. */
    if (ot_sig_block_parse(block, crypto_openssl(), &check) != OT_OK ||
        ot_sig_block_verify(&check, crypto_openssl()) != OT_OK || !ot_digest_equal(&check.key, &signer->key))
        return error_set(err, "the signature that was made does not verify");
    return 0;
}

/* Blocks that are there: all for this image, none by this key. Returns their number, or -1. */
static int check_present(const uint8_t *sector, const struct ot_digest *covered,
                         const struct tools_signer *signer, struct error *err)
{
    struct ot_sig_block block;
    for (int i = 0; i < (int)OT_SIG_BLOCKS_MAX; i++) {
        enum ot_status st =
            ot_sig_block_parse(sector + (size_t)i * OT_SIG_BLOCK_BYTES, crypto_openssl(), &block);
        if (st == OT_E_UNSIGNED)
            return i;
        if (st != OT_OK)
            return error_set(err, "signature block %d: %s", i, ot_status_text(st));
        if (!ot_digest_equal(&block.covered, covered))
            return error_set(err, "signature block %d: %s", i, ot_status_text(OT_E_SIG_DIGEST));
        if (ot_digest_equal(&block.key, &signer->key))
            return error_set(err, "signature block %d is by this key already", i);
    }
    return error_set(err, "%s", ot_status_text(OT_E_SIG_FULL));
}

static int judge_input(const uint8_t *bytes, size_t len, struct ot_image *image,
                       struct ot_image_digests *digests, bool *is_signed, struct error *err)
{
    uint8_t scratch[4096];
    struct ot_memory memory = {.bytes = bytes, .size = (uint32_t)len};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image_limits limits = {0};
    enum ot_status st =
        len == 0 || len > OT_IMAGE_SPACE_MAX ? OT_E_IMAGE_TRUNCATED : ot_image_parse(&src, &limits, image);
    if (st == OT_OK)
        st = ot_image_file_shape(&src, image, is_signed);
    if (st == OT_OK)
        st = ot_image_hash(&src, image, crypto_openssl(), scratch, sizeof scratch, digests);
    return st == OT_OK ? 0 : error_set(err, "%s", ot_status_text(st));
}

int tools_sign_image(const uint8_t *bytes, size_t len, struct tools_signer *signers, unsigned signer_count,
                     uint8_t **out, size_t *out_len, struct error *err)
{
    struct ot_image image;
    struct ot_image_digests digests;
    bool is_signed = false;
    *out = NULL;
    if (judge_input(bytes, len, &image, &digests, &is_signed, err) != 0)
        return -1;
    *out_len = image.signature_offset + OT_SIG_SECTOR_BYTES;
    uint8_t *file = malloc(*out_len);
    if (file == NULL)
        return error_set(err, "out of memory");
    memset(file, 0xFF, *out_len);
    memcpy(file, bytes, is_signed ? *out_len : image.length);
    uint8_t *sector = file + image.signature_offset;
    for (unsigned i = 0; i < signer_count; i++) {
        int place = check_present(sector, &digests.covered, &signers[i], err);
        if (place < 0 || make_block(&signers[i], &digests.covered,
                                    sector + (size_t)place * OT_SIG_BLOCK_BYTES, err) != 0) {
            free(file);
            return -1;
        }
    }
    *out = file;
    return 0;
}
