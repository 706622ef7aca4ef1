/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/mem.h"
#include "net/tls.h"
#include "net/tls_keeper.h"
#include "net/tls_name.h"

struct tls {
	SSL *ssl;
	bool wants_write;
	bool must_prove; /* that it is `whom`; else it came in, or whoever is there is believed */
	char whom[];
};

/* Takes ssl, which may be NULL. */
static int begin(struct tls **tp, SSL *ssl, int fd, struct str whom)
{
	struct tls *t = ssl && !mem_fault() ? calloc(1, sizeof(*t) + whom.n + 1) : NULL;

	if (!t) {
		SSL_free(ssl);
		return ENOMEM;
	}
	t->ssl = ssl;
	if (SSL_set_fd(ssl, fd) != 1) {
		tls_free(t);
		return ENOMEM;
	}
	if (whom.n)
		memcpy(t->whom, whom.p, whom.n);
	*tp = t;
	return 0;
}

int tls_alloc(struct tls **tp, struct tls_keeper *k, uint32_t listener, int fd)
{
	SSL *ssl;
	int err = tls_keeper_incoming(k, listener, &ssl);

	if (!err)
		err = begin(tp, ssl, fd, STR_NONE);
	if (!err)
		SSL_set_accept_state((*tp)->ssl);
	return err;
}

int tls_connect(struct tls **tp, struct tls_keeper *k, int fd, uint32_t whom, const char *ip)
{
	struct tls_keeper_peer who;
	struct addr is_ip;
	struct str host;
	SSL *ssl = NULL;
	int err = tls_keeper_outgoing(k, whom, &ssl, &who);

	host = str_of(*who.host ? who.host : ip);
	if (!err)
		err = begin(tp, ssl, fd, host);
	if (err)
		return err;
	(*tp)->must_prove = !who.is_unproved;
	SSL_set_connect_state((*tp)->ssl);
	/* RFC 6066 3: an address is no name. */
	if (addr_parse(&is_ip, host, 0) && SSL_set_tlsext_host_name((*tp)->ssl, (*tp)->whom) != 1) {
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
	(void)snprintf(why, TLS_WHY_BYTES, "its certificate does not name %.100s", t->whom);
	return EKEYREJECTED;
}

/* What the hand-shake broke off for. */
static int reason(const struct tls *t, int err, char *why)
{
	long verified = t->must_prove ? SSL_get_verify_result(t->ssl) : X509_V_OK;
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	if (verified != X509_V_OK) {
		(void)snprintf(why, TLS_WHY_BYTES, "its certificate is not believed: %s",
			       X509_verify_cert_error_string(verified));
		return verified == X509_V_ERR_CERT_HAS_EXPIRED ? EKEYEXPIRED : EKEYREJECTED;
	}
	(void)snprintf(why, TLS_WHY_BYTES, "the TLS hand-shake failed%s%.100s", text ? ": " : "",
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
		return t->must_prove ? check_name(t, why) : 0;
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
