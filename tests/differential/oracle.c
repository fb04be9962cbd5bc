/* The real OpenSSL, to be asked: one line of answer for every line of question.
 *
 *   oracle KEYS.pem      prints the public key (SubjectPublicKeyInfo, hex) of every private key in the file, then an empty line
 *
 *   sign KEY HOW HEX     HOW: a digest, `pss-` and a digest, or `-` -> the signature, hex; nothing where the key is too short
 *   judge LEVEL TIME HOST CHAIN ROOTS
 *        HOST: `-`, or `n` or `i` and the name or address; CHAIN, ROOTS: hex, comma between, `-` for none; a root that starts
 *        with `t` brings trust settings -> length of the path and CODE@DEPTH of every error, or `unreadable`
 *
 *   look HEX             -> whether the dates have the form that OpenSSL wants, and whether it can read the key: `11`, `01`, ..
 *
 * The question is put as libssl puts it for a TLS client whose verify callback goes on past every error, as s_client's does. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 64, MOST_ERRORS = 4096 };

static EVP_PKEY *keys[MOST_KEYS];
static int key_count;
static struct { int code, depth; } errors[MOST_ERRORS];
static int error_count;

static void die(const char *what) {
    fprintf(stderr, "oracle: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int digit(int c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* In place; returns the length. */
static size_t from_hex(char *text) {
    size_t length = strlen(text) / 2;
    for (size_t i = 0; i < length; i++) text[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return length;
}

static void print_hex(const unsigned char *octets, size_t length) {
    for (size_t i = 0; i < length; i++) printf("%02x", octets[i]);
    putchar('\n');
}

static void load_keys(const char *path) {
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *key;
    if (!file) die("cannot read the keys");
    while (key_count < MOST_KEYS && (key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL))) {
        unsigned char *spki = NULL;
        int length = i2d_PUBKEY(key, &spki);
        if (length <= 0) die("a key has no public part");
        keys[key_count++] = key;
        print_hex(spki, (size_t)length);
        OPENSSL_free(spki);
    }
    ERR_clear_error();
    BIO_free(file);
    putchar('\n');
}

static void sign(void) {
    char *key = strtok(NULL, " "), *how = strtok(NULL, " "), *message = strtok(NULL, " ");
    if (!message || atoi(key) >= key_count) die("sign what?");
    int pss = !strncmp(how, "pss-", 4);
    const EVP_MD *digest = !strcmp(how, "-") ? NULL : EVP_get_digestbyname(pss ? how + 4 : how);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options;
    size_t length = from_hex(message), signed_length = 0;
    if (EVP_DigestSignInit(context, &options, digest, NULL, keys[atoi(key)]) <= 0) die("cannot sign");
    if (pss) {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    EVP_DigestSign(context, NULL, &signed_length, (unsigned char *)message, length);
    unsigned char *signature = malloc(signed_length);
    if (EVP_DigestSign(context, signature, &signed_length, (unsigned char *)message, length) <= 0) signed_length = 0;
    ERR_clear_error();
    print_hex(signature, signed_length);
    free(signature);
    EVP_MD_CTX_free(context);
}

static int record(int ok, X509_STORE_CTX *context) {
    if (!ok && error_count < MOST_ERRORS) {
        errors[error_count].code = X509_STORE_CTX_get_error(context);
        errors[error_count++].depth = X509_STORE_CTX_get_error_depth(context);
    }
    return 1;
}

/* One certificate; nothing may follow it. */
static X509 *certificate(char *hex, int trusted) {
    const unsigned char *start = (unsigned char *)hex, *at = start;
    long length = (long)from_hex(hex);
    X509 *x = trusted ? d2i_X509_AUX(NULL, &at, length) : d2i_X509(NULL, &at, length);
    if (x && at != start + length) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

static void judge(void) {
    char *level = strtok(NULL, " "), *when = strtok(NULL, " "), *host = strtok(NULL, " ");
    char *chain = strtok(NULL, " "), *roots = strtok(NULL, " ");
    if (!roots) die("judge what?");
    STACK_OF(X509) *presented = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *wanted = X509_VERIFY_PARAM_new();
    int readable = 1;
    for (char *hex = strtok(chain, ","); hex; hex = strtok(NULL, ",")) {
        X509 *x = certificate(hex, 0);
        if (x) sk_X509_push(presented, x);
        else readable = 0;
    }
    for (char *hex = strcmp(roots, "-") ? strtok(roots, ",") : NULL; hex; hex = strtok(NULL, ",")) {
        X509 *x = certificate(*hex == 't' ? hex + 1 : hex, *hex == 't');
        if (x) X509_STORE_add_cert(store, x);
        X509_free(x);
    }
    if (*host == 'n') X509_VERIFY_PARAM_set1_host(wanted, host + 1, 0);
    if (*host == 'i') X509_VERIFY_PARAM_set1_ip_asc(wanted, host + 1);
    X509_VERIFY_PARAM_set_time(wanted, (time_t)atoll(when));
    if (readable) {
        error_count = 0;
        if (!X509_STORE_CTX_init(context, store, sk_X509_value(presented, 0), presented)) die("no context");
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_auth_level(param, atoi(level));
        X509_STORE_CTX_set_default(context, "ssl_server");
        X509_VERIFY_PARAM_set1(param, wanted);
        X509_STORE_CTX_set_verify_cb(context, record);
        X509_verify_cert(context);
        printf("%d", sk_X509_num(X509_STORE_CTX_get0_chain(context)));
        for (int i = 0; i < error_count; i++) printf(" %d@%d", errors[i].code, errors[i].depth);
        /* Where it gives up without asking the callback, that is the last word all the same. */
        int last = error_count ? errors[error_count - 1].code : 0, closing = X509_STORE_CTX_get_error(context);
        if (last != closing) printf(" %d@%d", closing, X509_STORE_CTX_get_error_depth(context));
        putchar('\n');
    } else {
        puts("unreadable");
    }
    X509_VERIFY_PARAM_free(wanted);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_pop_free(presented, X509_free);
    ERR_clear_error();
}

static void look(void) {
    char *hex = strtok(NULL, " ");
    X509 *x = hex ? certificate(hex, 0) : NULL;
    time_t now = 0;
    int dates = x && X509_cmp_time(X509_get0_notBefore(x), &now) && X509_cmp_time(X509_get0_notAfter(x), &now);
    printf("%d%d\n", dates, x && X509_get0_pubkey(x));
    X509_free(x);
    ERR_clear_error();
}

int main(int argc, char **argv) {
    char *line = NULL;
    size_t room = 0;
    if (argc != 2) die("oracle KEYS.pem");
    load_keys(argv[1]);
    fflush(stdout);
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *verb = strtok(line, " ");
        if (verb && !strcmp(verb, "sign")) sign();
        else if (verb && !strcmp(verb, "judge")) judge();
        else if (verb && !strcmp(verb, "look")) look();
        else die("ask sign, judge or look");
        fflush(stdout);
    }
    free(line);
    return 0;
}
