/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Escaping of URIs (%HH) and of quoted strings (backslash), both ways. */
#include "sip/chars.h"
#include "sip/uri.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static int unescape(char *dst, size_t dst_bytes, struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			int high = i + 2 < s.n ? sip_hex_digit(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? sip_hex_digit(s.p[i + 2]) : -1;

			if (high < 0 || low < 0 || !(high | low))
				return EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (!c)
			return EINVAL;
		if (n + 1 >= dst_bytes)
			return ENAMETOOLONG;
		dst[n++] = c;
	}
	dst[n] = '\0';
	return 0;
}

int sip_unescape(char *dst, size_t dst_bytes, struct str s)
{
	int err;

	if (!dst_bytes)
		return ENAMETOOLONG;
	err = unescape(dst, dst_bytes, s);
	if (err)
		dst[0] = '\0';
	return err;
}

/* '#' and bytes above 127 are accepted from others, and written the way the grammar wants them. */
static bool user_goes_plain(char c)
{
	return sip_is(c, SIP_CH_USER) && c != '#' && !((unsigned char)c & 0x80);
}

void sip_escape_user(struct buf *out, struct str user)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < user.n; i++) {
		unsigned char c = (unsigned char)user.p[i];

		if (user_goes_plain(user.p[i]))
			buf_char(out, user.p[i]);
		else
			buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
}

int sip_unquote(char *dst, size_t dst_bytes, struct str s)
{
	size_t n = 0;

	if (!dst_bytes)
		return ENAMETOOLONG;
	dst[0] = '\0';
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\') {
			if (++i == s.n) {
				dst[0] = '\0';
				return EINVAL;
			}
			c = s.p[i];
		}
		if (is_control(c))
			continue;
		if (n + 1 >= dst_bytes) {
			dst[0] = '\0';
			return ENAMETOOLONG;
		}
		dst[n++] = c;
	}
	dst[n] = '\0';
	return 0;
}

void sip_quote(struct buf *out, struct str text)
{
	buf_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (is_control(text.p[i]))
			continue;
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, text.p[i]);
	}
	buf_char(out, '"');
}
