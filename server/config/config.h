/**
 * otariad's configuration: a file (INI), the environment, the command line; what comes later wins.
 * Keys are documented in docs/operations.md. Unknown keys are refused with their line.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CONFIG_NAMES_MAX 16u

struct config {
    char data[400];
    char device_listen[128], operator_listen[128];
    char ready_file[400]; /* "" = none */
    unsigned threads;
    uint32_t poll_s;
    uint32_t patch_bases; /* patches made for one image, most common base first; 0: none */
    size_t name_count;    /* names the certificate carries besides localhost and this host's */
    char names[CONFIG_NAMES_MAX][100];
};

void config_default(struct config *config);
int config_read_file(struct config *config, const char *path, struct error *err);
/** OTARIAD_DATA, OTARIAD_DEVICE_LISTEN ... */
int config_read_environment(struct config *config, struct error *err);
/** One "key" with its value, as the file and the command line spell it ("device-listen"). */
int config_set(struct config *config, const char *key, const char *value, struct error *err);

#endif
