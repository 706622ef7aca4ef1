/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/x509v3.h>
#include <string.h>

#include "base/addr.h"
#include "net/tls_name.h"

static struct str text_of(const ASN1_STRING *s)
{
	return (struct str){(const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

/* A name with a NUL in it means one thing to who signed it and another to who reads it. */
static bool same_name(struct str name, struct str host)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	return name.n && !memchr(name.p, '\0', name.n) && str_ieq(name, host);
}

/* The host of "sip:example.com".  False: another scheme, or somebody's user. */
static bool sip_domain(struct str uri, struct str *host)
{
	const struct str scheme = STR("sip:");

	if (uri.n <= scheme.n || !str_ieq((struct str){uri.p, scheme.n}, scheme))
		return false;
	*host = (struct str){uri.p + scheme.n, uri.n - scheme.n};
	return !memchr(host->p, '@', host->n);
}

static bool common_name_fits(X509 *cert, struct str host)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	return at >= 0 &&
	       same_name(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), host);
}

static bool alternative_fits(const GENERAL_NAMES *names, struct str host)
{
	bool has_uri = false, fits_uri = false, fits_dns = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct str domain;

		if (name->type == GEN_URI &&
		    sip_domain(text_of(name->d.uniformResourceIdentifier), &domain)) {
			has_uri = true;
			fits_uri |= same_name(domain, host);
		} else if (name->type == GEN_DNS) {
			fits_dns |= same_name(text_of(name->d.dNSName), host);
		}
	}
	return has_uri ? fits_uri : fits_dns;
}

bool tls_name_fits(X509 *cert, struct str host)
{
	char ip[ADDR_STR_BYTES];
	struct addr a;
	GENERAL_NAMES *names;
	bool fits;

	if (!host.n)
		return false;
	if (!addr_parse(&a, host, 0))
		return X509_check_ip_asc(cert, addr_ip_str(ip, &a), 0) == 1;
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	fits = names ? alternative_fits(names, host) : common_name_fits(cert, host);
	GENERAL_NAMES_free(names);
	return fits;
}
