/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a softphone reads from a QR code to sign in as an account (EXT-3, ACC-11): a SIP URI with user name and password (ADR 0045).
 *
 *	sip:100_2:PASSWORD@acme.example;transport=tls;maddr=203.0.113.5
 *
 * Thread     of the connection
 * Errors     those of db.h
 * Sources    RFC 3261 19.1.1
 */
#ifndef STORE_SIGN_IN_CODE_H
#define STORE_SIGN_IN_CODE_H

#include "store/rows.h"

/* The account's secrets are open. */
int sign_in_code(struct rows *r, const struct account *a, struct buf *uri) MUST_USE;

/* By which name or address this system is reached, as far as it is known; else the domain. */
int sign_in_server(struct rows *r, const char *domain, char dst[256]) MUST_USE;

#endif
