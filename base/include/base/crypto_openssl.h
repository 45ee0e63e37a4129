/**
 * `struct ot_crypto` by OpenSSL's libcrypto, for every hosted room. Thread-safe: holds no state.
 */
#ifndef BASE_CRYPTO_OPENSSL_H
#define BASE_CRYPTO_OPENSSL_H

#include "otaria/crypto.h"

/** Static storage; never NULL. */
const struct ot_crypto *crypto_openssl(void);

#endif
