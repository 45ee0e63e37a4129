/* A private CA and a server certificate, ECDSA P-256, by OpenSSL. */
#include "tls.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CA_DAYS     (20 * 365)
#define CERT_DAYS   825
#define RENEW_DAYS  30
#define SECONDS_DAY 86400L

static int fail(struct error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return error_set(err, "TLS: %s: %s", what, reason != NULL ? reason : "OpenSSL failed");
}

static bool set_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* Subject, serial, validity and key: what every certificate has. */
static X509 *begin_certificate(const char *common_name, EVP_PKEY *key, long days)
{
    unsigned char serial[16];
    X509 *cert = X509_new();
    if (cert == NULL || RAND_bytes(serial, sizeof serial) != 1)
        return cert;
    serial[0] &= 0x7F;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    X509_set_version(cert, 2);
    /* A little in the past: clocks of devices are often late. */
    X509_gmtime_adj(X509_getm_notBefore(cert), -SECONDS_DAY);
    X509_gmtime_adj(X509_getm_notAfter(cert), days * SECONDS_DAY);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const unsigned char *)common_name, -1, -1, 0);
    X509_set_pubkey(cert, key);
    return cert;
}

static X509 *make_ca(EVP_PKEY *key)
{
    char host[64] = "otariad", name[120];
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "Otaria private CA of %.40s", host);
    X509 *cert = begin_certificate(name, key, CA_DAYS);
    if (cert == NULL)
        return NULL;
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    if (set_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        set_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        set_extension(cert, cert, NID_subject_key_identifier, "hash") &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool is_ip(const char *name)
{
    unsigned char buf[16];
    return inet_pton(AF_INET, name, buf) == 1 || inet_pton(AF_INET6, name, buf) == 1;
}

static void alternative_names(const char *const *names, size_t count, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s:%.100s", i > 0 ? "," : "",
                               is_ip(names[i]) ? "IP" : "DNS", names[i]);
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *const *names, size_t count)
{
    char san[2048];
    X509 *cert = begin_certificate("otariad", key, CERT_DAYS);
    if (cert == NULL)
        return NULL;
    alternative_names(names, count, san, sizeof san);
    X509_set_issuer_name(cert, X509_get_subject_name(ca));
    if (set_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        set_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
        set_extension(cert, ca, NID_ext_key_usage, "serverAuth") &&
        set_extension(cert, ca, NID_subject_alt_name, san) &&
        set_extension(cert, ca, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(cert, ca_key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

/* --- files --- */

static int write_bio(BIO *bio, const char *path, mode_t mode, struct error *err)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return file_write_atomic(path, bytes, (size_t)len, mode, err);
}

static int write_cert(const char *path, X509 *cert, X509 *chain, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int result = -1;
    if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1 &&
        (chain == NULL || PEM_write_bio_X509(bio, chain) == 1))
        result = write_bio(bio, path, 0644, err);
    else
        fail(err, path);
    BIO_free(bio);
    return result;
}

static int write_key(const char *path, EVP_PKEY *key, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int result = -1;
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        result = write_bio(bio, path, 0600, err);
    else
        fail(err, path);
    BIO_free(bio);
    return result;
}

static X509 *read_cert(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return cert;
}

static EVP_PKEY *read_key(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static bool has_name(X509 *cert, const char *name)
{
    return (is_ip(name) ? X509_check_ip_asc(cert, name, 0)
                        : X509_check_host(cert, name, strlen(name), 0, NULL)) == 1;
}

static bool still_good(X509 *cert, EVP_PKEY *key, X509 *ca, const char *const *names, size_t count)
{
    time_t soon = time(NULL) + RENEW_DAYS * SECONDS_DAY;
    if (cert == NULL || key == NULL || X509_check_private_key(cert, key) != 1 ||
        X509_check_issued(ca, cert) != X509_V_OK || X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!has_name(cert, names[i]))
            return false;
    }
    return true;
}

struct made {
    X509 *ca, *cert;
    EVP_PKEY *ca_key, *key;
};

/* The key first: a certificate without its key is useless, a key without certificate is made anew. */
static int prepare_ca(struct tls_files *files, const char *ca_key_path, struct made *m, struct error *err)
{
    m->ca = read_cert(files->ca);
    m->ca_key = read_key(ca_key_path);
    if (m->ca != NULL && m->ca_key != NULL && X509_check_private_key(m->ca, m->ca_key) == 1)
        return 0;
    if (m->ca != NULL)
        return error_set(err,
                         "TLS: %s exists, but its key %s does not fit: restore the key, or move both away to "
                         "have a new CA made (devices then need the new ca.pem)",
                         files->ca, ca_key_path);
    EVP_PKEY_free(m->ca_key);
    m->ca_key = EVP_EC_gen("P-256");
    m->ca = m->ca_key != NULL ? make_ca(m->ca_key) : NULL;
    if (m->ca == NULL)
        return fail(err, "the CA could not be made");
    files->made_ca = true;
    if (write_key(ca_key_path, m->ca_key, err) != 0)
        return -1;
    return write_cert(files->ca, m->ca, NULL, err);
}

static int prepare_server(const struct tls_files *files, const char *const *names, size_t count,
                          struct made *m, struct error *err)
{
    m->cert = read_cert(files->cert);
    m->key = read_key(files->key);
    if (still_good(m->cert, m->key, m->ca, names, count))
        return 0;
    X509_free(m->cert);
    m->cert = NULL;
    EVP_PKEY_free(m->key);
    m->key = EVP_EC_gen("P-256");
    m->cert = m->key != NULL ? make_server(m->key, m->ca, m->ca_key, names, count) : NULL;
    if (m->cert == NULL)
        return fail(err, "the server certificate could not be made");
    if (write_key(files->key, m->key, err) != 0)
        return -1;
    return write_cert(files->cert, m->cert, NULL, err);
}

int tls_prepare(const char *dir, const char *const *names, size_t name_count, struct tls_files *out,
                struct error *err)
{
    char ca_key[512];
    struct made made = {0};
    memset(out, 0, sizeof *out);
    if (strlen(dir) > 400)
        return error_set(err, "TLS: %s: path too long", dir);
    if (file_make_directories(dir, 0700, err) != 0)
        return -1;
    snprintf(out->ca, sizeof out->ca, "%s/ca.pem", dir);
    snprintf(out->cert, sizeof out->cert, "%s/server.pem", dir);
    snprintf(out->key, sizeof out->key, "%s/server.key", dir);
    snprintf(ca_key, sizeof ca_key, "%s/ca.key", dir);
    int result = prepare_ca(out, ca_key, &made, err);
    if (result == 0)
        result = prepare_server(out, names, name_count, &made, err);
    X509_free(made.ca);
    X509_free(made.cert);
    EVP_PKEY_free(made.ca_key);
    EVP_PKEY_free(made.key);
    return result;
}
