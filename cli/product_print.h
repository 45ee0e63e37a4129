/* How a product looks to a person. */
#ifndef CLI_PRODUCT_PRINT_H
#define CLI_PRODUCT_PRINT_H

#include "cli.h"

void product_print(const json_t *product);
/** The reply as JSON, or what `print` makes of it; drops the reference. */
int product_answer(struct cli *cli, json_t *take_reply, void (*print)(const json_t *));

#endif
