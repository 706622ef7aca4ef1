/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Syntax of text that people give: characters, numbers, host names, mail addresses, time zones, times.
 *
 * Thread     any but core: a time zone is looked up in the system's database
 * Errors     false, or EINVAL
 * Sources    RFC 3629 (UTF-8), RFC 1123 2.1 (host names), RFC 5321 4.1.2 (mail), RFC 3261 25.1 (user), RFC 3339
 */
#ifndef SCHEMA_SYNTAX_H
#define SCHEMA_SYNTAX_H

#include "base/str.h"

/* Bytes of the first character, 0 when it is not UTF-8 (overlong, surrogate, above U+10FFFF, cut off). */
size_t syntax_utf8_len(struct str s);
/* Whole, valid UTF-8 without control characters (C0, DEL, C1, line and paragraph separators); counts characters. */
bool syntax_text(struct str s, size_t *ncharsp);
/* The same of each line; lines end with LF or CRLF. */
bool syntax_lines(struct str s, size_t *ncharsp);
bool syntax_number(struct str s); /* ASCII digits and letters: an extension's number (SYS-10) */
bool syntax_feature_code(struct str s); /* * or #, then digits, * and # */
bool syntax_speed_dial(
	struct str s);		    /* digits, letters, +, * and #; no key of a speed dial itself */
bool syntax_sip_user(struct str s); /* user part of a SIP URI that needs no escape */
bool syntax_hostname(struct str s); /* host name, IPv4 or IPv6 address, without brackets */
bool syntax_network(struct str s);  /* as addr_net_parse() takes it */
bool syntax_email(struct str s);
bool syntax_time_zone(struct str s); /* IANA name that this system knows */
bool syntax_capitals(struct str s);
bool syntax_clock_time(struct str s); /* HH:MM, up to 24:00 */
bool syntax_date(struct str s);	      /* YYYY-MM-DD, a day that there is */
/* RFC 3339 with any offset → µs since 1970 UTC, fractions beyond µs dropped. */
int syntax_time(struct str s, int64_t *usp) MUST_USE;

#endif
