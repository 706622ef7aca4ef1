/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * E-mail: by which server it goes, and how it comes into the outbox.  Not for other folders, but for mail_server_of().
 *
 * Thread     of the connection
 * Ownership  a server belongs to the caller: object_free()
 * Errors     ENOENT: there is no mail server, of the tenant or of the system · ENOBUFS: too many wait already · those of db.h
 */
#ifndef STORE_MAIL_H
#define STORE_MAIL_H

#include "store/outbox.h"
#include "store/store_impl.h"

enum { MAIL_WAITING = 1000 }; /* of one tenant; further ones are dropped */

struct mail {
	uint64_t tenant_id;
	int kind; /* enum mail_kind: its texts are the tenant's, the system's or the default ones … */
	uint64_t of; /* what it tells of: of one thing an address is told once; 0: always */
	const char *to;
	json_t *values;	    /* … and these their placeholders; borrowed */
	uint64_t report_id; /* that is attached; 0: none */
	uint64_t extension_id; /* whose sign-in codes are attached; 0: nobody's */
	int64_t now_us;
};

/* Its own, when that is enabled, else the system's; secrets in clear. */
int mail_server_of(struct rows *r, uint64_t tenant_id, struct mail_server **sp) MUST_USE;
/* 422 on `field` when there is none. */
int mail_needs_server(struct rows *r, uint64_t tenant_id, const char *field,
		      struct field_errors *errs) MUST_USE;
/* *idp 0: mails of this kind are not sent. */
int mail_put(struct rows *r, const struct mail *m, uint64_t *idp) MUST_USE;
int mail_put_test(struct rows *r, uint64_t tenant_id, const char *to, int64_t now_us,
		  uint64_t *idp) MUST_USE;
/* A placeholder of the text that the kind does not have; STR_NONE: each is known. */
struct str mail_unknown_placeholder(int kind, const char *text);
json_t *mail_defaults(void);

/* query_outbox.c */
int query_one_mail(struct rows *r, uint64_t tenant_id, uint64_t id,
		   struct store_reply *reply) MUST_USE;

#endif
