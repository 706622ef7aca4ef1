/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is this certificate that of the host we mean?
 *
 * Of a certificate with SIP URIs (sip:example.com) these count, else its DNS names, and the common name only where there is
 * no subjectAltName at all.  Names are compared whole: no wildcards.
 *
 * Thread     any
 * Sources    RFC 5922 7.1, 7.2; RFC 5280 4.2.1.6
 */
#ifndef NET_TLS_NAME_H
#define NET_TLS_NAME_H

#include <openssl/x509.h>
#include "base/str.h"

/* host: a name, or an IP address as text, which must be among the certificate's addresses. */
bool tls_name_fits(X509 *cert, struct str host);

#endif
