/** struct ot_crypto by OpenSSL, remembering signature checks: the matrix asks the same question a million times. */
#ifndef MATRIX_CRYPTO_MEMO_H
#define MATRIX_CRYPTO_MEMO_H

#include "otaria/crypto.h"

/** One per process; not for threads. Answers are those of crypto_openssl(), each computed once. */
const struct ot_crypto *crypto_memo(void);
/** The same over `real`, where crypto_openssl() itself is replaced. */
const struct ot_crypto *crypto_memo_of(const struct ot_crypto *real);

#endif
