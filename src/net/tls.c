/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/tls.h"

enum { WHY_BYTES = 160 };

struct tls_keeper {
	pthread_mutex_t lock;
	SSL_CTX *ctx; /* counted: connections hold theirs */
};

struct tls {
	SSL *ssl;
	bool wants_write;
};

/* ---- the certificate ---- */

int tls_keeper_alloc(struct tls_keeper **kp)
{
	struct tls_keeper *k = mem_fault() ? NULL : calloc(1, sizeof(*k));
	int err;

	if (!k)
		return ENOMEM;
	err = pthread_mutex_init(&k->lock, NULL);
	if (err)
		free(k);
	else
		*kp = k;
	return err;
}

struct tls_keeper *tls_keeper_free(struct tls_keeper *k)
{
	if (k) {
		SSL_CTX_free(k->ctx);
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

static SSL_CTX *context(void)
{
	SSL_CTX *ctx = mem_fault() ? NULL : SSL_CTX_new(TLS_server_method());

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

int tls_keeper_set(struct tls_keeper *k, const char *cert_path, const char *key_path, char *why)
{
	SSL_CTX *ctx = context(), *before;
	int err = ctx ? load(ctx, cert_path, key_path, why) : ENOMEM;

	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	pthread_mutex_lock(&k->lock);
	before = k->ctx;
	k->ctx = ctx;
	pthread_mutex_unlock(&k->lock);
	SSL_CTX_free(before);
	return 0;
}

/* ---- a connection ---- */

int tls_alloc(struct tls **tp, struct tls_keeper *k, int fd)
{
	struct tls *t = mem_fault() ? NULL : calloc(1, sizeof(*t));
	int err = t ? 0 : ENOMEM;

	if (!err) {
		pthread_mutex_lock(&k->lock);
		err = k->ctx ? 0 : ENOENT;
		t->ssl = k->ctx ? SSL_new(k->ctx) : NULL; /* holds the context */
		pthread_mutex_unlock(&k->lock);
	}
	if (!err && (!t->ssl || SSL_set_fd(t->ssl, fd) != 1))
		err = ENOMEM;
	if (err) {
		tls_free(t);
		return err;
	}
	SSL_set_accept_state(t->ssl);
	*tp = t;
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

int tls_handshake(struct tls *t)
{
	int ret, err;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	if (ret == 1) {
		t->wants_write = false;
		return 0;
	}
	err = meaning(t, ret);
	ERR_clear_error();
	return err ? err : EPROTO;
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
