/** What the commands on a product's devices share: connection, product, and devices page by page. Private to cli. */
#ifndef CLI_DEVICE_PAGES_H
#define CLI_DEVICE_PAGES_H

#include "api_client.h"

/** Connection and product name of a command. */
struct on_product {
    struct api_client c;
    char *product;
};

/** Log in, find the product. -1 to go on, else the exit code. on_product_end() in both cases. */
int on_product_begin(struct on_product *p, struct cli *cli, const char *given);
void on_product_end(struct on_product *p);

/** Which devices; each member may be NULL. */
struct device_choice {
    const char *filter;  /* docs/filters.md */
    const char *running; /* version */
};

/**
 * Every device chosen, in the order of ids, a page at a time: one page is held, whatever there are. `fn` returns -1 to
 * go on, else the exit code to end with; `page` is an array of devices, borrowed. Returns likewise.
 */
int device_pages(struct on_product *p, const struct device_choice *choice, int (*fn)(void *ctx, json_t *page),
                 void *ctx);

/** One line of a list. */
void device_print_line(const json_t *device);
/** Everything about one. */
void device_print(const json_t *device);

#endif
