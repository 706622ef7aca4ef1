/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/pem.h"

enum { MAX_CERTIFICATES = 64, MAX_FILE_BYTES = 128 << 10, LEAST_SECURITY_BITS = 112 };

static int bad(struct pem_fault *fault, bool is_key, const char *code, const char *text)
{
	*fault = (struct pem_fault){is_key, code, text};
	ERR_clear_error();
	return EINVAL;
}

static BIO *reader_of(struct str text)
{
	return mem_fault() || text.n > INT_MAX ? NULL : BIO_new_mem_buf(text.p, (int)text.n);
}

/* Was the end of the text what reading stopped at? */
static bool is_at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

/* Every certificate of the text. */
static int read_all(STACK_OF(X509) * *allp, struct str text, struct pem_fault *fault)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *bio = reader_of(text);
	int err = all && bio ? 0 : ENOMEM;
	X509 *cert;

	ERR_clear_error();
	while (!err && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_num(all) == MAX_CERTIFICATES || !sk_X509_push(all, cert)) {
			X509_free(cert);
			err = bad(fault, false, "too_many", "holds too many certificates");
		}
	if (!err && !is_at_end())
		err = bad(fault, false, "bad_pem", "holds what is no certificate in PEM");
	if (!err && !sk_X509_num(all))
		err = bad(fault, false, "bad_pem", "holds no certificate in PEM");
	ERR_clear_error();
	BIO_free(bio);
	if (err)
		sk_X509_pop_free(all, X509_free);
	else
		*allp = all;
	return err;
}

static int read_chain(struct pem_pair *p, struct str text, struct pem_fault *fault)
{
	int err = read_all(&p->more, text, fault);

	if (err)
		return err;
	p->cert = sk_X509_shift(p->more);
	for (int i = 0; i < sk_X509_num(p->more); i++) {
		X509 *of = i ? sk_X509_value(p->more, i - 1) : p->cert;

		if (X509_check_issued(sk_X509_value(p->more, i), of) != X509_V_OK)
			return bad(fault, false, "bad_order",
				   "each certificate must have signed the one before it");
	}
	return 0;
}

static int tell_passphrase(char *dst, int size, int is_writing, void *arg)
{
	struct str s = str_of(arg);

	(void)is_writing;
	if (size < 0 || s.n > (size_t)size)
		return -1;
	memcpy(dst, s.p, s.n);
	return (int)s.n;
}

static int read_key(struct pem_pair *p, struct str text, const char *passphrase,
		    struct pem_fault *fault)
{
	BIO *bio = reader_of(text);
	char none[] = "";

	if (!bio)
		return ENOMEM;
	ERR_clear_error();
	p->key = PEM_read_bio_PrivateKey(bio, NULL, tell_passphrase,
					 passphrase ? (void *)(uintptr_t)passphrase : none);
	BIO_free(bio);
	if (p->key)
		return 0;
	if (memmem(text.p, text.n, "ENCRYPTED", strlen("ENCRYPTED")))
		return bad(fault, true, "bad_passphrase", "is not opened by the pass phrase");
	return bad(fault, true, "bad_pem", "is no private key in PEM");
}

int pem_pair_read(struct pem_pair *p, struct str chain, struct str key, const char *passphrase,
		  struct pem_fault *fault)
{
	int err;

	*p = (struct pem_pair){NULL, NULL, NULL};
	err = read_chain(p, chain, fault);
	if (!err)
		err = read_key(p, key, passphrase, fault);
	if (!err && X509_check_private_key(p->cert, p->key) != 1)
		err = bad(fault, true, "not_matching", "does not belong to the certificate");
	if (!err && EVP_PKEY_get_security_bits(p->key) < LEAST_SECURITY_BITS)
		err = bad(fault, true, "too_weak", "is too short to be of use");
	if (err)
		pem_pair_close(p);
	return err;
}

void pem_pair_close(struct pem_pair *p)
{
	X509_free(p->cert);
	sk_X509_pop_free(p->more, X509_free);
	EVP_PKEY_free(p->key);
	*p = (struct pem_pair){NULL, NULL, NULL};
}

void pem_pair_copy(struct pem_pair *to, const struct pem_pair *from)
{
	*to = *from;
	if (from->cert)
		X509_up_ref(from->cert);
	if (from->key)
		EVP_PKEY_up_ref(from->key);
	to->more = from->more ? X509_chain_up_ref(from->more) : NULL;
}

int pem_roots_read(X509_STORE **storep, STACK_OF(X509_NAME) * *namesp, struct str pem,
		   struct pem_fault *fault)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	STACK_OF(X509) *all = NULL;
	X509_STORE *store = X509_STORE_new();
	int err = read_all(&all, pem, fault);

	if (!err && (!store || !names))
		err = ENOMEM;
	for (int i = 0; !err && i < sk_X509_num(all); i++) {
		X509 *root = sk_X509_value(all, i);
		X509_NAME *name = X509_NAME_dup(X509_get_subject_name(root));

		if (!name || !sk_X509_NAME_push(names, name)) {
			X509_NAME_free(name);
			err = ENOMEM;
		} else if (X509_STORE_add_cert(store, root) != 1) {
			err = ENOMEM;
		}
	}
	sk_X509_pop_free(all, X509_free);
	if (!err && namesp) {
		*namesp = names;
		names = NULL;
	}
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	if (err)
		X509_STORE_free(store);
	else
		*storep = store;
	return err;
}

/* ---- what it says ---- */

/* Only what can stand in a list of words: who signed it may have signed anything. */
static void word(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return;
	if (!s.n)
		return;
	if (out->n)
		buf_char(out, ' ');
	buf_str(out, s);
}

static struct str text_of(const ASN1_STRING *s)
{
	return (struct str){(const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

static void ip_word(struct buf *out, const ASN1_STRING *s)
{
	struct addr a = {.family = ASN1_STRING_length(s) == 4 ? 4 : 6};
	char text[ADDR_STR_BYTES];

	if (ASN1_STRING_length(s) != 4 && ASN1_STRING_length(s) != 16)
		return;
	memcpy(a.ip, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	word(out, str_of(addr_ip_str(text, &a)));
}

static void common_name(const X509 *cert, struct buf *out)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at >= 0)
		word(out, text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

void pem_names(const X509 *cert, struct buf *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	if (!names)
		return common_name(cert, out);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			word(out, text_of(name->d.dNSName));
		else if (name->type == GEN_IPADD)
			ip_word(out, name->d.iPAddress);
	}
	GENERAL_NAMES_free(names);
}

bool pem_names_have(struct str names, struct str name)
{
	struct str parent = name;

	(void)str_cut(&parent, '.');
	while (names.n) {
		struct str one = str_cut(&names, ' ');

		if (str_ieq(one, name) || (one.n > 2 && one.p[0] == '*' && parent.n &&
					   str_ieq((struct str){one.p + 2, one.n - 2}, parent)))
			return true;
	}
	return false;
}

int64_t pem_expires_us(const X509 *cert)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000000;
}

int pem_file(struct buf *out, const char *path)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;
	int err = 0;

	if (!f)
		return errno;
	while (!err && (n = fread(part, 1, sizeof(part), f)) > 0) {
		buf_add(out, part, n);
		err = out->n > MAX_FILE_BYTES ? EFBIG : out->err;
	}
	if (!err && ferror(f))
		err = EIO;
	fclose(f);
	return err;
}
