/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/pattern.h"
#include "schema/enums.h"
#include "schema/header_rules.h"

/* ---- what may be configured ---- */

/* What makes a dialog and what frames the message is the stack's; credentials are answers to what was asked. */
static const char *const not_ours[] = {
	"Via",	   "Call-ID",	    "CSeq",	      "Route",		 "Record-Route",
	"Path",	   "Max-Forwards",  "Content-Length", "Content-Type",	 "Content-Encoding",
	"RSeq",	   "RAck",	    "Replaces",	      "Session-Expires", "Min-SE",
	"Require", "Proxy-Require", "Supported",      "Authorization",	 "Proxy-Authorization",
	"Allow",   "Identity",
};
static const char *const always_there[] = {"Request-URI", "From", "To", "Contact"};

static bool is_one_of(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(str_of(list[i]), str_of(name)))
			return true;
	return false;
}

static int wrong(struct header_rule_why *why, const char *field, const char *code,
		 const char *message)
{
	why->field = field;
	why->code = code;
	str_fit(why->message, sizeof(why->message), str_of(message));
	return EINVAL;
}

/* RFC 3261 25.1: token; one letter would be a compact form. */
static bool is_name(const char *s)
{
	return strlen(s) > 1 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789-.!%*_+`'~") == strlen(s);
}

static int check_names(const struct header_rule *r, struct header_rule_why *why)
{
	if (!is_name(r->header))
		return wrong(why, "header", "bad_header", "is no name of a header, written out");
	if (is_one_of(not_ours, ARRAY_LEN(not_ours), r->header))
		return wrong(why, "header", "protected",
			     "is written by the SIP stack: no rule changes it");
	if (r->action != HEADER_ACTION_REPLACE &&
	    is_one_of(always_there, ARRAY_LEN(always_there), r->header))
		return wrong(why, "action", "protected",
			     "Request-URI, From, To and Contact stand in every call once: they are "
			     "replaced only");
	if (*r->condition_header && !is_name(r->condition_header))
		return wrong(why, "condition_header", "bad_header",
			     "is no name of a header, written out");
	if (!*r->condition_header && (*r->condition_match || r->condition_not))
		return wrong(why, "condition_header", "required",
			     "says in which header the condition looks");
	return 0;
}

/* *ngroups: of the expression; 0 when there is none. */
static int check_expression(const char *text, const char *field, unsigned *ngroups,
			    struct header_rule_why *why)
{
	struct pattern *p = NULL;
	struct pattern_why what;
	int err = *text ? pattern_open(&p, str_of(text), &what) : 0;

	*ngroups = p ? pattern_groups(p) : 0;
	pattern_close(p);
	return err == EINVAL ? wrong(why, field, "bad_expression", what.message) : err;
}

int header_rule_check(const struct header_rule *r, struct header_rule_why *why)
{
	unsigned ngroups = 0, ncondition = 0;
	struct pattern_why what;
	int err = check_names(r, why);

	if (!err && r->action == HEADER_ACTION_ADD && *r->match)
		err = wrong(why, "match", "not_used", "a header that is added matches nothing");
	if (!err && r->action == HEADER_ACTION_ADD && !*r->value)
		err = wrong(why, "value", "required", "a header that is added needs one");
	if (!err && r->action == HEADER_ACTION_REMOVE && *r->value)
		err = wrong(why, "value", "not_used", "a header that is removed has none");
	if (!err)
		err = check_expression(r->match, "match", &ngroups, why);
	if (!err)
		err = check_expression(r->condition_match, "condition_match", &ncondition, why);
	if (!err &&
	    pattern_check_text(str_of(r->value),
			       r->action == HEADER_ACTION_ADD ? ncondition : ngroups, &what))
		err = wrong(why, "value", "bad_text", what.message);
	return err;
}

/* ---- what they do ---- */

struct line {
	struct str name, value, whole;
};

/* The next line of *rest; false: there is none. */
static bool next(struct str *rest, struct line *l)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) + 1 : rest->n;
	struct str text;

	if (!n)
		return false;
	l->whole = text = (struct str){rest->p, n};
	*rest = (struct str){rest->p + n, rest->n - n};
	l->name = str_trim(str_cut(&text, ':'));
	l->value = str_trim(text);
	return true;
}

struct searching {
	struct pattern *match, *condition;
	struct pattern_found found; /* by the condition */
};

/* An empty expression finds all of it. */
static bool finds(const struct pattern *p, struct str value, struct pattern_found *f)
{
	if (p)
		return !pattern_find(p, value, f);
	memset(f, 0, sizeof(*f));
	f->group[0] = value;
	return true;
}

static bool is_meant(const struct header_rule *r, struct searching *s, struct str text)
{
	struct line l;

	if (!*r->condition_header)
		return true;
	while (next(&text, &l))
		if (str_ieq(l.name, str_of(r->condition_header)) &&
		    finds(s->condition, l.value, &s->found))
			return !r->condition_not;
	memset(&s->found, 0, sizeof(s->found));
	return r->condition_not;
}

static void write_replaced(struct buf *out, const struct line *l, const struct header_rule *r,
			   const struct pattern_found *f)
{
	const char *end = l->value.p + l->value.n;
	const char *from = f->group[0].p, *to = from + f->group[0].n;

	buf_str(out, l->name);
	buf_cstr(out, ": ");
	buf_add(out, l->value.p, (size_t)(from - l->value.p));
	pattern_write(out, str_of(r->value), f);
	buf_add(out, to, (size_t)(end - to));
	buf_cstr(out, "\r\n");
}

static void obey(const struct header_rule *r, struct searching *s, struct str text, struct buf *out)
{
	struct pattern_found f;
	struct line l;

	while (next(&text, &l)) {
		if (r->action == HEADER_ACTION_ADD || !str_ieq(l.name, str_of(r->header)) ||
		    !l.value.n || !finds(s->match, l.value, &f))
			buf_str(out, l.whole);
		else if (r->action == HEADER_ACTION_REPLACE)
			write_replaced(out, &l, r, &f);
	}
	if (r->action != HEADER_ACTION_ADD)
		return;
	buf_printf(out, "%s: ", r->header);
	pattern_write(out, str_of(r->value), &s->found);
	buf_cstr(out, "\r\n");
}

static int open_both(struct searching *s, const struct header_rule *r)
{
	struct pattern_why why;
	int err = *r->match ? pattern_open(&s->match, str_of(r->match), &why) : 0;

	if (!err && *r->condition_match)
		err = pattern_open(&s->condition, str_of(r->condition_match), &why);
	return err;
}

static bool is_about(const struct header_rule *r, int direction, enum header_rules_of of)
{
	if (r->direction != direction)
		return false;
	switch (of) {
	case HEADER_RULES_INVITE:
		return r->messages != RULE_MESSAGES_ANSWERS;
	case HEADER_RULES_REQUEST:
		return r->messages == RULE_MESSAGES_REQUESTS || r->messages == RULE_MESSAGES_ALL;
	default:
		return r->messages == RULE_MESSAGES_ANSWERS || r->messages == RULE_MESSAGES_ALL;
	}
}

bool header_rules_any(const struct object_list *rules, int direction, enum header_rules_of of)
{
	for (size_t i = 0; i < rules->n; i++)
		if (is_about((const struct header_rule *)rules->v[i], direction, of))
			return true;
	return false;
}

void header_rules_apply(const struct object_list *rules, int direction, enum header_rules_of of,
			struct str text, struct buf *out)
{
	struct buf now = {0}, then = {0}, swap;
	int err = 0;

	buf_str(&now, text);
	for (size_t i = 0; !err && i < rules->n; i++) {
		const struct header_rule *r = (const struct header_rule *)rules->v[i];
		struct searching s = {0};

		if (!is_about(r, direction, of))
			continue;
		err = open_both(&s, r);
		if (!err && is_meant(r, &s, buf_view(&now))) {
			buf_reset(&then);
			obey(r, &s, buf_view(&now), &then);
			swap = now;
			now = then;
			then = swap;
			err = now.err;
		}
		pattern_close(s.match);
		pattern_close(s.condition);
	}
	buf_str(out, buf_view(&now));
	if (err)
		out->err = err;
	buf_free(&now);
	buf_free(&then);
}
