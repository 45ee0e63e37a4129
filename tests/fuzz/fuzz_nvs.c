/* Any bytes as an NVS page: reading stays inside it and answers with whole values. */
#include "base/nvs_page.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t page[NVS_PAGE_BYTES];
    uint8_t bytes[128], n;
    char text[65];
    size_t len = 0;
    memset(page, 0xFF, sizeof page);
    memcpy(page, data, size < sizeof page ? size : sizeof page);
    if (nvs_page_get_string(page, "otaria", "device_id", text, sizeof text) == 0)
        HOLDS(memchr(text, '\0', sizeof text) != NULL);
    if (nvs_page_get_blob(page, "otaria", "trust", bytes, sizeof bytes, &len) == 0)
        HOLDS(len <= sizeof bytes);
    (void)nvs_page_get_u8(page, "otaria", "hw_rev", &n);
    return 0;
}
