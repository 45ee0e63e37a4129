/**
 * The server's certificate. A first start makes a private CA and a certificate signed by it, so that TLS is on from the
 * first minute: DIR/ca.pem is what clients are given.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_files {
    char ca[512], cert[512], key[512];
    bool made_ca; /* this call made it: tell the operator */
};

/**
 * Make what is missing under `dir` (ca.pem, ca.key, server.pem, server.key; keys mode 0600) and make the certificate
 * anew when it lacks one of `names` or ends within 30 days. Names are host names or IP addresses.
 */
int tls_prepare(const char *dir, const char *const *names, size_t name_count, struct tls_files *out,
                struct error *err);

#endif
