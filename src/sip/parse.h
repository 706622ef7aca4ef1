/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message parser's state between its files: msg.c reads lines, msg_check.c judges what they say.
 *
 * Thread     any
 */
#ifndef SIP_PARSE_H
#define SIP_PARSE_H

#include "sip/msg.h"

struct sip_parse {
	struct sip_msg *msg;
	const char *start;
	char *at, *end; /* what has not been read */
	unsigned max_headers;
	unsigned status; /* of the first flaw; 0 none */
	bool is_cut;	 /* the text ended, or we stopped, before the blank line */
};

/* Remember what is wrong; only the first counts. */
void sip_parse_flaw(struct sip_parse *p, unsigned status, const char *bad);
/* The fields that every message must have, decoded.  EBADMSG: nobody to answer to. */
int sip_parse_check(struct sip_parse *p) MUST_USE;
/* The body, by Content-Length and by what carried the message. */
void sip_parse_body(struct sip_parse *p);

#endif
