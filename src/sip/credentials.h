/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The grammar that challenges and credentials share: a scheme and a comma list of name=value.
 *
 * Thread     any
 * Ownership  values borrow from the text; quotes are off, backslash escapes are still in
 * Errors     EINVAL: not in the grammar, or a parameter twice
 * Sources    RFC 3261 25.1 (challenge, credentials), RFC 7616 3.3, 3.4
 */
#ifndef SIP_CREDENTIALS_H
#define SIP_CREDENTIALS_H

#include "sip/msg.h"

enum sip_cred {
#define X(ID, name) SIP_CRED_##ID,
#include "sip/credentials.def"
#undef X
	SIP_NCREDS
};

struct sip_credentials {
	struct str scheme;
	struct str value[SIP_NCREDS]; /* p NULL: not given */
};

int sip_credentials_parse(struct sip_credentials *c, struct str header_value) MUST_USE;
bool sip_credentials_is_digest(const struct sip_credentials *c);
/* Does a quoted value (escapes still in) say `plain`? */
bool sip_quoted_is(struct str quoted, struct str plain);

#endif
