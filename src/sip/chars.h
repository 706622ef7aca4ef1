/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Character classes of the SIP grammar, and the few scanners that every parser of this folder uses.
 *
 * Where phones are known to go beyond the grammar and nothing becomes ambiguous by it, the class is wider: '#' and bytes
 * above 127 in a user, '_' in a host name.
 *
 * Thread     any
 * Sources    RFC 3261 25.1, RFC 3966 3
 */
#ifndef SIP_CHARS_H
#define SIP_CHARS_H

#include "base/str.h"

enum {
	SIP_CH_DIGIT = 1,
	SIP_CH_ALPHA = 2,
	SIP_CH_HEX = 4,
	SIP_CH_TOKEN = 8,
	SIP_CH_USER = 16,     /* user part, '%' apart */
	SIP_CH_PASSWORD = 32, /* password, '%' apart */
	SIP_CH_HOST = 64,
	SIP_CH_PARAM = 128,  /* uri parameter names and values, '%' apart */
	SIP_CH_HEADER = 256, /* header part of a URI, '%' apart */
	SIP_CH_TEL = 512,    /* digits and visual separators of tel: */
	SIP_CH_TEXT = 1024,  /* may stand in a header line: no control characters but HTAB */
};

extern const uint16_t sip_chars[256];

static inline bool sip_is(char c, unsigned classes)
{
	return sip_chars[(unsigned char)c] & classes;
}
static inline bool sip_is_lws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
/* All of s of these classes?  Empty: true. */
bool sip_all(struct str s, unsigned classes);
/* The same with %HH allowed (and checked). */
bool sip_all_escaped(struct str s, unsigned classes);
bool sip_is_token(struct str s); /* one character at least */
int sip_hex_digit(char c);	 /* -1: none */
/* Index behind the quoted string that starts at s.p[i] == '"'; 0 when it does not end. */
size_t sip_quoted_end(struct str s, size_t i);
bool sip_istarts(struct str s, struct str prefix); /* ASCII case folded */
struct str sip_sub(struct str s, size_t from, size_t to);

#endif
