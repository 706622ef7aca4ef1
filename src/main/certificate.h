/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The certificate that TLS listeners show when the operator has given none: a root made for this system, and a server
 * certificate signed by it, for the names and addresses it is reached at (TRN-7).
 *
 * Thread     core, at start
 * Sources    RFC 5280; RFC 5922 (a SIP domain stands in subjectAltName)
 */
#ifndef MAIN_CERTIFICATE_H
#define MAIN_CERTIFICATE_H

#include "base/addr.h"

struct certificate_paths {
	char ca[640], cert[640], key[640]; /* PEM */
};

struct certificate_for {
	const char *domain; /* or NULL */
	const struct addr *addresses;
	size_t naddresses;
};

/* Files in `dir`, which is made (mode 0700).  Those that are there stay, unless they are about to expire or are of other
 * names; the root stays as long as it can, for phones trust it.  EIO: OpenSSL refused; errno of files. */
int certificate_ready(struct certificate_paths *p, const char *dir,
		      const struct certificate_for *whom) MUST_USE;

#endif
