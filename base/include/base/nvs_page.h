/**
 * One page (4096 bytes) of ESP-IDF's NVS, version 2: written whole for factory data, read back on the virtual device.
 * Layout and vector: docs/formats.md "Factory data". Not a general NVS: one page, no deletes, blobs of one chunk.
 */
#ifndef BASE_NVS_PAGE_H
#define BASE_NVS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVS_PAGE_BYTES 4096u
#define NVS_KEY_MAX    15u

struct nvs_page {
    uint8_t bytes[NVS_PAGE_BYTES];
    unsigned used; /* entries written */
};

/** An active page with one namespace (index 1). */
void nvs_page_start(struct nvs_page *page, const char *namespace_name);
/** -1 when the key is too long or the page is full. */
int nvs_page_put_u8(struct nvs_page *page, const char *key, uint8_t value);
int nvs_page_put_u32(struct nvs_page *page, const char *key, uint32_t value);
int nvs_page_put_i32(struct nvs_page *page, const char *key, int32_t value);
int nvs_page_put_string(struct nvs_page *page, const char *key, const char *value);
int nvs_page_put_blob(struct nvs_page *page, const char *key, const uint8_t *bytes, size_t len);

/** Is this an NVS page with a right header? */
bool nvs_page_valid(const uint8_t bytes[NVS_PAGE_BYTES]);
/** Read from the namespace; 0, or -1 when absent, of another type, or damaged. */
int nvs_page_get_u8(const uint8_t bytes[NVS_PAGE_BYTES], const char *namespace_name, const char *key,
                    uint8_t *out);
int nvs_page_get_string(const uint8_t bytes[NVS_PAGE_BYTES], const char *namespace_name, const char *key,
                        char *out, size_t cap);
int nvs_page_get_blob(const uint8_t bytes[NVS_PAGE_BYTES], const char *namespace_name, const char *key,
                      uint8_t *out, size_t cap, size_t *len);

#endif
