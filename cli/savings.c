/* Bytes and what is saved of them, as text. */
#include "savings.h"

#include <stdio.h>

void savings_print_bytes(const json_t *object, const char *field)
{
    double bytes = (double)json_integer_value(json_object_get(object, field));
    if (bytes < 1e6)
        printf("%.1f kB", bytes / 1e3);
    else
        printf("%.1f MB", bytes / 1e6);
}

static json_int_t number(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

void savings_print(const json_t *object)
{
    double full = (double)number(object, "full_bytes"), bytes = (double)number(object, "bytes");
    json_int_t by_patch = number(object, "by_patch"), compressed = number(object, "by_compressed"),
               devices = number(object, "devices"),
               by_image = devices != 0 ? devices - by_patch - compressed : number(object, "by_image");
    if (full <= 0)
        return;
    printf("    %" JSON_INTEGER_FORMAT " devices by patch, %" JSON_INTEGER_FORMAT
           " by compressed image, %" JSON_INTEGER_FORMAT " by image: ",
           by_patch, compressed, by_image);
    savings_print_bytes(object, "bytes");
    printf(" instead of ");
    savings_print_bytes(object, "full_bytes");
    printf(", %.1f %% saved\n", 100.0 * (full - bytes) / full);
}
