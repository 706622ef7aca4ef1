/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/strength.h"
#include <string.h>

/* What is tried first, and at any length; in small letters. */
static const char *const common[] = {
	"password",    "passwort",  "passw0rd",	     "p@ssw0rd",   "password1",	 "password12",
	"password123", "qwerty",    "qwertz",	     "azerty",	   "qwertyuiop", "qwertzuiop",
	"qwerty123",   "asdfghjkl", "letmein",	     "welcome",	   "welcome1",	 "welcome123",
	"iloveyou",    "monkey",    "dragon",	     "football",   "baseball",	 "sunshine",
	"princess",    "superman",  "batman",	     "master",	   "shadow",	 "trustno1",
	"whatever",    "starwars",  "changeme",	     "default",	   "secret",	 "secret123",
	"admin",       "admin123",  "administrator", "root",	   "guest",	 "test",
	"test1234",    "testtest",  "abc12345",	     "abcd1234",   "1q2w3e4r",	 "1qaz2wsx",
	"q1w2e3r4",    "zaq12wsx",  "asterisk",	     "freepbx",	   "portsip",	 "offhook",
	"voipvoip",    "sip12345",  "phone123",	     "telefon",	   "internet",	 "computer",
	"company1",    "1111",	    "2580",	     "1212",	   "1004",	 "6969",
	"123123",      "112233",    "159753",	     "147258",	   "12341234",	 "11223344",
	"123123123",   "147258369", "987654321",     "1234567890",
};

static char low(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(const char *a, const char *b)
{
	while (*a && low(*a) == low(*b))
		a++, b++;
	return !*a && !*b;
}

static bool begins_at(const char *s, const char *name)
{
	while (*name && low(*s) == low(*name))
		s++, name++;
	return !*name;
}

static bool is_backwards(const char *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (low(s[i]) != low(name[n - 1 - i]))
			return false;
	return !s[n];
}

/* 101, 101101, 101!, a101, 1-101-1: what is left of it without the name is next to nothing. */
static bool is_own_name(const char *s, const char *name)
{
	size_t nname = name ? strlen(name) : 0, left = strlen(s);

	if (!nname)
		return false;
	if (same(s, name) || is_backwards(s, name))
		return true;
	if (nname < 3)
		return false;
	for (const char *at = s; *at;) {
		if (begins_at(at, name)) {
			left -= nname;
			at += nname;
		} else {
			at++;
		}
	}
	return left < strlen(s) && left <= 4;
}

static bool is_repeated(const char *s)
{
	size_t n = strlen(s);

	for (size_t period = 1; period <= 2 && period < n; period++) {
		size_t i = period;

		while (i < n && s[i] == s[i - period])
			i++;
		if (i == n)
			return true;
	}
	return false;
}

/* 1234, 9876, abcdef, 2468: each character is as far from the one before. */
static bool is_sequence(const char *s)
{
	size_t n = strlen(s);
	int step;

	if (n < 3)
		return false;
	step = s[1] - s[0];
	for (size_t i = 2; i < n; i++) {
		int d = s[i] - s[i - 1];

		if (d != step && !(s[i - 1] == '9' && s[i] == '0' && step == 1))
			return false;
	}
	return step >= -2 && step <= 2;
}

static bool is_common(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (same(s, common[i]))
			return true;
	return false;
}

const char *strength_guessed(const char *clear, const char *name)
{
	if (is_own_name(clear, name))
		return "own_name";
	if (is_repeated(clear))
		return "repeated";
	if (is_sequence(clear))
		return "sequence";
	return is_common(clear) ? "common" : NULL;
}

static unsigned kinds_in(const char *s)
{
	bool has[4] = {false};

	for (; *s; s++)
		has[*s >= 'a' && *s <= 'z'   ? 0
		    : *s >= 'A' && *s <= 'Z' ? 1
		    : *s >= '0' && *s <= '9' ? 2
					     : 3] = true;
	return (unsigned)has[0] + has[1] + has[2] + has[3];
}

const char *strength_of_password(const char *clear, const char *name, int64_t length)
{
	const char *why = strength_guessed(clear, name);
	size_t n = strlen(clear);

	if (why)
		return why;
	if (n < 8 || (int64_t)n < length)
		return "too_short";
	return kinds_in(clear) < 2 && n < 12 ? "too_simple" : NULL;
}

const char *strength_of_pin(const char *pin, const char *number)
{
	const char *why = strength_guessed(pin, number);

	return why ? why : strlen(pin) < 4 ? "too_short" : NULL;
}
