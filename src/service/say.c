/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "service/say.h"

enum rule_kind { RULE_LANGUAGE, RULE_EXACT, RULE_WHOLE, RULE_AFTER, RULE_BEFORE, RULE_TIMES };

struct rule {
	enum rule_kind kind;
	uint32_t from, base, unit;
	const char *one, *word, *words, *joint;
};

struct clock_rule {
	bool is_12, is_always;
	const char *midnight, *one, *hour, *joint, *oh;
};

struct grammar {
	const char *code;
	const struct rule *rules;
	struct clock_rule clock;
	const char *date;
	char letter;
	const char *between; /* what the letter stands for */
};

#define EXACT(n, file) {.kind = RULE_EXACT, .from = n, .word = file},
#define WHOLE(n)       {.kind = RULE_WHOLE, .from = n},
#define AFTER(n, b, u, o, j)                                                                       \
	{.kind = RULE_AFTER, .from = n, .base = b, .unit = u, .one = o, .joint = j},
#define BEFORE(n, u) {.kind = RULE_BEFORE, .from = n, .unit = u},
#define TIMES(n, u, o, w, ws, j)                                                                   \
	{.kind = RULE_TIMES, .from = n, .unit = u, .one = o, .word = w, .words = ws, .joint = j},
#define CLOCK(is_12, midnight, one, hour, is_always, joint, oh)
#define DATE(order)
#define JOINT(letter, file)
#define LANGUAGE(code) static const struct rule rules_##code[] = {
#define END()                                                                                      \
	{                                                                                          \
		.kind = RULE_LANGUAGE                                                              \
	}                                                                                          \
	}                                                                                          \
	;
#include "service/say.def"
#undef EXACT
#undef WHOLE
#undef AFTER
#undef BEFORE
#undef TIMES
#undef CLOCK
#undef DATE
#undef JOINT
#undef LANGUAGE
#undef END

#define EXACT(n, file)
#define WHOLE(n)
#define AFTER(n, b, u, o, j)
#define BEFORE(n, u)
#define TIMES(n, u, o, w, ws, j)
#define CLOCK(t, m, o, h, a, j, z)                                                                 \
	.clock = {.is_12 = t,                                                                      \
		  .midnight = m,                                                                   \
		  .one = o,                                                                        \
		  .hour = h,                                                                       \
		  .is_always = a,                                                                  \
		  .joint = j,                                                                      \
		  .oh = z},
#define DATE(order)    .date = order,
#define JOINT(l, file) .letter = l, .between = file,
#define LANGUAGE(name)                                                                             \
	{                                                                                          \
		.code = #name, .rules = rules_##name,
#define END()                                                                                      \
	}                                                                                          \
	,
static const struct grammar grammars[] = {
#include "service/say.def"
};

static const struct grammar *grammar_of(const char *language)
{
	for (size_t i = 0; i < ARRAY_LEN(grammars); i++)
		if (!strcmp(grammars[i].code, language))
			return &grammars[i];
	return NULL;
}

int say_word(struct say *s, const char *name)
{
	if (s->n == SAY_MAX)
		return E2BIG;
	return str_copy(s->names[s->n++], SAY_NAME_BYTES, str_of(name));
}

/* NULL and "": nothing is said. */
static int perhaps(struct say *s, const char *name)
{
	return name && *name ? say_word(s, name) : 0;
}

static int file_of(struct say *s, const char *form, uint32_t n)
{
	char name[SAY_NAME_BYTES];

	snprintf(name, sizeof(name), form, n);
	return say_word(s, name);
}

/* One that names the number itself, or else the last that begins below it. */
static const struct rule *rule_for(const struct grammar *g, uint32_t n)
{
	const struct rule *found = g->rules;

	for (const struct rule *r = g->rules; r->kind != RULE_LANGUAGE; r++) {
		if (r->kind == RULE_EXACT && r->from == n)
			return r;
		if (r->kind != RULE_EXACT && r->from <= n)
			found = r;
	}
	return found;
}

static int number(struct say *s, const struct grammar *g, uint32_t n);

static int after(struct say *s, const struct grammar *g, const struct rule *r, uint32_t n)
{
	uint32_t round = r->base ? r->base : n - n % r->unit, rest = n - round;
	int err = file_of(s, "digits/%u", round);

	if (err || !rest)
		return err;
	err = perhaps(s, rest == 1 ? r->one : r->joint);
	return err ? err : number(s, g, rest);
}

static int before(struct say *s, const struct rule *r, uint32_t n)
{
	uint32_t rest = n % r->unit;
	int err = rest ? file_of(s, "digits/%u-and", rest) : 0;

	return err ? err : file_of(s, "digits/%u", n - rest);
}

static int times(struct say *s, const struct grammar *g, const struct rule *r, uint32_t n)
{
	uint32_t often = n / r->unit, rest = n % r->unit;
	int err = often == 1 && r->one ? perhaps(s, r->one) : number(s, g, often);

	if (!err)
		err = perhaps(s, often > 1 && r->words ? r->words : r->word);
	if (err || !rest)
		return err;
	err = perhaps(s, r->joint);
	return err ? err : number(s, g, rest);
}

/* As deep as the number has thousands, each time smaller. */
static int number(struct say *s, const struct grammar *g, uint32_t n)
{
	const struct rule *r = rule_for(g, n);

	switch (r->kind) {
	case RULE_EXACT:
		return say_word(s, r->word);
	case RULE_AFTER:
		return after(s, g, r, n);
	case RULE_BEFORE:
		return before(s, r, n);
	case RULE_TIMES:
		return times(s, g, r, n);
	default:
		return file_of(s, "digits/%u", n);
	}
}

int say_number(struct say *s, const char *language, uint32_t n)
{
	const struct grammar *g = grammar_of(language);

	if (!g)
		return ENOENT;
	return n > SAY_MOST ? ERANGE : number(s, g, n);
}

int say_digits(struct say *s, struct str digits)
{
	int err = 0;

	for (size_t i = 0; i < digits.n && !err; i++) {
		char c = digits.p[i];

		if (c >= '0' && c <= '9')
			err = file_of(s, "digits/%u", (uint32_t)(c - '0'));
		else
			err = c == '*'	 ? say_word(s, "digits/star")
			      : c == '#' ? say_word(s, "digits/pound")
					 : ERANGE;
	}
	return err;
}

static int minutes(struct say *s, const struct grammar *g, unsigned minute)
{
	int err = perhaps(s, g->clock.joint);

	if (!err && minute < 10)
		err = perhaps(s, g->clock.oh);
	return err ? err : number(s, g, minute);
}

int say_time(struct say *s, const char *language, unsigned hour, unsigned minute)
{
	const struct grammar *g = grammar_of(language);
	unsigned shown;
	int err;

	if (!g)
		return ENOENT;
	if (hour > 23 || minute > 59)
		return ERANGE;
	shown = g->clock.is_12 && hour % 12 != hour ? hour % 12 : hour;
	if (g->clock.is_12 && !shown)
		shown = 12;
	if (!shown && g->clock.midnight)
		err = say_word(s, g->clock.midnight);
	else
		err = shown == 1 && g->clock.one ? say_word(s, g->clock.one) : number(s, g, shown);
	if (!err && (g->clock.is_always || !minute))
		err = perhaps(s, g->clock.hour);
	if (!err && minute)
		err = minutes(s, g, minute);
	if (!err && g->clock.is_12)
		err = say_word(s, hour < 12 ? "digits/a-m" : "digits/p-m");
	return err;
}

static int date_part(struct say *s, const struct grammar *g, char part, const struct local_time *t)
{
	switch (part) {
	case 'W':
		return file_of(s, "digits/day-%u", (uint32_t)t->weekday);
	case 'M':
		return file_of(s, "digits/mon-%u", (uint32_t)t->month - 1);
	case 'Y':
		return number(s, g, (uint32_t)t->year);
	case 'O':
		return t->day > 20 && t->day % 10
			       ? (file_of(s, "digits/%u", (uint32_t)(t->day - t->day % 10))
					  ?: file_of(s, "digits/h-%u", (uint32_t)t->day % 10))
			       : file_of(s, "digits/h-%u", (uint32_t)t->day);
	case 'N':
		return file_of(s, "digits/h-%u", (uint32_t)t->day);
	case 'F':
		return t->day == 1 ? say_word(s, "digits/h-1") : number(s, g, (uint32_t)t->day);
	case 'D':
		return number(s, g, (uint32_t)t->day);
	default:
		return part == g->letter ? perhaps(s, g->between) : EINVAL;
	}
}

int say_date(struct say *s, const char *language, const struct local_time *t)
{
	const struct grammar *g = grammar_of(language);
	int err = 0;

	if (!g)
		return ENOENT;
	if (t->month < 1 || t->month > 12 || t->day < 1 || t->day > 31 || t->weekday < 0 ||
	    t->weekday > 6 || t->year < 1)
		return ERANGE;
	for (const char *part = g->date; *part && !err; part++)
		err = date_part(s, g, *part, t);
	return err;
}
