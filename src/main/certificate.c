/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  The root's key stays in the folder, so that the server's certificate can be made anew for other addresses without
 * each phone having to trust another root.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "main/certificate.h"

enum {
	DAY_S = 24 * 3600,
	CA_DAYS = 3650,
	SERVER_DAYS = 730,
	RENEW_DAYS = 30,
};

struct pair { /* a certificate and its key */
	X509 *cert;
	EVP_PKEY *key;
};

static void pair_close(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	*p = (struct pair){NULL, NULL};
}

/* ---- files ---- */

static int open_aside(const char *path, char *aside, size_t n, FILE **fp)
{
	int fd;

	snprintf(aside, n, "%s.new", path);
	unlink(aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	*fp = fdopen(fd, "w");
	if (*fp)
		return 0;
	close(fd);
	return ENOMEM;
}

/* cert or key NULL: not in this file. */
static int write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
	char aside[700];
	FILE *f = NULL;
	int err = open_aside(path, aside, sizeof(aside), &f);

	if (err)
		return err;
	if (cert && PEM_write_X509(f, cert) != 1)
		err = EIO;
	if (key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1)
		err = EIO;
	if (fflush(f) || fsync(fileno(f)))
		err = EIO;
	if (fclose(f))
		err = EIO;
	if (!err && rename(aside, path))
		err = errno;
	if (err)
		unlink(aside);
	return err;
}

static void read_pair(struct pair *p, const char *cert_path, const char *key_path)
{
	FILE *f = fopen(cert_path, "re");

	if (f) {
		p->cert = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	f = fopen(key_path, "re");
	if (f) {
		p->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	if (!p->cert || !p->key || X509_check_private_key(p->cert, p->key) != 1)
		pair_close(p);
}

/* ---- making ---- */

static int extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext)
		return EIO;
	ok = X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok == 1 ? 0 : EIO;
}

static int set_serial(X509 *cert)
{
	unsigned char raw[16];
	BIGNUM *n;
	int ok;

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return EIO;
	raw[0] &= 0x7f;
	n = BN_bin2bn(raw, sizeof(raw), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok ? 0 : EIO;
}

static int begin(struct pair *p, const char *name, int days)
{
	X509_NAME *subject;

	p->key = EVP_EC_gen("P-256");
	p->cert = X509_new();
	if (!p->key || !p->cert || X509_set_version(p->cert, 2) != 1 || set_serial(p->cert))
		return EIO;
	subject = X509_get_subject_name(p->cert);
	/* An hour ago: the clocks of phones are not always right. */
	if (!X509_gmtime_adj(X509_getm_notBefore(p->cert), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(p->cert), (long)days * DAY_S) ||
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
				       -1, -1, 0) != 1 ||
	    X509_set_pubkey(p->cert, p->key) != 1)
		return EIO;
	return 0;
}

static int sign(struct pair *p, const struct pair *by)
{
	if (X509_set_issuer_name(p->cert, X509_get_subject_name(by->cert)) != 1)
		return EIO;
	return X509_sign(p->cert, by->key, EVP_sha256()) ? 0 : EIO;
}

static int make_ca(struct pair *ca)
{
	int err = begin(ca, "Offhook root of this system", CA_DAYS);

	if (!err)
		err = extend(ca->cert, ca->cert, NID_basic_constraints,
			     "critical,CA:TRUE,pathlen:0");
	if (!err)
		err = extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	if (!err)
		err = extend(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	return err ? err : sign(ca, ca);
}

static void names_of(struct buf *out, const struct certificate_for *whom)
{
	char ip[ADDR_STR_BYTES];

	buf_cstr(out, "DNS:localhost");
	if (whom->domain && *whom->domain)
		buf_printf(out, ",DNS:%s", whom->domain);
	for (size_t i = 0; i < whom->naddresses; i++)
		if (!addr_is_any(&whom->addresses[i]))
			buf_printf(out, ",IP:%s", addr_ip_str(ip, &whom->addresses[i]));
}

static int make_server(struct pair *server, const struct pair *ca,
		       const struct certificate_for *whom)
{
	struct buf names = {0};
	const char *name = whom->domain && *whom->domain ? whom->domain : "offhook";
	int err = begin(server, name, SERVER_DAYS);

	names_of(&names, whom);
	if (!err)
		err = names.err;
	if (!err)
		err = extend(server->cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	if (!err)
		err = extend(server->cert, ca->cert, NID_key_usage, "critical,digitalSignature");
	if (!err)
		err = extend(server->cert, ca->cert, NID_ext_key_usage, "serverAuth,clientAuth");
	if (!err)
		err = extend(server->cert, ca->cert, NID_subject_alt_name, names.p);
	buf_free(&names);
	return err ? err : sign(server, ca);
}

/* ---- is what is there good enough? ---- */

static bool lasts(const X509 *cert)
{
	time_t then = (time_t)(clock_wall_us(clock_real()) / 1000000) + RENEW_DAYS * DAY_S;

	return X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;
}

static bool is_for(X509 *cert, const struct certificate_for *whom)
{
	char ip[ADDR_STR_BYTES];

	if (whom->domain && *whom->domain && X509_check_host(cert, whom->domain, 0, 0, NULL) != 1)
		return false;
	for (size_t i = 0; i < whom->naddresses; i++)
		if (!addr_is_any(&whom->addresses[i]) &&
		    X509_check_ip_asc(cert, addr_ip_str(ip, &whom->addresses[i]), 0) != 1)
			return false;
	return true;
}

static int ready_ca(struct pair *ca, const struct certificate_paths *p, const char *key_path)
{
	int err;

	read_pair(ca, p->ca, key_path);
	if (ca->cert && lasts(ca->cert))
		return 0;
	pair_close(ca);
	err = make_ca(ca);
	if (!err)
		err = write_pem(key_path, NULL, ca->key);
	return err ? err : write_pem(p->ca, ca->cert, NULL);
}

static int ready_server(const struct certificate_paths *p, const struct pair *ca,
			const struct certificate_for *whom)
{
	struct pair server = {NULL, NULL};
	int err = 0;

	read_pair(&server, p->cert, p->key);
	if (!server.cert || !lasts(server.cert) || !is_for(server.cert, whom) ||
	    X509_verify(server.cert, ca->key) != 1) {
		pair_close(&server);
		err = make_server(&server, ca, whom);
		/* The key first: a certificate without it would be of no use, and is made again. */
		if (!err)
			err = write_pem(p->key, NULL, server.key);
		if (!err)
			err = write_pem(p->cert, server.cert, NULL);
		if (!err)
			log_info(NULL, LOGID_NET, "a certificate was made; phones trust it by %s",
				 p->ca);
	}
	pair_close(&server);
	return err;
}

int certificate_ready(struct certificate_paths *p, const char *dir,
		      const struct certificate_for *whom)
{
	struct pair ca = {NULL, NULL};
	char ca_key[640];
	int err;

	if (strlen(dir) > 600)
		return ENAMETOOLONG;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return errno;
	snprintf(p->ca, sizeof(p->ca), "%s/ca.pem", dir);
	snprintf(ca_key, sizeof(ca_key), "%s/ca.key", dir);
	snprintf(p->cert, sizeof(p->cert), "%s/server.pem", dir);
	snprintf(p->key, sizeof(p->key), "%s/server.key", dir);
	err = ready_ca(&ca, p, ca_key);
	if (!err)
		err = ready_server(p, &ca, whom);
	pair_close(&ca);
	return err;
}
