/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "base/pattern.h"

enum { MAX_STEPS = 10000, MAX_DEPTH = 250, MAX_HEAP_KIB = 64, MAX_PARENTHESES = 20 };

struct pattern {
	pcre2_code *code;
	pcre2_match_data *found;
	pcre2_match_context *limits;
	unsigned ngroups;
};

static void tell(struct pattern_why *why, int number, size_t at)
{
	PCRE2_UCHAR text[128];

	if (pcre2_get_error_message(number, text, sizeof(text)) < 0)
		text[0] = '\0';
	(void)snprintf(why->message, sizeof(why->message), "is no regular expression: %s at %zu",
		       (const char *)text, at);
}

/* ENOMEM or EINVAL. */
static int compile(struct pattern *p, struct str expression, struct pattern_why *why)
{
	pcre2_compile_context *c = pcre2_compile_context_create(NULL);
	int number = 0;
	size_t at = 0;

	if (!c)
		return ENOMEM;
	pcre2_set_parens_nest_limit(c, MAX_PARENTHESES);
	p->code = pcre2_compile((PCRE2_SPTR)(expression.n ? expression.p : ""), expression.n,
				PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
					PCRE2_NEVER_BACKSLASH_C,
				&number, &at, c);
	pcre2_compile_context_free(c);
	if (p->code)
		return 0;
	if (number == PCRE2_ERROR_HEAP_FAILED)
		return ENOMEM;
	tell(why, number, at);
	return EINVAL;
}

int pattern_open(struct pattern **pp, struct str expression, struct pattern_why *why)
{
	struct pattern *p = mem_alloc(sizeof(*p));
	uint32_t n = 0;
	int err;

	if (!p)
		return ENOMEM;
	err = compile(p, expression, why);
	if (err)
		goto out;
	p->found = pcre2_match_data_create_from_pattern(p->code, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (!p->found || !p->limits) {
		err = ENOMEM;
		goto out;
	}
	pcre2_set_match_limit(p->limits, MAX_STEPS);
	pcre2_set_depth_limit(p->limits, MAX_DEPTH);
	pcre2_set_heap_limit(p->limits, MAX_HEAP_KIB);
	pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &n);
	p->ngroups = n;
out:
	if (err)
		pattern_close(p);
	else
		*pp = p;
	return err;
}

struct pattern *pattern_close(struct pattern *p)
{
	if (!p)
		return NULL;
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->found);
	pcre2_code_free(p->code);
	return mem_free(p);
}

unsigned pattern_groups(const struct pattern *p)
{
	return p->ngroups;
}

int pattern_find(const struct pattern *p, struct str text, struct pattern_found *f)
{
	const char *s = text.n ? text.p : "";
	int n = pcre2_match(p->code, (PCRE2_SPTR)s, text.n, 0, 0, p->found, p->limits);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->found);

	memset(f, 0, sizeof(*f));
	if (n == PCRE2_ERROR_NOMATCH)
		return ENOENT;
	if (n == PCRE2_ERROR_NOMEMORY)
		return ENOMEM;
	if (n < 0)
		return E2BIG;
	for (int i = 0; i < n && i < PATTERN_MAX_GROUPS; i++)
		if (at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1])
			f->group[i] = (struct str){s + at[2 * i], at[2 * i + 1] - at[2 * i]};
	return 0;
}

/* ---- what is written instead ---- */

int pattern_check_text(struct str text, unsigned ngroups, struct pattern_why *why)
{
	for (size_t i = 0; i < text.n; i++) {
		char next = i + 1 < text.n ? text.p[i + 1] : '\0';

		if (text.p[i] != '$')
			continue;
		if (next != '$' && (next < '0' || next > '9')) {
			(void)snprintf(why->message, sizeof(why->message),
				       "a $ stands before 0 to 9, or before another $");
			return EINVAL;
		}
		if (next != '$' && (unsigned)(next - '0') > ngroups) {
			(void)snprintf(why->message, sizeof(why->message),
				       "there is no group %c: the expression has %u", next,
				       ngroups);
			return EINVAL;
		}
		i++;
	}
	return 0;
}

void pattern_write(struct buf *out, struct str text, const struct pattern_found *f)
{
	for (size_t i = 0; i < text.n; i++) {
		char next = i + 1 < text.n ? text.p[i + 1] : '\0';

		if (text.p[i] == '$' && next >= '0' && next <= '9')
			buf_str(out, f->group[next - '0']);
		else
			buf_char(out, text.p[i]);
		if (text.p[i] == '$' && (next == '$' || (next >= '0' && next <= '9')))
			i++;
	}
}
