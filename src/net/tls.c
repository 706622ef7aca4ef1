/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/addr.h"
#include "net/tls.h"
#include "net/tls_name.h"

enum { WHY_BYTES = 160 };

struct tls_keeper {
	pthread_mutex_t lock;
	SSL_CTX *ctx;	 /* of those that come in; counted: connections hold theirs */
	SSL_CTX *client; /* of those that we make */
	X509_STORE *trust;
};

struct tls {
	SSL *ssl;
	bool wants_write;
	char whom[]; /* "": it came in */
};

/* ---- the certificate ---- */

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = mem_fault() ? NULL : SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* A phone's connection lasts for hours: tickets save nothing and outlive their keys. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	/* An idle connection holds no buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

static SSL_CTX *client_context(X509_STORE *trust)
{
	SSL_CTX *ctx = context(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set1_cert_store(ctx, trust);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

int tls_keeper_alloc(struct tls_keeper **kp)
{
	struct tls_keeper *k = mem_fault() ? NULL : calloc(1, sizeof(*k));
	int err;

	if (!k)
		return ENOMEM;
	err = pthread_mutex_init(&k->lock, NULL);
	if (err) {
		free(k);
		return err;
	}
	k->trust = X509_STORE_new();
	if (!k->trust || X509_STORE_set_default_paths(k->trust) != 1)
		err = ENOMEM;
	k->client = err ? NULL : client_context(k->trust);
	if (!k->client)
		err = ENOMEM;
	ERR_clear_error();
	if (err)
		tls_keeper_free(k);
	else
		*kp = k;
	return err;
}

struct tls_keeper *tls_keeper_free(struct tls_keeper *k)
{
	if (k) {
		SSL_CTX_free(k->ctx);
		SSL_CTX_free(k->client);
		X509_STORE_free(k->trust);
		pthread_mutex_destroy(&k->lock);
		free(k);
	}
	return NULL;
}

static int failed(char *why, const char *what, const char *path)
{
	char text[120];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	(void)snprintf(why, WHY_BYTES, "%s %.60s: %.40s", what, path, text);
	ERR_clear_error();
	return EINVAL;
}

static int load(SSL_CTX *ctx, const char *cert_path, const char *key_path, char *why)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
		return failed(why, "certificate", cert_path);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1)
		return failed(why, "key", key_path);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return failed(why, "the certificate does not belong to key", key_path);
	return 0;
}

/* Shown to servers too that ask for one. */
int tls_keeper_set(struct tls_keeper *k, const char *cert_path, const char *key_path, char *why)
{
	SSL_CTX *ctx = context(TLS_server_method()), *client = client_context(k->trust), *before[2];
	int err = ctx && client ? load(ctx, cert_path, key_path, why) : ENOMEM;

	if (!err)
		err = load(client, cert_path, key_path, why);
	if (err) {
		SSL_CTX_free(ctx);
		SSL_CTX_free(client);
		return err;
	}
	pthread_mutex_lock(&k->lock);
	before[0] = k->ctx;
	before[1] = k->client;
	k->ctx = ctx;
	k->client = client;
	pthread_mutex_unlock(&k->lock);
	SSL_CTX_free(before[0]);
	SSL_CTX_free(before[1]);
	return 0;
}

int tls_keeper_trust(struct tls_keeper *k, const char *ca_path, char *why)
{
	ERR_clear_error();
	return X509_STORE_load_file(k->trust, ca_path) == 1 ? 0 : failed(why, "roots", ca_path);
}

/* ---- a connection ---- */

static int begin(struct tls **tp, struct tls_keeper *k, int fd, struct str whom)
{
	struct tls *t = mem_fault() ? NULL : calloc(1, sizeof(*t) + whom.n + 1);
	SSL_CTX *ctx;
	int err = t ? 0 : ENOMEM;

	if (!err) {
		pthread_mutex_lock(&k->lock);
		ctx = whom.n ? k->client : k->ctx;
		err = ctx ? 0 : ENOENT;
		t->ssl = ctx ? SSL_new(ctx) : NULL; /* holds the context */
		pthread_mutex_unlock(&k->lock);
	}
	if (!err && (!t->ssl || SSL_set_fd(t->ssl, fd) != 1))
		err = ENOMEM;
	if (err) {
		tls_free(t);
		return err;
	}
	if (whom.n)
		memcpy(t->whom, whom.p, whom.n);
	*tp = t;
	return 0;
}

int tls_alloc(struct tls **tp, struct tls_keeper *k, int fd)
{
	int err = begin(tp, k, fd, STR_NONE);

	if (!err)
		SSL_set_accept_state((*tp)->ssl);
	return err;
}

int tls_connect(struct tls **tp, struct tls_keeper *k, int fd, struct str whom)
{
	struct addr ip;
	int err = whom.n ? begin(tp, k, fd, whom) : EINVAL;

	if (err)
		return err;
	SSL_set_connect_state((*tp)->ssl);
	/* RFC 6066 3: an address is no name. */
	if (addr_parse(&ip, whom, 0) && SSL_set_tlsext_host_name((*tp)->ssl, (*tp)->whom) != 1) {
		*tp = tls_free(*tp);
		return ENOMEM;
	}
	return 0;
}

struct tls *tls_free(struct tls *t)
{
	if (t)
		SSL_free(t->ssl); /* the descriptor was lent */
	free(t);
	return NULL;
}

/* What a call that gave `ret` means: an errno, 0 for the end of the stream. */
static int meaning(struct tls *t, int ret)
{
	int saved = errno;

	t->wants_write = false;
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_WRITE:
		t->wants_write = true;
		return EAGAIN;
	case SSL_ERROR_WANT_READ:
		return EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return saved ? saved : ECONNRESET;
	default:
		return EPROTO;
	}
}

/* The chain is good; is it the right one's? */
static int check_name(const struct tls *t, char *why)
{
	X509 *cert = SSL_get1_peer_certificate(t->ssl);
	bool fits = cert && tls_name_fits(cert, str_of(t->whom));

	X509_free(cert);
	if (fits)
		return 0;
	(void)snprintf(why, WHY_BYTES, "its certificate does not name %.100s", t->whom);
	return EKEYREJECTED;
}

/* What the hand-shake broke off for. */
static int reason(const struct tls *t, int err, char *why)
{
	long verified = t->whom[0] ? SSL_get_verify_result(t->ssl) : X509_V_OK;
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	if (verified != X509_V_OK) {
		(void)snprintf(why, WHY_BYTES, "its certificate is not believed: %s",
			       X509_verify_cert_error_string(verified));
		return verified == X509_V_ERR_CERT_HAS_EXPIRED ? EKEYEXPIRED : EKEYREJECTED;
	}
	(void)snprintf(why, WHY_BYTES, "the TLS hand-shake failed%s%.100s", text ? ": " : "",
		       text ? text : "");
	return err ? err : EPROTO;
}

int tls_handshake(struct tls *t, char *why)
{
	int ret, err;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	if (ret == 1) {
		t->wants_write = false;
		return t->whom[0] ? check_name(t, why) : 0;
	}
	err = meaning(t, ret);
	if (err != EAGAIN)
		err = reason(t, err, why);
	ERR_clear_error();
	return err;
}

bool tls_wants_write(const struct tls *t)
{
	return t->wants_write;
}

ssize_t tls_read(struct tls *t, void *p, size_t n)
{
	int ret, err;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read(t->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	if (ret > 0)
		return ret;
	err = meaning(t, ret);
	ERR_clear_error();
	errno = err;
	return err ? -1 : 0;
}

ssize_t tls_write(struct tls *t, const void *p, size_t n)
{
	int ret, err;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write(t->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	if (ret > 0)
		return ret;
	err = meaning(t, ret);
	ERR_clear_error();
	errno = err ? err : EPIPE;
	return -1;
}

void tls_end(struct tls *t)
{
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl); /* one way; we do not wait for the peer's */
	ERR_clear_error();
}
