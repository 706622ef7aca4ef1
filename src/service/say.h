/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers, dates and times as lists of prompts, in the order and with the words of a language.  Pure; the grammar is say.def.
 *
 * Units      numbers to 999,999,999; hours and minutes of the day
 * Ownership  names are constant or in the list
 * Errors     ENOENT: no such language; ERANGE: a number, or hour …, that nobody says; E2BIG: more than a list takes
 */
#ifndef SERVICE_SAY_H
#define SERVICE_SAY_H

#include "base/str.h"
#include "base/zone.h"

enum { SAY_MAX = 48, SAY_NAME_BYTES = 32, SAY_MOST = 999999999 };

struct say { /* zero: nothing yet; what is said is appended */
	size_t n;
	char names[SAY_MAX][SAY_NAME_BYTES];
};

int say_word(struct say *s, const char *name) MUST_USE; /* any prompt */
int say_number(struct say *s, const char *language, uint32_t n) MUST_USE;
int say_digits(struct say *s, struct str digits) MUST_USE; /* one by one: 0-9 * # */
int say_time(struct say *s, const char *language, unsigned hour, unsigned minute) MUST_USE;
int say_date(struct say *s, const char *language, const struct local_time *t) MUST_USE;

#endif
