/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/chars.h"

#define TXT	   SIP_CH_TEXT
#define TOK	   (SIP_CH_TOKEN | TXT)
#define USR	   SIP_CH_USER
#define PWD	   SIP_CH_PASSWORD
#define PAR	   SIP_CH_PARAM
#define HDR	   SIP_CH_HEADER
#define TEL	   SIP_CH_TEL
#define UNRESERVED (USR | PWD | PAR | HDR | TXT)
#define ALNUM	   (UNRESERVED | TOK | SIP_CH_HOST)

/* clang-format off */
const uint16_t sip_chars[256] = {
	['\t'] = TXT, [' '] = TXT, ['"'] = TXT, ['<'] = TXT, ['>'] = TXT, ['@'] = TXT, ['\\'] = TXT, ['^'] = TXT,
	['{'] = TXT, ['|'] = TXT, ['}'] = TXT,
	['0' ... '9'] = ALNUM | SIP_CH_DIGIT | SIP_CH_HEX | TEL,
	['A' ... 'F'] = ALNUM | SIP_CH_ALPHA | SIP_CH_HEX | TEL,
	['a' ... 'f'] = ALNUM | SIP_CH_ALPHA | SIP_CH_HEX | TEL,
	['G' ... 'Z'] = ALNUM | SIP_CH_ALPHA,
	['g' ... 'z'] = ALNUM | SIP_CH_ALPHA,
	['-'] = ALNUM | TEL, ['.'] = ALNUM | TEL, ['_'] = ALNUM,
	['!'] = UNRESERVED | TOK, ['~'] = UNRESERVED | TOK, ['\''] = UNRESERVED | TOK,
	['*'] = UNRESERVED | TOK | TEL, ['('] = UNRESERVED | TEL, [')'] = UNRESERVED | TEL,
	['%'] = TOK, ['`'] = TOK,
	['+'] = UNRESERVED | TOK | TEL, ['$'] = UNRESERVED,
	['&'] = USR | PWD | PAR | TXT, ['='] = USR | PWD | TXT, [','] = USR | PWD | TXT,
	[';'] = USR | TXT, ['?'] = USR | HDR | TXT, ['/'] = USR | PAR | HDR | TXT,
	['#'] = USR | TEL | TXT,
	['['] = PAR | HDR | TXT, [']'] = PAR | HDR | TXT, [':'] = PAR | HDR | TXT,
	[0x80 ... 0xff] = USR | PAR | HDR | TXT,
};
/* clang-format on */

bool sip_all(struct str s, unsigned classes)
{
	for (size_t i = 0; i < s.n; i++)
		if (!sip_is(s.p[i], classes))
			return false;
	return true;
}

int sip_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool sip_all_escaped(struct str s, unsigned classes)
{
	for (size_t i = 0; i < s.n; i++) {
		if (sip_is(s.p[i], classes))
			continue;
		if (s.p[i] != '%' || s.n - i < 3 || !sip_is(s.p[i + 1], SIP_CH_HEX) ||
		    !sip_is(s.p[i + 2], SIP_CH_HEX))
			return false;
		i += 2;
	}
	return true;
}

bool sip_is_token(struct str s)
{
	return s.n && sip_all(s, SIP_CH_TOKEN);
}

size_t sip_quoted_end(struct str s, size_t i)
{
	for (i++; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
	}
	return 0;
}

bool sip_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_ieq((struct str){s.p, prefix.n}, prefix);
}

struct str sip_sub(struct str s, size_t from, size_t to)
{
	return (struct str){s.p + from, to - from};
}
