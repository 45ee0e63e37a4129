/**
 * Status codes: one list for core, device and everything hosted that calls them.
 *
 * A function that can fail returns `enum ot_status`: OT_OK is 0, every failure is negative. One cause, one code;
 * numbers are never reused, because they travel in device reports (as the wire name) and stand in databases.
 *
 *     enum ot_status st = ot_image_parse(&src, &limits, &image);
 *     if (st != OT_OK)
 *         fprintf(stderr, "image: %s\n", ot_status_text(st));
 */
#ifndef OTARIA_STATUS_H
#define OTARIA_STATUS_H

#define OT_CHECKED __attribute__((warn_unused_result))

/* X(name, number, wire name, text for a person) */
#define OT_STATUS_LIST(X)                                                                                    \
    X(OT_OK, 0, "ok", "good")                                                                                \
    /* use of the interface */                                                                               \
    X(OT_E_ARGUMENT, -1, "argument", "an argument is outside what the interface allows")                     \
    X(OT_E_STATE, -2, "state", "not possible in the present state")                                          \
    X(OT_E_BUFFER, -3, "buffer", "the buffer given is too small")                                            \
    X(OT_E_RANGE, -4, "range", "an offset or length lies outside the object")                                \
    /* ports */                                                                                              \
    X(OT_E_READ, -10, "read", "reading failed")                                                              \
    X(OT_E_FLASH_WRITE, -11, "flash_write", "programming flash failed or did not read back")                 \
    X(OT_E_FLASH_ERASE, -12, "flash_erase", "erasing flash failed")                                          \
    X(OT_E_JOURNAL, -13, "journal", "the journal could not be read or written")                              \
    X(OT_E_NETWORK, -14, "network", "the connection failed or broke off")                                    \
    X(OT_E_HTTP, -15, "http", "the server answered with an unexpected HTTP status")                          \
    X(OT_E_NOT_FOUND, -16, "not_found", "there is no such thing")                                            \
    X(OT_E_CRYPTO, -17, "crypto", "the cryptographic provider failed")                                       \
    X(OT_E_BOOT_CONTROL, -18, "boot_control", "otadata could not be read or written")                        \
    /* ESP app image */                                                                                      \
    X(OT_E_IMAGE_MAGIC, -20, "image_magic", "not an ESP app image: the first byte is not 0xE9")              \
    X(OT_E_IMAGE_TRUNCATED, -21, "image_truncated", "the image ends before its own structure does")          \
    X(OT_E_IMAGE_SEGMENTS, -22, "image_segments", "the segment count is not between 1 and 16")               \
    X(OT_E_IMAGE_SEGMENT_LENGTH, -23, "image_segment_length",                                                \
      "a segment length is not a multiple of 4, too large or runs out of the image")                         \
    X(OT_E_IMAGE_SEGMENT_ALIGN, -24, "image_segment_align",                                                  \
      "a flash-mapped segment is not aligned to the MMU page")                                               \
    X(OT_E_IMAGE_CHIP, -25, "wrong_chip", "the image is for another chip")                                   \
    X(OT_E_IMAGE_CHIP_REVISION, -26, "wrong_chip_revision", "the image does not fit this chip revision")     \
    X(OT_E_IMAGE_APP_DESC, -27, "image_app_desc", "the app descriptor is missing or has a wrong magic")      \
    X(OT_E_IMAGE_CHECKSUM, -28, "image_checksum", "the image checksum is wrong")                             \
    X(OT_E_IMAGE_NO_DIGEST, -29, "image_no_digest",                                                          \
      "the image carries no appended SHA-256 (hash_appended = 0), so it has no identity")                    \
    X(OT_E_IMAGE_DIGEST, -30, "image_digest", "the appended SHA-256 does not match the image")               \
    X(OT_E_IMAGE_TOO_LARGE, -31, "image_too_large", "the image does not fit the slot")                       \
    X(OT_E_IMAGE_TRAILING, -32, "image_trailing", "there are bytes after the end of the image")              \
    X(OT_E_IMAGE_PADDING, -33, "image_padding", "the padding before the signature sector is not 0xFF")       \
    X(OT_E_IMAGE_LOAD_RANGE, -34, "image_load_range", "a segment wraps around the address space")            \
    /* Otaria's descriptor */                                                                                \
    X(OT_E_DESC_MISSING, -40, "undescribed", "the image has no Otaria descriptor at 0x120")                  \
    X(OT_E_DESC_VERSION, -41, "desc_version", "the Otaria descriptor has a newer format than is known here") \
    X(OT_E_DESC_LENGTH, -42, "desc_length", "the Otaria descriptor has a wrong length")                      \
    X(OT_E_DESC_CRC, -43, "desc_crc", "the Otaria descriptor's CRC is wrong")                                \
    X(OT_E_DESC_RESERVED, -44, "desc_reserved", "reserved bytes or flags of the Otaria descriptor are set")  \
    X(OT_E_DESC_KEYS, -45, "desc_keys", "the key lists of the Otaria descriptor contradict themselves")      \
    X(OT_E_DESC_RELEASE, -46, "desc_release", "release or floor of the Otaria descriptor is impossible")     \
    X(OT_E_DESC_HARDWARE, -47, "desc_hardware", "the Otaria descriptor names no hardware revision")          \
    /* does the image fit this device */                                                                     \
    X(OT_E_WRONG_PRODUCT, -50, "wrong_product", "the image is for another product")                          \
    X(OT_E_WRONG_HARDWARE, -51, "wrong_hardware", "the image does not fit this hardware revision")           \
    X(OT_E_BELOW_FLOOR, -52, "below_floor", "the release is below the floor this device has confirmed")      \
    X(OT_E_SLOT_SIZE, -53, "slot_size", "the image asks for a larger slot than this device has")             \
    X(OT_E_SECURE_VERSION, -54, "secure_version", "the image is below the chip's anti-rollback version")     \
    X(OT_E_WRONG_TARGET, -55, "wrong_target", "the image is not the one that was offered")                   \
    X(OT_E_LOCKOUT, -56, "lockout", "the image would leave this device without a usable key")                \
    X(OT_E_SECURE_VERSION_RANGE, -57, "secure_version_range",                                                \
      "the image's secure_version is above what the chip's anti-rollback counter can hold")                  \
    X(OT_E_REVOKED_FULL, -58, "revoked_full", "the device cannot remember any more retired keys")            \
    /* signatures */                                                                                         \
    X(OT_E_UNSIGNED, -60, "unsigned", "the image carries no signature sector")                               \
    X(OT_E_SIG_FORMAT, -61, "signature_format", "a signature block is malformed")                            \
    X(OT_E_SIG_CRC, -62, "signature_crc", "a signature block has a wrong CRC")                               \
    X(OT_E_SIG_DIGEST, -63, "signature_digest", "a signature block was made for another image")              \
    X(OT_E_SIG_INVALID, -64, "signature_invalid", "a signature by a trusted key does not verify")            \
    X(OT_E_KEY_UNKNOWN, -65, "key_unknown", "the image is signed only by keys that are not trusted here")    \
    X(OT_E_KEY_REVOKED, -66, "key_revoked", "the image is signed only by revoked keys")                      \
    X(OT_E_KEY_FORMAT, -67, "key_format", "not a usable RSA-3072 or ECDSA P-256 key")                        \
    X(OT_E_SIG_FULL, -68, "signature_full", "the signature sector already holds three blocks")               \
    X(OT_E_NO_TRUST, -69, "no_trust", "no key is trusted here, so nothing can be accepted")                  \
    /* partition table and otadata */                                                                        \
    X(OT_E_TABLE_MAGIC, -80, "table_magic", "a partition table record has an unknown magic")                 \
    X(OT_E_TABLE_EMPTY, -81, "table_empty", "the partition table has no entry")                              \
    X(OT_E_TABLE_END, -82, "table_end", "the partition table has no end marker")                             \
    X(OT_E_TABLE_MD5, -83, "table_md5", "the partition table's MD5 is wrong or stands twice")                \
    X(OT_E_TABLE_BOUNDS, -84, "table_bounds", "a partition does not end inside the flash chip")              \
    X(OT_E_TABLE_OVERLAP, -85, "table_overlap", "two partitions overlap")                                    \
    X(OT_E_TABLE_SLOTS, -86, "table_slots", "the table lacks two equal contiguous OTA slots")                \
    X(OT_E_TABLE_OTADATA, -87, "table_otadata", "the table lacks an otadata partition of 0x2000 bytes")      \
    X(OT_E_NO_BOOT, -90, "no_boot", "no partition holds an image that verifies")                             \
    X(OT_E_OTADATA_SEQ, -91, "otadata_seq", "the otadata sequence is exhausted")                             \
    /* messages */                                                                                           \
    X(OT_E_WIRE_SYNTAX, -100, "wire_syntax", "the message is not valid JSON")                                \
    X(OT_E_WIRE_DEPTH, -101, "wire_depth", "the message is nested too deeply")                               \
    X(OT_E_WIRE_TYPE, -102, "wire_type", "a field has the wrong type")                                       \
    X(OT_E_WIRE_MISSING, -103, "wire_missing", "a required field is missing")                                \
    X(OT_E_WIRE_RANGE, -104, "wire_range", "a number is outside its range")                                  \
    X(OT_E_WIRE_TEXT, -105, "wire_text", "a string has forbidden bytes or a wrong length")                   \
    X(OT_E_WIRE_DUPLICATE, -106, "wire_duplicate", "a field stands twice")                                   \
    X(OT_E_WIRE_VERSION, -107, "wire_version", "the message has an unknown protocol version")                \
    X(OT_E_WIRE_TOO_MANY, -108, "wire_too_many", "a list has more entries than allowed")                     \
    /* the agent's own reasons */                                                                            \
    X(OT_E_WITHDRAWN, -120, "withdrawn", "the server no longer wants this update")                           \
    X(OT_E_SELF_TEST, -121, "self_test", "a required self test failed")                                      \
    X(OT_E_SELF_TEST_TIMEOUT, -122, "self_test_timeout", "the self test did not finish in time")             \
    X(OT_E_RESET_IN_PROBATION, -123, "reset_in_probation", "the device reset before the image confirmed")    \
    X(OT_E_NOT_ACCEPTED_BY_BOOT, -124, "not_accepted_by_boot", "the bootloader did not start the image")     \
    X(OT_E_TOO_MANY_ATTEMPTS, -125, "too_many_attempts", "the release was tried too often on this device")   \
    X(OT_E_NO_CONTACT, -126, "no_contact", "the server could not be reached during the self test")           \
    X(OT_E_BOOT_RECORD, -127, "boot_record", "otadata was lost or damaged, so that another image booted")    \
    X(OT_E_LATE_CRASHES, -128, "late_crashes", "the confirmed image kept crashing soon after boot")          \
    X(OT_E_KEY_NEEDED, -129, "key_needed",                                                                   \
      "a retired key stays valid in the eFuses: the bootloader or a slot needs it")                          \
    /* patches */                                                                                            \
    X(OT_E_PATCH_MAGIC, -140, "patch_magic", "not an Otaria patch")                                          \
    X(OT_E_PATCH_VERSION, -141, "patch_version", "the patch has a format or method that is not known here")  \
    X(OT_E_PATCH_FORMAT, -142, "patch_format", "the patch contradicts itself or its base")                   \
    X(OT_E_PATCH_TRUNCATED, -143, "patch_truncated", "the patch ends before its target is complete")         \
    X(OT_E_PATCH_TRAILING, -144, "patch_trailing", "there are bytes after the end of the patch")             \
    X(OT_E_PATCH_BASE, -145, "patch_base", "the patch was made for another base image")                      \
    X(OT_E_PATCH_WORK, -146, "patch_work", "the patch asks for more work than any honest patch")             \
    X(OT_E_PATCH_RESULT, -147, "patch_result", "what the patch gave is not its target")                      \
    X(OT_E_PATCH_RESETS, -148, "patch_resets", "the device was reset again and again while it took the patch")

enum ot_status {
#define OT_STATUS_ENUM(name, number, wire, text) name = (number),
    OT_STATUS_LIST(OT_STATUS_ENUM)
#undef OT_STATUS_ENUM
};

/** Text for a person; never NULL, also for numbers that are not in the list. */
const char *ot_status_text(enum ot_status status);

/** Stable name for machines ("key_revoked"); never NULL. */
const char *ot_status_wire(enum ot_status status);

/** The status with this wire name (`len` bytes, no NUL needed), or OT_E_NOT_FOUND when there is none. */
enum ot_status ot_status_from_wire(const char *name, unsigned len);

#endif
