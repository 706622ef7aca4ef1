/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phone book over LDAP: telephones sign in as what their tenant says and search; nothing can be changed.  A thread of its own with
 * its connections; what is asked goes to the store's readers.
 *
 * Thread     ldap_open, ldap_start, ldap_stop, ldap_close: main.  ldap_serve, ldap_leave: core
 * Ownership  ldap_serve() takes the descriptor on success.  ldap_close() after store_close(): the store knows its ring
 * Errors     ldap_serve, ldap_leave: ENOBUFS, the thread is behind: try again
 * Sources    RFC 4511, RFC 4513 (StartTLS, simple bind), RFC 4512 5.1 (root DSE), RFC 2696 (paged results)
 */
#ifndef LDAP_LDAP_H
#define LDAP_LDAP_H

#include "base/defs.h"

struct ldap;
struct store;
struct tls_keeper;

struct ldap_conf {
	struct store *store;
	struct tls_keeper *tls;
	uint32_t tls_listener; /* whose certificate is shown */
};
int ldap_open(struct ldap **lp, const struct ldap_conf *conf) MUST_USE;
int ldap_start(struct ldap *l) MUST_USE;
void ldap_stop(struct ldap *l); /* the thread; NULL allowed */
struct ldap *ldap_close(struct ldap *l);

struct ldap_door {
	uint32_t number; /* names it; never used again */
	int fd;		 /* listens already */
	bool is_tls;	 /* LDAPS */
	bool plain_sign_in;
};
int ldap_serve(struct ldap *l, const struct ldap_door *d) MUST_USE;
/* It is closed, and who came in by it is out. */
int ldap_leave(struct ldap *l, uint32_t number) MUST_USE;

#endif
