/* A server of a test's own: see trial.h. */
#include "trial.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *trial_path(struct trial *t, const char *prefix, const char *name, const char *suffix)
{
    char file[200];
    snprintf(file, sizeof file, "%s%s%s", prefix, name, suffix);
    return temp_path(&t->dir, file);
}

char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t len = 0, cap = 1u << 20, n;
    char *text = malloc(cap);
    if (f == NULL || text == NULL)
        fail_msg("%s cannot be read", path);
    while ((n = fread(text + len, 1, cap - len - 1, f)) > 0) {
        len += n;
        if (cap - len < 2 && (text = realloc(text, cap *= 2)) == NULL)
            abort();
    }
    text[len] = '\0';
    fclose(f);
    return text;
}

void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0)
        fail_msg("%s cannot be written", path);
}

char *take_text(json_t *take_reply, const char *name)
{
    const char *text = json_string_value(json_object_get(take_reply, name));
    char *copy = strdup(text != NULL ? text : "");
    json_decref(take_reply);
    return copy;
}

static bool is_there(void *path)
{
    return access(path, R_OK) == 0;
}

static void start_server(struct trial *t)
{
    char data[PATH_MAX], ready[PATH_MAX], out[PATH_MAX];
    snprintf(data, sizeof data, "%s", temp_path(&t->dir, "server"));
    snprintf(ready, sizeof ready, "%s", temp_path(&t->dir, "ready.json"));
    snprintf(out, sizeof out, "%s", temp_path(&t->dir, "otariad.out"));
    background_start(&t->server,
                     (const char *[]){OTARIAD_BINARY, "--data", data, "--device-listen", "127.0.0.1:0",
                                      "--operator-listen", "127.0.0.1:0", "--ready-file", ready, "--poll-s",
                                      "1", NULL},
                     out, t->log);
    if (!wait_until(is_there, ready, 30))
        fail_msg("otariad did not come up: %s", read_text(t->log));
    json_t *root = json_load_file(ready, 0, NULL);
    snprintf(t->device_url, sizeof t->device_url, "%s", text_of(root, "device"));
    snprintf(t->operator_url, sizeof t->operator_url, "%s", text_of(root, "operator"));
    json_decref(root);
}

void trial_begin(struct trial *t)
{
    memset(t, 0, sizeof *t);
    temp_dir_make(&t->dir);
    snprintf(t->ca, sizeof t->ca, "%s", temp_path(&t->dir, "server/tls/ca.pem"));
    snprintf(t->admin_token, sizeof t->admin_token, "%s", temp_path(&t->dir, "server/admin.token"));
    snprintf(t->key, sizeof t->key, "%s", temp_path(&t->dir, "signing.pem"));
    snprintf(t->log, sizeof t->log, "%s", temp_path(&t->dir, "otariad.log"));
    setenv("OTARIA_CONFIG", temp_path(&t->dir, "login/otaria.json"), 1);
    unsetenv("OTARIA_URL");
    unsetenv("OTARIA_TOKEN_FILE");
    unsetenv("OTARIA_CA");
    start_server(t);
    json_decref(succeed(OTARIA("key", "generate", "--scheme", "ecdsa256", "--out", t->key)));
    json_decref(succeed(OTARIA("login", t->operator_url, "--token-file", t->admin_token, "--ca", t->ca)));
}

void trial_end(struct trial *t)
{
    int code = background_stop(&t->server, SIGTERM, 20);
    char *log = read_text(t->log);
    bool complained = strstr(log, "Sanitizer") != NULL || strstr(log, "runtime error") != NULL;
    if (code != 0 || complained)
        print_error("otariad ended with %d: %s\n", code, log);
    free(log);
    temp_dir_remove(&t->dir);
    assert_int_equal(code, 0);
    assert_false(complained);
}

void trial_product(struct trial *t, const char *name, const char *rings)
{
    json_decref(succeed(OTARIA("product", "create", name, "--trust", t->key, "--rings", rings)));
    json_decref(succeed(OTARIA("token", "create", "--role", "enrol", "--product", name, "--out",
                               trial_path(t, "", name, ".token"))));
}

void trial_image(struct trial *t, const char *product, const char *version, const char *release)
{
    char raw[PATH_MAX], name[100];
    snprintf(name, sizeof name, "%s-%s", product, version);
    snprintf(raw, sizeof raw, "%s", trial_path(t, "", name, ".raw"));
    json_decref(
        succeed(OTARIA("image", "make", "--chip", "esp32c3", "--project", product, "--version", version,
                       "--release", release, "--hw-rev", "0,1,2", "--size", "196608", "--out", raw)));
    json_decref(
        succeed(OTARIA("image", "sign", raw, "--key", t->key, "--out", trial_path(t, "", name, ".bin"))));
}

void trial_release(struct trial *t, const char *product, const char *version, const char *release)
{
    char name[100];
    snprintf(name, sizeof name, "%s-%s", product, version);
    trial_image(t, product, version, release);
    json_decref(succeed(OTARIA("release", "push", trial_path(t, "", name, ".bin"))));
}

void trial_flash(struct trial *t, const char *name, const char *product, const char *hw_rev,
                 const char *device)
{
    char slot[PATH_MAX + 8], image[100];
    snprintf(image, sizeof image, "%s-1.0.0", product);
    snprintf(slot, sizeof slot, "ota_0=%s", trial_path(t, "", image, ".bin"));
    struct command c =
        OTARIA("flash", "create", "--table", OTARIA_SOURCE_DIR "/packaging/partitions/otaria-4mb.csv",
               "--flash-size", "4MB", "--slot", slot, "--otadata", "1:valid,-", "--hw-rev", hw_rev,
               "--product", product, "--trust", t->key, "--out", trial_path(t, "", name, ".flash"));
    if (device != NULL) {
        add(&c, "--device-id");
        add(&c, device);
    }
    json_decref(succeed(c));
}
